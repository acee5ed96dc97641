#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tollgate {

/// An exact decimal number of any size: ±digits × 10^exponent. For comparing JSON numbers as they
/// are written, beyond what a double can tell apart.
class Decimal {
 public:
  Decimal() = default;
  /// Reads a JSON number; nothing if it is none, or its exponent is beyond ten digits.
  static std::optional<Decimal> parse(std::string_view text);

  bool is_zero() const { return digits_.empty(); }
  bool is_positive() const { return !negative_ && !is_zero(); }
  bool is_integer() const { return exponent_ >= 0; }
  /// The number if it is an integer that fits.
  std::optional<std::int64_t> to_int64() const;
  double to_double() const;
  /// All digits, in the form that %g chooses: "0.1", "100", "1.5e+06".
  std::string text() const;

  std::strong_ordering operator<=>(const Decimal& other) const;
  bool operator==(const Decimal& other) const { return (*this <=> other) == 0; }

  /// Exact for divisors of up to 19 significant digits. Requires: `divisor` is positive.
  bool is_multiple_of(const Decimal& divisor) const;

 private:
  bool negative_ = false;
  std::string digits_;  // without zeros at either end; empty is zero
  std::int64_t exponent_ = 0;
};

}  // namespace tollgate
