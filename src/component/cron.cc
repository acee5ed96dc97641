#include "component/cron.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "value/civil.h"
#include "value/duration.h"

namespace tollgate {

struct CronSchedule::Range {
  int least;
  int most;
  std::span<const std::string_view> names;  // of the values from `least` on
};

namespace {

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};

struct Descriptor {
  std::string_view name;
  std::string_view fields;
};
constexpr std::array descriptors{
    Descriptor{"@yearly", "0 0 0 1 1 *"},  Descriptor{"@annually", "0 0 0 1 1 *"},
    Descriptor{"@monthly", "0 0 0 1 * *"}, Descriptor{"@weekly", "0 0 0 * * 0"},
    Descriptor{"@daily", "0 0 0 * * *"},   Descriptor{"@midnight", "0 0 0 * * *"},
    Descriptor{"@hourly", "0 0 * * * *"},
};

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  while (!(text = trim(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return found;
}

Result<int> number_or_name(std::string_view text, int least,
                           std::span<const std::string_view> names) {
  const std::string lower = to_lower(text);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == lower) return least + static_cast<int>(i);
  }
  int number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0) {
    return invalid(fmt::format("failed to parse int from {}", text));
  }
  return number;
}

}  // namespace

Result<CronSchedule::Field> CronSchedule::parse_field(std::string_view text, const Range& range) {
  Field field;
  for (const std::string_view item : split(text, ",")) {
    const auto parts = split(item, "/");
    if (parts.size() > 2) return invalid(fmt::format("too many slashes: {}", item));
    const auto ends = split(parts[0], "-");
    if (ends.size() > 2) return invalid(fmt::format("too many hyphens: {}", item));
    int from = range.least;
    int to = range.most;
    int step = 1;
    const bool star = parts[0] == "*" || parts[0] == "?";
    if (!star) {
      from = TRY(number_or_name(ends[0], range.least, range.names));
      to = ends.size() == 2 ? TRY(number_or_name(ends[1], range.least, range.names)) : from;
    }
    if (parts.size() == 2) {
      step = TRY(number_or_name(parts[1], 0, {}));
      if (!star && ends.size() == 1) to = range.most;  // "3/5": from 3 on
      if (step == 0) return invalid(fmt::format("step of range should be a positive number: {}", item));
    }
    if (from < range.least) {
      return invalid(fmt::format("beginning of range ({}) below minimum ({}): {}", from,
                                 range.least, item));
    }
    if (to > range.most) {
      return invalid(fmt::format("end of range ({}) above maximum ({}): {}", to, range.most, item));
    }
    if (from > to) {
      return invalid(fmt::format("beginning of range ({}) beyond end of range ({}): {}", from, to,
                                 item));
    }
    field.any = field.any || (star && step == 1);
    for (int value = from; value <= to; value += step) {
      field.values.set(static_cast<std::size_t>(value));
    }
  }
  return field;
}

Result<CronSchedule> CronSchedule::parse(std::string_view text) {
  CronSchedule schedule;
  schedule.zone_ = Zone::utc();
  text = trim(text);
  if (text.starts_with("TZ=") || text.starts_with("CRON_TZ=")) {
    const std::size_t start = text.find('=') + 1;
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view name = text.substr(start, end - start);
    schedule.zone_ = Zone::find(name);
    if (!schedule.zone_) return invalid(fmt::format("provided bad location {}", name));
    text = trim(text.substr(end));
  }
  if (text.starts_with("@every ")) {
    const std::int64_t nanoseconds = TRY(parse_duration(trim(text.substr(7))));
    schedule.every_ = std::max(std::chrono::seconds(nanoseconds / 1'000'000'000),
                               std::chrono::seconds(1));
    return schedule;
  }
  if (text.starts_with('@')) {
    const auto* found = std::find_if(descriptors.begin(), descriptors.end(),
                                     [&](const Descriptor& d) { return d.name == text; });
    if (found == descriptors.end()) {
      return invalid(fmt::format("unrecognized descriptor: {}", text));
    }
    text = found->fields;
  }
  auto fields = words(text);
  if (fields.size() != 5 && fields.size() != 6) {
    return invalid(fmt::format("expected 5 to 6 fields, found {}: [{}]", fields.size(),
                               join(fields, " ")));
  }
  if (fields.size() == 5) fields.insert(fields.begin(), "0");
  schedule.second_ = TRY(parse_field(fields[0], {0, 59, {}}));
  schedule.minute_ = TRY(parse_field(fields[1], {0, 59, {}}));
  schedule.hour_ = TRY(parse_field(fields[2], {0, 23, {}}));
  schedule.day_ = TRY(parse_field(fields[3], {1, 31, {}}));
  schedule.month_ = TRY(parse_field(fields[4], {1, 12, month_names}));
  schedule.weekday_ = TRY(parse_field(fields[5], {0, 6, day_names}));
  return schedule;
}

bool CronSchedule::day_matches(std::int64_t days) const {
  const bool by_day = day_.values.test(static_cast<std::size_t>(civil_from_days(days).day));
  const bool by_weekday = weekday_.values.test(static_cast<std::size_t>(weekday_of(days)));
  return day_.any || weekday_.any ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<std::int64_t> CronSchedule::next(std::int64_t unix_seconds) const {
  if (every_.count() > 0) return unix_seconds + every_.count();
  const std::int64_t end = unix_seconds + std::int64_t{5} * 366 * 86'400;
  std::int64_t at = unix_seconds + 1;
  // The start of a later civil day or month, which a change of the clocks may move; it never goes
  // back, so that the search ends.
  const auto jump = [&](std::int64_t year, int month, int day) {
    const Timestamp start = time_of({.year = year, .month = month, .day = day}, zone_);
    at = std::max(at + 1, start.seconds);
  };
  while (at < end) {
    const CivilTime now = civil_from_unix(at, zone_->at(at).seconds);
    if (!month_.values.test(static_cast<std::size_t>(now.month))) {
      jump(now.year, now.month + 1, 1);
    } else if (!day_matches(days_from_civil(now.year, now.month, now.day))) {
      jump(now.year, now.month, now.day + 1);
    } else if (!hour_.values.test(static_cast<std::size_t>(now.hour))) {
      at += 3600 - now.minute * 60 - now.second;
    } else if (!minute_.values.test(static_cast<std::size_t>(now.minute))) {
      at += 60 - now.second;
    } else if (!second_.values.test(static_cast<std::size_t>(now.second))) {
      ++at;
    } else {
      return at;
    }
  }
  return std::nullopt;
}

}  // namespace tollgate
