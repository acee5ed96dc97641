#include "value/number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

#include "value/encoding.h"

namespace tollgate {

namespace {

/// The shortest decimal that reads back as a number: 0.d₁d₂d₃… × 10^point.
struct Digits {
  char digits[20];
  int count = 0;
  int point = 0;
};

/// Requires a finite number > 0.
Digits shortest(double number) {
  char text[32];
  const char* const end =
      std::to_chars(text, text + sizeof text, number, std::chars_format::scientific).ptr;
  Digits result;
  const char* at = text;
  for (; *at != 'e'; ++at) {
    if (*at != '.') result.digits[result.count++] = *at;
  }
  int exponent = 0;
  ++at;
  const bool negative = *at++ == '-';
  std::from_chars(at, end, exponent);
  result.point = (negative ? -exponent : exponent) + 1;
  return result;
}

char* write_plain(char* to, const Digits& digits) {
  if (digits.point <= 0) {
    *to++ = '0';
    *to++ = '.';
    to = std::fill_n(to, -digits.point, '0');
    return std::copy_n(digits.digits, digits.count, to);
  }
  const int whole = std::min(digits.count, digits.point);
  to = std::copy_n(digits.digits, whole, to);
  to = std::fill_n(to, digits.point - whole, '0');
  if (whole == digits.count) return to;
  *to++ = '.';
  return std::copy_n(digits.digits + whole, digits.count - whole, to);
}

char* write_exponent(char* to, const Digits& digits, int least_exponent_digits) {
  *to++ = digits.digits[0];
  if (digits.count > 1) {
    *to++ = '.';
    to = std::copy_n(digits.digits + 1, digits.count - 1, to);
  }
  *to++ = 'e';
  int exponent = digits.point - 1;
  *to++ = exponent < 0 ? '-' : '+';
  exponent = std::abs(exponent);
  if (exponent < 10 && least_exponent_digits == 2) *to++ = '0';
  return std::to_chars(to, to + 4, exponent).ptr;
}

/// Integers below this print exactly through the integer path.
constexpr double exact_limit = 9e15;

/// Requires: 0 <= number < 2^63.
bool is_whole(double number) {
  return static_cast<double>(static_cast<std::int64_t>(number)) == number;
}

char* write_sign(char* to, double& number) {
  if (std::signbit(number)) {
    *to++ = '-';
    number = -number;
  }
  return to;
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

/// Each underscore stands between digits, or between a base prefix and a digit.
bool underscores_fit(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  char before = '^';  // '0' after a digit or prefix, '_' after one, '!' after anything else
  bool hex = false;
  if (text.size() >= 2 && text[0] == '0') {
    const char letter = lower(text[1]);
    if (letter == 'b' || letter == 'o' || letter == 'x') {
      before = '0';
      hex = letter == 'x';
      text.remove_prefix(2);
    }
  }
  for (const char c : text) {
    if (is_digit(c) || (hex && digit_value(c) < 16)) {
      before = '0';
    } else if (c == '_') {
      if (before != '0') return false;
      before = '_';
    } else {
      if (before == '_') return false;
      before = '!';
    }
  }
  return before != '_';
}

/// What a float's text consists of, once its grammar was checked.
struct FloatText {
  bool negative = false;
  bool hex = false;
  bool underscores = false;
  std::string_view body;         ///< without sign and 0x
  std::int64_t magnitude = 0;    ///< exponent of the first digit that is not 0, in base 10 or 2
};

bool read_exponent(std::string_view text, std::size_t& at, std::int64_t& exponent,
                   bool& underscores) {
  ++at;  // the letter
  bool negative = false;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) negative = text[at++] == '-';
  if (at == text.size() || !is_digit(text[at])) return false;
  for (; at < text.size() && (is_digit(text[at]) || text[at] == '_'); ++at) {
    if (text[at] == '_') {
      underscores = true;
    } else if (exponent < 1'000'000'000'000) {
      exponent = exponent * 10 + (text[at] - '0');
    }
  }
  if (negative) exponent = -exponent;
  return true;
}

bool check_float(std::string_view text, FloatText& result) {
  const std::string_view whole = text;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    result.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.size() > 2 && text[0] == '0' && lower(text[1]) == 'x') {
    result.hex = true;
    text.remove_prefix(2);
  }
  result.body = text;
  const int base = result.hex ? 16 : 10;
  const int bits = result.hex ? 4 : 1;
  std::size_t at = 0;
  bool dot = false;
  bool digits = false;
  bool significant = false;
  std::int64_t magnitude = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '_') {
      result.underscores = true;
    } else if (c == '.') {
      if (dot) break;
      dot = true;
    } else if (digit_value(c) < base) {
      digits = true;
      significant |= c != '0';
      if (significant && !dot) magnitude += bits;
      if (!significant && dot) magnitude -= bits;
    } else {
      break;
    }
  }
  if (!digits) return false;
  std::int64_t exponent = 0;
  if (at < text.size() && lower(text[at]) == (result.hex ? 'p' : 'e')) {
    if (!read_exponent(text, at, exponent, result.underscores)) return false;
  } else if (result.hex) {
    return false;
  }
  if (result.underscores && !underscores_fit(whole)) return false;
  result.magnitude = magnitude + exponent;
  return at == text.size();
}

