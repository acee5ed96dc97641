// Methods of category Timestamp Manipulation: durations.

#include "bloblang/functions/catalogue.h"
#include "value/civil.h"
#include "value/duration.h"

namespace tollgate::bloblang {
namespace {

__extension__ typedef __int128 Wide;

// Of timestamps -----------------------------------------------------------------------------------

/// To the nearest multiple of a duration since the year 1, halves up.
Value round_time(Call& call, Value target) {
  constexpr std::int64_t kYearOne = -62'135'596'800;
  const Value time = timestamp_of(call.run(), target);
  const std::int64_t unit = call.integer(0);
  if (time.is_error() || unit <= 0) return time;
  const Timestamp& at = time.as_timestamp();
  const Wide since = (static_cast<Wide>(at.seconds) - kYearOne) * 1'000'000'000 + at.nanoseconds;
  auto rest = static_cast<std::int64_t>(since % unit);
  if (rest < 0) rest += unit;
  const std::int64_t shift = rest < unit - rest ? -rest : unit - rest;
  return Value::timestamp(call.arena().make<Timestamp>(add_duration(at, shift)));
}

Value difference(Call& call, Value target) {
  const Value time = timestamp_of(call.run(), target);
  if (time.is_error()) return time;
  return Value::int64(nanoseconds_between(time.as_timestamp(), call[0].as_timestamp()));
}

struct PeriodState final : CallState {
  explicit PeriodState(const Period& parsed) : period(parsed) {}
  Period period;
};

template <bool negates>
Prepared prepare_period(const Arguments& arguments) {
  const auto period = Period::parse(arguments.text(0));
  if (!period) return std::unexpected(std::string(period.error().message()));
  return std::make_unique<PeriodState>(negates ? period->negated() : *period);
}

Value add_period(Call& call, Value target) {
  const Value time = timestamp_of(call.run(), target);
  if (time.is_error()) return time;
  const Timestamp moved = call.state<PeriodState>().period.add_to(time.as_timestamp());
  return Value::timestamp(call.arena().make<Timestamp>(moved));
}

// Of texts ----------------------------------------------------------------------------------------

Value parse_go_duration(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  const auto duration = parse_duration(*text);
  return duration ? Value::int64(*duration) : call.error(duration.error().message());
}

Value parse_iso_duration(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  const auto period = Period::parse(*text);
  return period ? Value::int64(period->nanoseconds()) : call.error(period.error().message());
}

// Entries -----------------------------------------------------------------------------------------

constexpr auto kAsGiven = Function::Errors::as_given;
constexpr auto kBeta = Function::Stability::beta;

constinit const Function kEntries[] = {
    {.name = "ts_round",
     .category = Category::time,
     .parameters = {{"duration", Type::integer, "The unit to round to, in nanoseconds."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .call = round_time,
     .description = "The timestamp to the nearest multiple of a duration, halves up.",
     .examples = {{.mapping = "root.at = this.at.ts_round(\"1h\".parse_duration())",
                   .cases = {{R"({"at":"2024-03-01T10:30:00Z"})",
                              R"({"at":"2024-03-01T11:00:00Z"})"}}}}},
    {.name = "ts_sub",
     .category = Category::time,
     .parameters = {{"t2", Type::timestamp, "The timestamp to subtract."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .call = difference,
     .description = "The nanoseconds from another timestamp to this one.",
     .examples = {{.mapping = "root.took = this.end.ts_sub(this.start)",
                   .cases = {{R"({"start":"2024-03-01T10:30:00Z","end":"2024-03-01T10:30:01.5Z"})",
                              R"({"took":1500000000})"}}}}},
    {.name = "ts_add_iso8601",
     .category = Category::time,
     .parameters = {{"duration", Type::string, "A duration such as P1M or PT30M."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .prepare = prepare_period<false>,
     .call = add_period,
     .description = "The timestamp a duration later, by the calendar.",
     .examples = {{.mapping = "root.at = this.at.ts_add_iso8601(\"P1Y1M\")",
                   .cases = {{R"({"at":"2024-03-01T10:30:00Z"})",
                              R"({"at":"2025-04-01T10:30:00Z"})"}}}}},
    {.name = "ts_sub_iso8601",
     .category = Category::time,
     .parameters = {{"duration", Type::string, "A duration such as P1M or PT30M."}},
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .prepare = prepare_period<true>,
     .call = add_period,
     .description = "The timestamp a duration earlier, by the calendar.",
     .examples = {{.mapping = "root.at = this.at.ts_sub_iso8601(\"PT30M\")",
                   .cases = {{R"({"at":"2024-03-01T10:30:00Z"})",
                              R"({"at":"2024-03-01T10:00:00Z"})"}}}}},
    {.name = "parse_duration",
     .category = Category::time,
     .folds = true,
     .errors = kAsGiven,
     .call = parse_go_duration,
     .description = "The nanoseconds of a duration such as 1h30m or 250ms.",
     .examples = {{.mapping = "root.wait = this.wait.parse_duration()",
                   .cases = {{R"({"wait":"1.5s"})", R"({"wait":1500000000})"}}}}},
    {.name = "parse_duration_iso8601",
     .category = Category::time,
     .folds = true,
     .errors = kAsGiven,
     .stability = kBeta,
     .call = parse_iso_duration,
     .description = "The nanoseconds of an ISO 8601 duration, a year being 365.2425 days and a "
                    "month a twelfth of that.",
     .examples = {{.mapping = "root.wait = this.wait.parse_duration_iso8601()",
                   .cases = {{R"({"wait":"PT1M30S"})", R"({"wait":90000000000})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kTimeSpanMethods = kEntries;

}  // namespace tollgate::bloblang
