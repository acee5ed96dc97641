// Methods of category Timestamp Manipulation: parsing, formatting, zones. Older names of them work
// as well and give texts instead of timestamps.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/text_builder.h"
#include "value/civil.h"
#include "value/duration.h"
#include "value/strftime.h"
#include "value/time_layout.h"

namespace tollgate::bloblang {
namespace {

// Zones -------------------------------------------------------------------------------------------

struct ZoneState final : CallState {
  const Zone* zone = nullptr;  ///< null: none was given
};

Prepared zone_of(std::string_view name) {
  auto state = std::make_unique<ZoneState>();
  state->zone = name.empty() ? Zone::utc() : Zone::find(name);
  if (state->zone) return state;
  const bool invalid_name =
      name.contains("..") || name.front() == '/' || name.contains('\\');
  std::string reason = invalid_name ? "time: invalid location name"
                                    : "unknown time zone " + std::string(name);
  return std::unexpected("failed to parse timezone location name: " + reason);
}

Prepared prepare_zone(const Arguments& arguments) { return zone_of(arguments.text(0)); }

Prepared prepare_format(const Arguments& arguments) {
  if (!arguments.has(1)) return std::make_unique<ZoneState>();
  return zone_of(arguments.text(1));
}

Value in_zone(Call& call, Value target) {
  const Value time = timestamp_of(call.run(), target);
  if (time.is_error()) return time;
  Timestamp moved = time.as_timestamp();
  moved.zone = call.state<ZoneState>().zone;
  return Value::timestamp(call.arena().make<Timestamp>(moved));
}

// Formatting --------------------------------------------------------------------------------------

template <void (*append)(std::string&, const Timestamp&, std::string_view)>
Value format(Call& call, Value target) {
  const Value time = timestamp_of(call.run(), target);
  if (time.is_error()) return time;
  Timestamp shown = time.as_timestamp();
  if (const Zone* zone = call.state<ZoneState>().zone) shown.zone = zone;
  std::string out;
  append(out, shown, call.text(0));
  if (out.size() > kMaxBytes) {
    return call.error("the result exceeds the limit of ", std::to_string(kMaxBytes), " bytes");
  }
  return call.string(out);
}

/// Units of the clock in a second: 1, 1e3, 1e6, 1e9.
template <std::uint64_t units>
Value unix_time(Call& call, Value target) {
  const Value time = timestamp_of(call.run(), target);
  if (time.is_error()) return time;
  const Timestamp& at = time.as_timestamp();
  const auto whole = static_cast<std::uint64_t>(at.seconds) * units;  // may wrap, as in Go
  const auto rest = static_cast<std::uint64_t>(at.nanoseconds) / (1'000'000'000 / units);
  return Value::int64(static_cast<std::int64_t>(whole + rest));
}

// Parsing -----------------------------------------------------------------------------------------

template <Result<Timestamp> (*parse)(std::string_view, std::string_view), bool as_text>
Value parse_text(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  const auto time = parse(*text, call.text(0));
  if (!time) return call.error(time.error().message());
  if constexpr (as_text) {
    std::string out;
    append_rfc3339(out, *time);
    return call.string(out);
  }
  return Value::timestamp(call.arena().make<Timestamp>(*time));
}

// Entries -----------------------------------------------------------------------------------------

constexpr auto kAsGiven = Function::Errors::as_given;
constexpr auto kBeta = Function::Stability::beta;
constexpr auto kDeprecated = Function::Stability::deprecated;

constexpr auto kFormatLayout = format<append_time>;
constexpr auto kFormatDirectives = format<append_strftime>;

constinit const Function kEntries[] = {
    {.name = "ts_parse",
     .category = Category::time,
     .parameters = {{"format", Type::string,
                     "How 2 January 2006, 15:04:05 would look, in the words of the text."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .call = parse_text<parse_time, false>,
     .description = "The timestamp that a text spells. Without a zone it is taken as UTC.",
     .examples = {{.mapping = "root.at = this.at.ts_parse(\"2006-Jan-02 15:04\")",
                   .cases = {{R"({"at":"2024-Mar-01 10:30"})",
                              R"({"at":"2024-03-01T10:30:00Z"})"}}}}},
    {.name = "ts_strptime",
     .category = Category::time,
     .parameters = {{"format", Type::string, "The form of the text, with % directives."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .call = parse_text<parse_strptime, false>,
     .description = "The timestamp that a text spells; %f is a fraction of a second.",
     .examples = {{.mapping = "root.at = this.at.ts_strptime(\"%Y-%b-%d %H:%M\")",
                   .cases = {{R"({"at":"2024-Mar-01 10:30"})",
                              R"({"at":"2024-03-01T10:30:00Z"})"}}}}},
    {.name = "ts_format",
     .category = Category::time,
     .parameters = {{"format", Type::string,
                     "How 2 January 2006, 15:04:05 would look in the form wanted.",
                     Need::defaulted, Value::string(layout::rfc3339_nano)},
                    {"tz", Type::string, "The zone to show it in.", Need::optional}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .prepare = prepare_format,
     .call = kFormatLayout,
     .description = "A timestamp, RFC 3339 text or unix time as text.",
     .examples = {{.mapping = "root.day = this.at.ts_format(\"2006-01-02 15:04\", \"UTC\")",
                   .cases = {{R"({"at":1709289000})", R"({"day":"2024-03-01 10:30"})"},
                             {R"({"at":"2024-03-01T12:30:00+02:00"})",
                              R"({"day":"2024-03-01 10:30"})"}}}}},
    {.name = "ts_strftime",
     .category = Category::time,
     .parameters = {{"format", Type::string, "The form wanted, with % directives."},
                    {"tz", Type::string, "The zone to show it in.", Need::optional}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .prepare = prepare_format,
     .call = kFormatDirectives,
     .description = "A timestamp, RFC 3339 text or unix time as text; %f is microseconds.",
     .examples = {{.mapping = "root.day = this.at.ts_strftime(\"%Y-%m-%d %H:%M\", \"UTC\")",
                   .cases = {{R"({"at":1709289000})", R"({"day":"2024-03-01 10:30"})"}}}}},
    {.name = "ts_tz",
     .category = Category::time,
     .parameters = {{"tz", Type::string, "A name of the tz database, UTC or Local."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .prepare = prepare_zone,
     .call = in_zone,
     .description = "The same instant in another zone.",
     .examples = {{.mapping = "root.at = this.at.ts_tz(\"UTC\")",
                   .cases = {{R"({"at":"2024-03-01T12:30:00+02:00"})",
                              R"({"at":"2024-03-01T10:30:00Z"})"}}}}},
    {.name = "ts_unix",
     .category = Category::time,
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .call = unix_time<1>,
     .description = "Seconds since 1970.",
     .examples = {{.mapping = "root.at = this.at.ts_unix()",
                   .cases = {{R"({"at":"2024-03-01T10:30:00.75Z"})", R"({"at":1709289000})"}}}}},
    {.name = "ts_unix_milli",
     .category = Category::time,
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .call = unix_time<1'000>,
     .description = "Milliseconds since 1970.",
     .examples = {{.mapping = "root.at = this.at.ts_unix_milli()",
                   .cases = {{R"({"at":"2024-03-01T10:30:00.75Z"})", R"({"at":1709289000750})"}}}}},
    {.name = "ts_unix_micro",
     .category = Category::time,
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .call = unix_time<1'000'000>,
     .description = "Microseconds since 1970.",
     .examples = {{.mapping = "root.at = this.at.ts_unix_micro()",
                   .cases = {{R"({"at":"2024-03-01T10:30:00.75Z"})",
                              R"({"at":1709289000750000})"}}}}},
    {.name = "ts_unix_nano",
     .category = Category::time,
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .call = unix_time<1'000'000'000>,
     .description = "Nanoseconds since 1970.",
     .examples = {{.mapping = "root.at = this.at.ts_unix_nano()",
                   .cases = {{R"({"at":"2024-03-01T10:30:00.75Z"})",
                              R"({"at":1709289000750000000})"}}}}},
    {.name = "parse_timestamp",
     .category = Category::deprecated,
     .parameters = {{"format", Type::string, "As of `ts_parse`."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .call = parse_text<parse_time, true>,
     .description = "As `ts_parse`, but gives RFC 3339 text."},
    {.name = "parse_timestamp_strptime",
     .category = Category::deprecated,
     .parameters = {{"format", Type::string, "As of `ts_strptime`."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .call = parse_text<parse_strptime, true>,
     .description = "As `ts_strptime`, but gives RFC 3339 text."},
    {.name = "format_timestamp",
     .category = Category::deprecated,
     .parameters = {{"format", Type::string, "As of `ts_format`.", Need::defaulted,
                     Value::string(layout::rfc3339_nano)},
                    {"tz", Type::string, "The zone to show it in.", Need::optional}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .prepare = prepare_format,
     .call = kFormatLayout,
     .description = "An older name of `ts_format`."},
    {.name = "format_timestamp_strftime",
     .category = Category::deprecated,
     .parameters = {{"format", Type::string, "As of `ts_strftime`."},
                    {"tz", Type::string, "The zone to show it in.", Need::optional}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .prepare = prepare_format,
     .call = kFormatDirectives,
     .description = "An older name of `ts_strftime`."},
    {.name = "format_timestamp_unix",
     .category = Category::deprecated,
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .call = unix_time<1>,
     .description = "An older name of `ts_unix`."},
    {.name = "format_timestamp_unix_milli",
     .category = Category::deprecated,
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .call = unix_time<1'000>,
     .description = "An older name of `ts_unix_milli`."},
    {.name = "format_timestamp_unix_micro",
     .category = Category::deprecated,
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .call = unix_time<1'000'000>,
     .description = "An older name of `ts_unix_micro`."},
    {.name = "format_timestamp_unix_nano",
     .category = Category::deprecated,
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .call = unix_time<1'000'000'000>,
     .description = "An older name of `ts_unix_nano`."},
};

}  // namespace

constinit const std::span<const Function> kTimeMethods = kEntries;

}  // namespace tollgate::bloblang