/// The most digits whose number a double holds exactly, whatever they are.
constexpr std::size_t exact_digits = 15;

/// Plain decimal notation without exponent, of few digits: the quotient of two exact doubles.
bool plain_float(std::string_view text, double& number) {
  static constexpr double powers[exact_digits + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                      1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > exact_digits + 1 || !is_digit(text[0])) return false;
  std::int64_t digits = 0;
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) digits = digits * 10 + (text[at++] - '0');
  std::size_t places = 0;
  if (at < text.size()) {
    if (text[at] != '.') return false;
    while (++at < text.size() && is_digit(text[at])) {
      digits = digits * 10 + (text[at] - '0');
      ++places;
    }
    if (at < text.size() || places == 0) return false;
  } else if (text.size() > exact_digits) {
    return false;
  }
  number = static_cast<double>(digits) / powers[places];
  if (negative) number = -number;
  return true;
}

bool special_float(std::string_view text, double& number) {
  if (equals_ignoring_case(text, "nan")) {
    number = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (!equals_ignoring_case(text, "inf") && !equals_ignoring_case(text, "infinity")) return false;
  number = negative ? -std::numeric_limits<double>::infinity()
                    : std::numeric_limits<double>::infinity();
  return true;
}

}  // namespace

char* write_uint(char* to, std::uint64_t number) {
  return std::to_chars(to, to + number_width, number).ptr;
}

char* write_int(char* to, std::int64_t number) {
  return std::to_chars(to, to + number_width, number).ptr;
}

char* write_json_float(char* to, double number) {
  to = write_sign(to, number);
  if (number < exact_limit && is_whole(number)) {
    return write_uint(to, static_cast<std::uint64_t>(number));
  }
  const Digits digits = shortest(number);
  if (number < 1e-6 || number >= 1e21) return write_exponent(to, digits, 1);
  return write_plain(to, digits);
}

void append_json_float(std::string& out, double number) {
  if (!std::isfinite(number)) return append_go_float(out, number);
  char text[number_width];
  out.append(text, write_json_float(text, number));
}

void append_go_float(std::string& out, double number) {
  if (std::isnan(number)) {
    out += "NaN";
    return;
  }
  if (std::isinf(number)) {
    out += number < 0 ? "-Inf" : "+Inf";
    return;
  }
  char text[number_width];
  char* to = write_sign(text, number);
  if (number < 1e6 && is_whole(number)) {
    to = write_uint(to, static_cast<std::uint64_t>(number));
  } else {
    const Digits digits = shortest(number);
    const int exponent = digits.point - 1;
    constexpr int least = -4;
    constexpr int most = 6;
    to = exponent < least || exponent >= most ? write_exponent(to, digits, 2)
                                              : write_plain(to, digits);
  }
  out.append(text, to);
}

void append_int(std::string& out, std::int64_t number) {
  char text[number_width];
  out.append(text, write_int(text, number));
}

void append_uint(std::string& out, std::uint64_t number) {
  char text[number_width];
  out.append(text, write_uint(text, number));
}

