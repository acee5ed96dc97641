#include "value/decimal.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "value/number.h"

namespace tollgate {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

__extension__ using Wide = unsigned __int128;

std::uint64_t power_of_ten_modulo(std::uint64_t exponent, std::uint64_t modulus) {
  Wide result = 1 % modulus, base = 10 % modulus;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result = result * base % modulus;
    base = base * base % modulus;
  }
  return static_cast<std::uint64_t>(result);
}

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
  Decimal number;
  if (text.starts_with('-')) {
    number.negative_ = true;
    text.remove_prefix(1);
  }
  bool any = false, fraction = false;
  while (!text.empty() && (is_digit(text[0]) || (text[0] == '.' && !fraction))) {
    if (text[0] == '.') {
      fraction = true;
    } else {
      any = true;
      number.digits_ += text[0];
      if (fraction) --number.exponent_;
    }
    text.remove_prefix(1);
  }
  if (!any) return std::nullopt;
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t exponent = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (fault != std::errc{} || exponent > 9'999'999'999 || exponent < -9'999'999'999) {
      return std::nullopt;
    }
    number.exponent_ += exponent;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  if (!text.empty()) return std::nullopt;
  const auto last = number.digits_.find_last_not_of('0');
  if (last == std::string::npos) return Decimal();
  number.exponent_ += static_cast<std::int64_t>(number.digits_.size() - last - 1);
  number.digits_.erase(last + 1);
  number.digits_.erase(0, number.digits_.find_first_not_of('0'));
  return number;
}

std::optional<std::int64_t> Decimal::to_int64() const {
  if (is_zero()) return 0;
  if (!is_integer() || exponent_ > 19) return std::nullopt;
  std::string text = (negative_ ? "-" : "") + digits_;
  text.append(static_cast<std::size_t>(exponent_), '0');
  return parse_int(text);
}

double Decimal::to_double() const {
  const std::string text =
      (negative_ ? "-" : "") + (is_zero() ? "0" : digits_) + "e" + std::to_string(exponent_);
  return scan_float(text).value;
}

std::string Decimal::text() const {
  if (is_zero()) return "0";
  std::string text = negative_ ? "-" : "";
  const std::int64_t point = static_cast<std::int64_t>(digits_.size()) + exponent_;
  if (const std::int64_t power = point - 1; power < -4 || power >= 6) {
    text += digits_[0];
    if (digits_.size() > 1) text.append(".").append(digits_, 1);
    const std::string digits = std::to_string(std::abs(power));
    return text.append(power < 0 ? "e-" : "e+").append(digits.size() < 2 ? "0" : "").append(digits);
  }
  if (point <= 0) {
    text.append("0.").append(static_cast<std::size_t>(-point), '0');
    return text.append(digits_);
  }
  const auto whole = static_cast<std::size_t>(point);
  if (whole >= digits_.size()) {
    return text.append(digits_).append(whole - digits_.size(), '0');
  }
  return text.append(digits_, 0, whole).append(".").append(digits_, whole);
}

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
  const auto sign = [](const Decimal& d) { return d.is_zero() ? 0 : d.negative_ ? -1 : 1; };
  if (sign(*this) != sign(other)) return sign(*this) <=> sign(other);
  if (is_zero()) return std::strong_ordering::equal;
  // Where the first digit stands, then digit by digit: without zeros at the ends the shorter of two
  // equal beginnings is the smaller.
  const auto place = [](const Decimal& d) {
    return static_cast<std::int64_t>(d.digits_.size()) + d.exponent_;
  };
  auto order = place(*this) <=> place(other);
  if (order == 0) order = digits_.compare(other.digits_) <=> 0;
  return negative_ ? 0 <=> order : order;
}

bool Decimal::is_multiple_of(const Decimal& divisor) const {
  if (is_zero()) return true;
  // a·10^x over b·10^y with neither a nor b divisible by ten: x < y leaves a fraction.
  if (exponent_ < divisor.exponent_) return false;
  const auto modulus = parse_uint(divisor.digits_);
  if (!modulus) return std::fmod(to_double(), divisor.to_double()) == 0;
  Wide rest = 0;
  for (const char digit : digits_) {
    rest = (rest * 10 + static_cast<unsigned>(digit - '0')) % *modulus;
  }
  const auto shift = static_cast<std::uint64_t>(exponent_ - divisor.exponent_);
  return rest * power_of_ten_modulo(shift, *modulus) % *modulus == 0;
}

}  // namespace tollgate
