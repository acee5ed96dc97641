#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "value/timestamp.h"

namespace tollgate {

/// The recurring rule that a POSIX TZ string gives ("CET-1CEST,M3.5.0,M10.5.0/3").
class PosixZone {
 public:
  /// Nothing if `text` is malformed.
  static std::optional<PosixZone> parse(std::string_view text);
  /// The abbreviation views this object.
  Zone::Offset at(std::int64_t unix_seconds) const;

 private:
  /// When in a year the offset changes.
  struct Change {
    enum class Form : std::uint8_t { julian, day, month_week } form = Form::day;
    int day = 0;    ///< 1..365 without leap days; 0..365; or the weekday
    int week = 0;   ///< 1..5, 5 meaning the last
    int month = 0;
    int seconds = 2 * 3600;  ///< local time of the change

    std::int64_t day_in(std::int64_t year) const;
  };
  class Reader;

  std::string standard_name_;
  std::string summer_name_;  ///< empty: no summer time
  std::int32_t standard_offset_ = 0;
  std::int32_t summer_offset_ = 0;
  Change start_;
  Change end_;
};

/// A compiled time zone (RFC 8536, versions 1 to 4). Immutable once parsed, so any thread may read.
class TzFile {
 public:
  static std::optional<TzFile> parse(std::string_view content);
  /// The abbreviation views this object, which must not be moved afterwards.
  Zone::Offset at(std::int64_t unix_seconds) const;
  /// As Zone::find_offset.
  std::optional<std::int32_t> find_offset(std::string_view abbreviation,
                                          std::int64_t local_seconds) const;

 private:
  struct Type {
    std::int32_t offset;
    bool summer;
    std::uint8_t name;  ///< index into names_
  };
  struct Header;

  bool read_block(std::string_view block, const Header& header, std::size_t time_width);
  std::size_t first_type() const;
  Zone::Offset describe(const Type& type) const;

  std::vector<std::int64_t> times_;        ///< ascending
  std::vector<std::uint8_t> time_types_;   ///< the type from each time on
  std::vector<Type> types_;
  std::string names_;                      ///< NUL-terminated abbreviations
  std::optional<PosixZone> after_;         ///< applies from the last time on
};

}  // namespace tollgate
