#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "value/timestamp.h"

namespace tollgate {

/// A recurring time: five cron fields, or six with the seconds first, or a descriptor (`@hourly`,
/// `@every 90s`), after an optional `TZ=Zone` (default UTC). Immutable.
///
/// Names of months and weekdays, `?`, ranges and steps are understood. When both day fields are
/// restricted, either of them suffices, as in cron.
class CronSchedule {
 public:
  static Result<CronSchedule> parse(std::string_view text);

  /// The first time after `unix_seconds`, in Unix seconds. Nothing if there is none within five
  /// years.
  std::optional<std::int64_t> next(std::int64_t unix_seconds) const;

 private:
  struct Field {
    std::bitset<64> values;
    bool any = false;  ///< `*` or `?`
  };
  struct Range;
  static Result<Field> parse_field(std::string_view text, const Range& range);
  bool day_matches(std::int64_t days) const;

  const Zone* zone_ = nullptr;
  std::chrono::seconds every_{0};  // 0: by the fields
  Field second_, minute_, hour_, day_, month_, weekday_;
};

}  // namespace tollgate
