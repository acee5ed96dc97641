#include "sandbox/faults.h"

#include <fmt/format.h>

#include "sandbox/answers.h"
#include "value/duration.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate {

namespace {

Result<std::int64_t> read_whole(std::string_view key, Value value, std::int64_t least,
                                std::int64_t most) {
  const Value number = resolve_number(value);
  if (number.is(Kind::int64) && number.as_int64() >= least && number.as_int64() <= most) {
    return number.as_int64();
  }
  return invalid(fmt::format("{}: expected a whole number from {} to {}", key, least, most));
}

constexpr std::int64_t max_every = 1'000'000'000;

Result<> apply(FaultSettings& settings, std::string_view key, Value value) {
  if (key == "fail_every") {
    settings.fail_every = static_cast<std::uint64_t>(TRY(read_whole(key, value, 0, max_every)));
  } else if (key == "reset_every") {
    settings.reset_every = static_cast<std::uint64_t>(TRY(read_whole(key, value, 0, max_every)));
  } else if (key == "status") {
    settings.status = static_cast<int>(TRY(read_whole(key, value, 200, 599)));
  } else if (key == "fail_after_store") {
    if (!value.is(Kind::boolean)) return invalid("fail_after_store: expected true or false");
    settings.fail_after_store = value.as_boolean();
  } else if (key == "delay") {
    if (!value.is(Kind::string)) return invalid("delay: expected a duration such as \"100ms\"");
    const auto delay = TRY(parse_duration(value.as_text()));
    if (delay < 0) return invalid("delay: expected a duration that is not negative");
    settings.delay = std::chrono::nanoseconds(delay);
  } else {
    return invalid(fmt::format("unknown key '{}': expected fail_every, status, fail_after_store, "
                               "delay or reset_every",
                               key));
  }
  return {};
}

}  // namespace

Result<FaultSettings> FaultSettings::changed_by(std::string_view json) const {
  Arena arena;
  const Value value = parse_json(json, arena);
  if (value.is_error()) return invalid(std::string(value.as_text()));
  if (!value.is(Kind::object)) return invalid("expected a JSON object");
  FaultSettings changed = *this;
  for (const Member& member : value.as_object().members(arena)) {
    TRY(apply(changed, member.key, member.value));
  }
  return changed;
}

std::string FaultSettings::json() const {
  std::string text;
  append_duration(text, delay.count());
  JsonText out;
  out.open('{');
  out.key("fail_every").number(fail_every);
  out.key("status").number(static_cast<std::uint64_t>(status));
  out.key("fail_after_store").raw(fail_after_store ? "true" : "false");
  out.key("delay").string(text);
  out.key("reset_every").number(reset_every);
  out.close('}');
  return std::move(out).text();
}

Faults::Plan Faults::next() {
  std::lock_guard lock(lock_);
  ++seen_;
  Plan plan{Fate::serve, settings_};
  if (settings_.reset_every > 0 && seen_ % settings_.reset_every == 0) {
    plan.fate = Fate::reset;
    ++resets_;
  } else if (settings_.fail_every > 0 && seen_ % settings_.fail_every == 0) {
    plan.fate = Fate::fail;
    ++failures_;
  }
  return plan;
}

FaultSettings Faults::settings() const {
  std::lock_guard lock(lock_);
  return settings_;
}

void Faults::set(const FaultSettings& settings) {
  std::lock_guard lock(lock_);
  settings_ = settings;
  seen_ = 0;
}

std::uint64_t Faults::failures() const {
  std::lock_guard lock(lock_);
  return failures_;
}

std::uint64_t Faults::resets() const {
  std::lock_guard lock(lock_);
  return resets_;
}

}  // namespace tollgate
