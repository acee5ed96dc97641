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
  explicit ZoneState(const Zone* given) : zone(given) {}
  const Zone* zone;  ///< null: none was given
};

/// The zone called so, or why there is none.
std::expected<const Zone*, std::string> find_zone(std::string_view name) {
  if (name.empty()) return Zone::utc();
  if (const Zone* zone = Zone::find(name)) return zone;
  const bool invalid_name =
      name.contains("..") || name.front() == '/' || name.contains('\\');
  std::string reason = invalid_name ? "time: invalid location name"
                                    : "unknown time zone " + std::string(name);
  return std::unexpected("failed to parse timezone location name: " + reason);
}

Prepared prepare_zone(const Arguments& arguments) {
  auto zone = find_zone(arguments.text(0));
  if (!zone) return std::unexpected(std::move(zone.error()));
  return std::make_unique<ZoneState>(*zone);
}

Value in_zone(Call& call, Value target) {
  const Value time = timestamp_of(call.run(), target);
  if (time.is_error()) return time;
  Timestamp moved = time.as_timestamp();
  moved.zone = call.state<ZoneState>().zone;
  return Value::timestamp(call.arena().make<Timestamp>(moved));
}

// Formatting --------------------------------------------------------------------------------------

struct LayoutState final : CallState {
  LayoutState(std::string_view text, const Zone* shown) : layout(text), zone(shown) {}
  TimeLayout layout;
  const Zone* zone;  ///< to show times in; null: that of the time
};

Prepared prepare_layout(const Arguments& arguments) {
  return std::make_unique<LayoutState>(arguments.text(0), nullptr);
}

Prepared prepare_format(const Arguments& arguments) {
  const Zone* zone = nullptr;
  if (arguments.has(1)) {
    auto found = find_zone(arguments.text(1));
    if (!found) return std::unexpected(std::move(found.error()));
    zone = *found;
  }
  return std::make_unique<LayoutState>(arguments.text(0), zone);
}

Value too_long(Call& call) {
  return call.error("the result exceeds the limit of ", std::to_string(kMaxBytes), " bytes");
}

constexpr std::size_t kMostReserved = 4096;

Value format_layout(Call& call, Value target) {
  const Value time = timestamp_of(call.run(), target);
  if (time.is_error()) return time;
  const auto& state = call.state<LayoutState>();
  const TimeLayout& layout = state.layout;
  Timestamp shown = time.as_timestamp();
  if (state.zone) shown.zone = state.zone;
  const std::size_t most = layout.most_bytes(shown);
  if (most > kMostReserved) {  // far more than is needed
    std::string out;
    append_time(out, shown, layout.text());
    return out.size() > kMaxBytes ? too_long(call) : call.string(out);
  }
  auto* const memory = call.arena().allocate_array<char>(most);
  const auto size = static_cast<std::size_t>(layout.write(memory, shown) - memory);
  call.arena().shrink_last(memory, size);
  return Value::string({memory, size});
}

Prepared prepare_directives(const Arguments& arguments) {
  if (!arguments.has(1)) return std::make_unique<ZoneState>(nullptr);
  auto zone = find_zone(arguments.text(1));
  if (!zone) return std::unexpected(std::move(zone.error()));
  return std::make_unique<ZoneState>(*zone);
}

Value format_directives(Call& call, Value target) {
  const Value time = timestamp_of(call.run(), target);
  if (time.is_error()) return time;
  Timestamp shown = time.as_timestamp();
  if (const Zone* zone = call.state<ZoneState>().zone) shown.zone = zone;
  std::string out;
  append_strftime(out, shown, call.text(0));
  return out.size() > kMaxBytes ? too_long(call) : call.string(out);
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

Result<Timestamp> parse_layout(Call& call, std::string_view text) {
  return call.state<LayoutState>().layout.parse(text);
}

Result<Timestamp> parse_directives(Call& call, std::string_view text) {
  return parse_strptime(text, call.text(0));
}

template <Result<Timestamp> (*parse)(Call&, std::string_view), bool as_text>
Value parse_text(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  const auto time = parse(call, *text);
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

constinit const Function kEntries[] = {
    {.name = "ts_parse",
     .category = Category::time,
     .parameters = {{"format", Type::string,
                     "How 2 January 2006, 15:04:05 would look, in the words of the text."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .prepare = prepare_layout,
     .call = parse_text<parse_layout, false>,
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
     .call = parse_text<parse_directives, false>,
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
     .call = format_layout,
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
     .prepare = prepare_directives,
     .call = format_directives,
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
     .prepare = prepare_layout,
     .call = parse_text<parse_layout, true>,
     .description = "As `ts_parse`, but gives RFC 3339 text."},
    {.name = "parse_timestamp_strptime",
     .category = Category::deprecated,
     .parameters = {{"format", Type::string, "As of `ts_strptime`."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .call = parse_text<parse_directives, true>,
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
     .call = format_layout,
     .description = "An older name of `ts_format`."},
    {.name = "format_timestamp_strftime",
     .category = Category::deprecated,
     .parameters = {{"format", Type::string, "As of `ts_strftime`."},
                    {"tz", Type::string, "The zone to show it in.", Need::optional}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kDeprecated,
     .prepare = prepare_directives,
     .call = format_directives,
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
