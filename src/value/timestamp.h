#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate {

/// A time zone: offsets from UTC over time. Interned and never freed, so a pointer is an identity.
/// Implemented over the system's tz database (/usr/share/zoneinfo, or $ZONEINFO).
class Zone {
 public:
  struct Offset {
    std::int32_t seconds;           ///< east of UTC
    std::string_view abbreviation;  ///< "CET"; "" for a bare fixed offset
    bool is_dst;
  };

  static const Zone* utc();
  /// The process's zone: $TZ, else /etc/localtime, else UTC.
  static const Zone* local();
  /// A zone that is always `seconds` east of UTC; `name` may be empty. Since zones stay for ever,
  /// only so many different names (65,536) are kept; a further one is dropped.
  static const Zone* fixed(std::int32_t seconds, std::string_view name = {});
  /// An IANA name, "UTC" or "Local"; null if the database has none such.
  static const Zone* find(std::string_view name);

  virtual Offset at(std::int64_t unix_seconds) const = 0;
  virtual std::string_view name() const = 0;
  /// The offset that `abbreviation` stands for in this zone, preferring one that is in force when
  /// its clock shows `local_seconds` (counted like UTC). Nothing if the zone never used it.
  virtual std::optional<std::int32_t> find_offset(std::string_view abbreviation,
                                                  std::int64_t local_seconds) const = 0;

 protected:
  ~Zone() = default;
};

/// An instant with nanoseconds and the zone it is shown in. Covers years beyond int64 nanoseconds.
struct Timestamp {
  std::int64_t seconds = 0;      ///< since 1970-01-01T00:00:00Z
  std::int32_t nanoseconds = 0;  ///< 0..999'999'999
  const Zone* zone = nullptr;    ///< null means UTC
};

/// RFC 3339 with as many fraction digits as needed ("2006-01-02T15:04:05.999999999Z07:00").
void append_rfc3339(std::string& out, const Timestamp& time);
/// As append_rfc3339, but false, writing nothing, for what RFC 3339 cannot express: years outside
/// 0 to 9999 and offsets of a day or more. JSON takes only these.
bool append_strict_rfc3339(std::string& out, const Timestamp& time);

}  // namespace tollgate
