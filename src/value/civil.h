#pragma once

#include <cstdint>

#include "value/timestamp.h"

namespace tollgate {

// The proleptic Gregorian calendar. Days count from 1970-01-01; years may be negative or 0.
// Every function is defined for all arguments: what leaves 64 bits wraps around.

struct CivilDate {
  std::int64_t year;
  int month;  ///< 1..12
  int day;    ///< 1..31
};

struct CivilTime {
  std::int64_t year;
  int month;   ///< 1..12
  int day;     ///< 1..31
  int hour;    ///< 0..23
  int minute;  ///< 0..59
  int second;  ///< 0..59
};

struct IsoWeek {
  std::int64_t year;
  int week;  ///< 1..53
};

constexpr bool is_leap(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}
/// Requires: month in 1..12.
int days_in_month(std::int64_t year, int month);

/// Requires: month in 1..12; `day` may be any number.
std::int64_t days_from_civil(std::int64_t year, int month, std::int64_t day);
CivilDate civil_from_days(std::int64_t days);
/// The day that contains an instant, for somebody `offset` seconds east of UTC.
std::int64_t day_of(std::int64_t unix_seconds, std::int32_t offset = 0);
CivilTime civil_from_unix(std::int64_t unix_seconds, std::int32_t offset = 0);
std::int64_t unix_from_civil(const CivilTime& time, std::int32_t offset = 0);

/// 0 is Sunday.
int weekday_of(std::int64_t days);
/// 1..366.
int yearday_of(std::int64_t days);
IsoWeek iso_week_of(std::int64_t days);

/// The offset in force at `time` in its zone.
Zone::Offset offset_of(const Timestamp& time);
/// What a clock in the zone of `time` shows.
CivilTime civil_of(const Timestamp& time);

/// What time.Date takes: any field may be out of its range and carries into the next.
struct ClockFields {
  std::int64_t year = 1;
  std::int64_t month = 1;
  std::int64_t day = 1;
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  std::int64_t second = 0;
  std::int64_t nanosecond = 0;
};

/// The instant at which a clock in `zone` (null: UTC) shows the fields. In a gap or an overlap of
/// local time the choice is Go's: a time of one of the two offsets around the change.
Timestamp time_of(const ClockFields& fields, const Zone* zone);
/// Go's Time.AddDate: the clock reading with calendar fields added, normalised.
Timestamp add_date(const Timestamp& time, std::int64_t years, std::int64_t months,
                   std::int64_t days);
/// `nanoseconds` later.
Timestamp add_duration(const Timestamp& time, std::int64_t nanoseconds);
/// From a number of seconds and nanoseconds of any size; normalises.
Timestamp make_timestamp(std::int64_t seconds, std::int64_t nanoseconds, const Zone* zone);
/// `a` minus `b` in nanoseconds; saturates like Go's Time.Sub.
std::int64_t nanoseconds_between(const Timestamp& a, const Timestamp& b);

}  // namespace tollgate
