#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "value/timestamp.h"

namespace tollgate {

// Durations are nanoseconds in 64 bits, as in Go.

/// Go's time.ParseDuration ("1h15m30.5s", "-1.5h", "300ms"). Errors: `time: invalid duration "x"`,
/// `time: unknown unit "x" in duration "1x"`, `time: missing unit in duration "1"`.
Result<std::int64_t> parse_duration(std::string_view text);
/// Go's Duration.String() ("1h15m30.5s", "0s", "1.5ms").
void append_duration(std::string& out, std::int64_t nanoseconds);

/// An ISO 8601 period ("P1Y2M3DT4H5M6.5S"), its fields as written. Any may have a fraction.
class Period {
 public:
  /// A decimal: coefficient × 10^-scale, negative or not.
  struct Decimal {
    std::uint64_t coefficient = 0;
    int scale = 0;
    bool negative = false;

    bool operator==(const Decimal&) const = default;
  };

  /// Errors begin with the text: "P1X: expected a designator Y, M, W, D, H, or S not 'X'".
  static Result<Period> parse(std::string_view text);

  Period negated() const;
  /// In nanoseconds, a year being 365.2425 days, a month a twelfth of that, a day 24 hours. What
  /// leaves 64 bits wraps around.
  std::int64_t nanoseconds() const;
  /// By the calendar if years, months, weeks and days are whole, else nanoseconds() later.
  Timestamp add_to(const Timestamp& time) const;

  bool negative = false;
  Decimal years, months, weeks, days, hours, minutes, seconds;

 private:
  bool is_zero() const;
  /// Makes the first field that is not zero positive by turning all signs.
  void normalise_sign();
  std::uint64_t clock_nanoseconds() const;
};

}  // namespace tollgate
