#include "value/civil.h"

#include <algorithm>
#include <limits>

namespace tollgate {

namespace {

constexpr std::int64_t seconds_per_day = 86'400;
constexpr std::int64_t days_per_era = 146'097;  // 400 years
constexpr std::int64_t days_to_epoch = 719'468;  // from 0000-03-01 to 1970-01-01

constexpr std::int64_t wrap_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrap_multiply(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}
/// Requires: divisor > 0.
constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t divisor) {
  const std::int64_t quotient = a / divisor;
  return a % divisor < 0 ? quotient - 1 : quotient;
}

/// What floor_divide() leaves; 0 or more.
constexpr std::int64_t floor_modulo(std::int64_t a, std::int64_t divisor) {
  const std::int64_t remainder = a % divisor;
  return remainder < 0 ? remainder + divisor : remainder;
}

/// Brings `low` into [0, base) and carries the rest into `high`.
void carry(std::int64_t& high, std::int64_t& low, std::int64_t base) {
  high = wrap_add(high, floor_divide(low, base));
  low = floor_modulo(low, base);
}

}  // namespace

int days_in_month(std::int64_t year, int month) {
  if (month == 2) return is_leap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

// Both conversions count years from March, so that the leap day is the last of its year.

std::int64_t days_from_civil(std::int64_t year, int month, std::int64_t day) {
  if (month <= 2) year = wrap_add(year, -1);
  const std::int64_t era = floor_divide(year, 400);
  const std::int64_t year_of_era = floor_modulo(year, 400);
  const std::int64_t month_from_march = (month + 9) % 12;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  const std::int64_t first = wrap_add(wrap_multiply(era, days_per_era), day_of_era - days_to_epoch);
  return wrap_add(first, wrap_add(day, -1));
}

CivilDate civil_from_days(std::int64_t days) {
  days = wrap_add(days, days_to_epoch);
  const std::int64_t era = floor_divide(days, days_per_era);
  const auto day_of_era = static_cast<std::uint32_t>(floor_modulo(days, days_per_era));
  const std::uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint32_t month_from_march = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const int month = static_cast<int>(month_from_march < 10 ? month_from_march + 3
                                                           : month_from_march - 9);
  const std::int64_t year = era * 400 + static_cast<std::int64_t>(year_of_era) + (month <= 2);
  return {year, month, day};
}

namespace {

struct DayAndSecond {
  std::int64_t day;
  int second;
};

/// Go counts without sign from the March of the year -292277022400 on: what is earlier comes after
/// everything else.
DayAndSecond split_seconds(std::int64_t local) {
  constexpr std::int64_t first_day = -730'692'556 * days_per_era - days_to_epoch;
  constexpr auto first_second = static_cast<std::uint64_t>(first_day * seconds_per_day);
  const std::uint64_t since = static_cast<std::uint64_t>(local) - first_second;
  return {first_day + static_cast<std::int64_t>(since / seconds_per_day),
          static_cast<int>(since % seconds_per_day)};
}

}  // namespace

std::int64_t day_of(std::int64_t unix_seconds, std::int32_t offset) {
  return split_seconds(wrap_add(unix_seconds, offset)).day;
}

CivilTime civil_from_unix(std::int64_t unix_seconds, std::int32_t offset) {
  const auto [day, second] = split_seconds(wrap_add(unix_seconds, offset));
  const CivilDate date = civil_from_days(day);
  return {date.year, date.month, date.day, second / 3600, second / 60 % 60, second % 60};
}

std::int64_t unix_from_civil(const CivilTime& time, std::int32_t offset) {
  const std::int64_t days = days_from_civil(time.year, time.month, time.day);
  const std::int64_t second = (time.hour * 60 + time.minute) * 60 + time.second;
  return wrap_add(wrap_multiply(days, seconds_per_day), second - offset);
}

int weekday_of(std::int64_t days) {
  return static_cast<int>(floor_modulo(wrap_add(days, 4), 7));  // 1970-01-01 was a Thursday
}

int yearday_of(std::int64_t days) {
  return static_cast<int>(days - days_from_civil(civil_from_days(days).year, 1, 1)) + 1;
}

IsoWeek iso_week_of(std::int64_t days) {
  // A week belongs to the year of its Thursday.
  const std::int64_t thursday = days - (weekday_of(days) + 6) % 7 + 3;
  return {civil_from_days(thursday).year, (yearday_of(thursday) - 1) / 7 + 1};
}

Zone::Offset offset_of(const Timestamp& time) {
  return time.zone ? time.zone->at(time.seconds) : Zone::Offset{0, "UTC", false};
}

CivilTime civil_of(const Timestamp& time) {
  return civil_from_unix(time.seconds, time.zone ? time.zone->at(time.seconds).seconds : 0);
}

Timestamp make_timestamp(std::int64_t seconds, std::int64_t nanoseconds, const Zone* zone) {
  carry(seconds, nanoseconds, 1'000'000'000);
  return {seconds, static_cast<std::int32_t>(nanoseconds), zone};
}

Timestamp time_of(const ClockFields& fields, const Zone* zone) {
  ClockFields clock = fields;
  clock.month = wrap_add(clock.month, -1);
  carry(clock.year, clock.month, 12);
  carry(clock.second, clock.nanosecond, 1'000'000'000);
  carry(clock.minute, clock.second, 60);
  carry(clock.hour, clock.minute, 60);
  carry(clock.day, clock.hour, 24);
  const std::int64_t days =
      days_from_civil(clock.year, static_cast<int>(clock.month) + 1, clock.day);
  const std::int64_t second = (clock.hour * 60 + clock.minute) * 60 + clock.second;
  std::int64_t unix_seconds = wrap_add(wrap_multiply(days, seconds_per_day), second);
  if (zone) {
    const std::int32_t guess = zone->at(unix_seconds).seconds;
    if (guess != 0) {
      const std::int32_t offset = zone->at(wrap_add(unix_seconds, -guess)).seconds;
      unix_seconds = wrap_add(unix_seconds, -offset);
    }
  }
  return {unix_seconds, static_cast<std::int32_t>(clock.nanosecond), zone};
}

Timestamp add_date(const Timestamp& time, std::int64_t years, std::int64_t months,
                   std::int64_t days) {
  const CivilTime clock = civil_of(time);
  return time_of({wrap_add(clock.year, years), wrap_add(clock.month, months),
                  wrap_add(clock.day, days), clock.hour, clock.minute, clock.second,
                  time.nanoseconds},
                 time.zone);
}

Timestamp add_duration(const Timestamp& time, std::int64_t nanoseconds) {
  const std::int64_t whole = floor_divide(nanoseconds, 1'000'000'000);
  const std::int64_t rest = floor_modulo(nanoseconds, 1'000'000'000);
  return make_timestamp(wrap_add(time.seconds, whole), time.nanoseconds + rest, time.zone);
}

std::int64_t nanoseconds_between(const Timestamp& a, const Timestamp& b) {
  using Limits = std::numeric_limits<std::int64_t>;
  // Go counts from the year 1, so that the last instants lie before all others.
  constexpr std::int64_t since_year_one = 62'135'596'800;
  const std::int64_t a_seconds = wrap_add(a.seconds, since_year_one);
  const std::int64_t b_seconds = wrap_add(b.seconds, since_year_one);
  std::int64_t seconds;
  std::int64_t total;
  const bool later = a_seconds > b_seconds;
  if (__builtin_sub_overflow(a_seconds, b_seconds, &seconds)) {
    return later ? Limits::max() : Limits::min();
  }
  std::int64_t rest = a.nanoseconds - b.nanoseconds;
  if (seconds < 0 && rest > 0) {  // keeps both of one sign, so that the limits are reached exactly
    ++seconds;
    rest -= 1'000'000'000;
  }
  if (__builtin_mul_overflow(seconds, std::int64_t{1'000'000'000}, &total) ||
      __builtin_add_overflow(total, rest, &total)) {
    return later ? Limits::max() : Limits::min();
  }
  return total;
}

}  // namespace tollgate