ParsedNumber<double> scan_float(std::string_view text) {
  double number = 0;
  if (plain_float(text, number)) [[likely]] return {number, NumberFault::none};
  if (special_float(text, number)) return {number, NumberFault::none};
  FloatText parts;
  if (!check_float(text, parts)) return {0, NumberFault::syntax};
  std::string cleaned;
  if (parts.underscores) {
    std::copy_if(parts.body.begin(), parts.body.end(), std::back_inserter(cleaned),
                 [](char c) { return c != '_'; });
    parts.body = cleaned;
  }
  const auto format = parts.hex ? std::chars_format::hex : std::chars_format::general;
  const char* const end = parts.body.data() + parts.body.size();
  const auto [stop, fault] = std::from_chars(parts.body.data(), end, number, format);
  if (fault == std::errc::result_out_of_range) {
    number = parts.magnitude > 0 ? std::numeric_limits<double>::infinity() : 0;
  }
  const bool overflow = std::isinf(number);
  return {parts.negative ? -number : number, overflow ? NumberFault::range : NumberFault::none};
}

ParsedNumber<std::uint64_t> scan_uint(std::string_view text, int base) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const std::string_view whole = text;
  if (text.empty()) return {0, NumberFault::syntax};
  if (constexpr std::size_t safe_digits = 18; base == 10 && text.size() <= safe_digits) {
    std::uint64_t number = 0;
    for (const char c : text) {
      if (!is_digit(c)) return {0, NumberFault::syntax};
      number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return {number, NumberFault::none};
  }
  const bool detect = base == 0;
  if (detect) {
    base = 10;
    if (text[0] == '0') {
      const char letter = text.size() >= 3 ? lower(text[1]) : '\0';
      base = letter == 'b' ? 2 : letter == 'x' ? 16 : 8;
      text.remove_prefix(letter == 'b' || letter == 'o' || letter == 'x' ? 2 : 1);
    }
  }
  const auto wide_base = static_cast<std::uint64_t>(base);
  std::uint64_t number = 0;
  bool underscores = false;
  for (const char c : text) {
    if (c == '_' && detect) {
      underscores = true;
      continue;
    }
    const auto digit = static_cast<std::uint64_t>(digit_value(c));
    if (digit >= wide_base) return {0, NumberFault::syntax};
    if (number > most / wide_base || number * wide_base > most - digit) {
      return {most, NumberFault::range};
    }
    number = number * wide_base + digit;
  }
  if (underscores && !underscores_fit(whole)) return {0, NumberFault::syntax};
  return {number, NumberFault::none};
}

ParsedNumber<std::int64_t> scan_int(std::string_view text, int base) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (text.empty()) return {0, NumberFault::syntax};
  bool negative = false;
  if (text[0] == '+' || text[0] == '-') {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const auto [number, fault] = scan_uint(text, base);
  if (fault == NumberFault::syntax) return {0, fault};
  const std::uint64_t limit = std::uint64_t{1} << 63;
  if (negative ? number > limit : number >= limit) {
    return {negative ? Limits::min() : Limits::max(), NumberFault::range};
  }
  return {static_cast<std::int64_t>(negative ? 0 - number : number), NumberFault::none};
}

std::optional<double> parse_float(std::string_view text) {
  const auto [number, fault] = scan_float(text);
  return fault == NumberFault::none ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> parse_int(std::string_view text, int base) {
  const auto [number, fault] = scan_int(text, base);
  return fault == NumberFault::none ? std::optional(number) : std::nullopt;
}

std::optional<std::uint64_t> parse_uint(std::string_view text, int base) {
  const auto [number, fault] = scan_uint(text, base);
  return fault == NumberFault::none ? std::optional(number) : std::nullopt;
}

Value resolve_number(Value value) {
  if (!value.is(Kind::number_text)) return value;
  const std::string_view text = value.as_text();
  if (const auto whole = scan_int(text); whole.fault == NumberFault::none) {
    return Value::int64(whole.value);
  }
  const auto [number, fault] = scan_float(text);
  return fault == NumberFault::none ? Value::float64(number) : Value::string(text);
}

double to_double(Value value) {
  switch (value.kind()) {
    case Kind::int64: return static_cast<double>(value.as_int64());
    case Kind::uint64: return static_cast<double>(value.as_uint64());
    case Kind::number_text: return scan_float(value.as_text()).value;
    default: return value.as_float64();
  }
}

std::string number_error(std::string_view function, std::string_view text, NumberFault fault) {
  std::string message = "strconv.";
  message.append(function).append(": parsing ");
  append_go_quoted(message, text);
  message += fault == NumberFault::range ? ": value out of range" : ": invalid syntax";
  return message;
}

}  // namespace tollgate
