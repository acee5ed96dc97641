#include "bloblang/functions/printf_number.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "value/encoding.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

/// Digits after the point that to_chars is asked for at most; Go's own limit is a million.
constexpr int kMaxPrecision = 1'000'000;

std::string digits_of(std::uint64_t magnitude, int base, bool upper) {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, magnitude, base);
  std::string digits(buffer, error == std::errc() ? end : buffer);
  if (upper) {
    for (char& c : digits) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 0x20) : c;
  }
  return digits;
}

std::string with_chars(double number, std::chars_format form, int precision) {
  std::string buffer(400 + static_cast<std::size_t>(std::max(precision, 0)), '\0');
  char* const end = buffer.data() + buffer.size();
  const auto result = precision < 0 ? std::to_chars(buffer.data(), end, number, form)
                                    : std::to_chars(buffer.data(), end, number, form, precision);
  buffer.resize(static_cast<std::size_t>(result.ptr - buffer.data()));
  return buffer;
}

/// Hexadecimal digits as Go writes them: 0x1.8p+01.
std::string hex_float(double magnitude, int precision) {
  std::string text = "0x" + with_chars(magnitude, std::chars_format::hex, precision);
  const std::size_t sign = text.find('p') + 1;
  if (magnitude == 0) return precision > 0 ? text : "0x0p+00";
  if (text.size() - sign == 2) text.insert(sign + 1, "0");
  return text;
}

std::string binary_float(double magnitude) {
  const auto bits = std::bit_cast<std::uint64_t>(magnitude);
  const auto exponent = static_cast<int>(bits >> 52 & 0x7FF);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const std::uint64_t mantissa = exponent ? fraction | std::uint64_t{1} << 52 : fraction;
  const int scale = std::max(exponent, 1) - 1075;
  return std::to_string(mantissa) + (scale >= 0 ? "p+" : "p") + std::to_string(scale);
}

/// `digits` significant digits with their zeros, as the # flag wants them.
void keep_zeros(std::string& text, int digits, bool is_general) {
  std::size_t tail = text.find_first_of("ep");
  if (tail == std::string::npos) tail = text.size();
  if (text.find('.') == std::string::npos) text.insert(tail++, ".");
  if (!is_general) return;
  int seen = 0;
  bool significant = false;
  for (std::size_t i = 0; i < tail; ++i) {
    if (text[i] < '0' || text[i] > '9') continue;
    significant = significant || text[i] != '0';
    if (significant) ++seen;
  }
  if (!significant) seen = 1;
  if (digits > seen) text.insert(tail, static_cast<std::size_t>(digits - seen), '0');
}

/// Without its sign.
std::string float_text(double magnitude, char verb, int precision, const PrintFlags& flags) {
  if (std::isinf(magnitude)) return "Inf";
  if (std::isnan(magnitude)) return "NaN";
  precision = std::min(precision, kMaxPrecision);
  std::string text;
  switch (verb) {
    case 'b': return binary_float(magnitude);
    case 'x':
    case 'X': text = hex_float(magnitude, precision); break;
    case 'e':
    case 'E':
      text = with_chars(magnitude, std::chars_format::scientific, precision < 0 ? 6 : precision);
      break;
    case 'f':
    case 'F':
      text = with_chars(magnitude, std::chars_format::fixed, precision < 0 ? 6 : precision);
      break;
    default:
      if (precision < 0) {
        append_go_float(text, magnitude);
      } else {
        text = with_chars(magnitude, std::chars_format::general, precision);
      }
      if (flags.sharp) keep_zeros(text, precision < 0 ? 6 : std::max(precision, 1), true);
  }
  if (flags.sharp && verb != 'g' && verb != 'G' && verb != 'v') keep_zeros(text, 0, false);
  if (verb == 'E' || verb == 'G' || verb == 'X') {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
  }
  return text;
}

void append_signed_zeros(std::string& out, std::string_view sign, std::string_view digits,
                         const PrintFlags& flags) {
  out += sign;
  const std::size_t used = sign.size() + digits.size();
  const auto width = static_cast<std::size_t>(std::max(flags.width, 0));
  if (width > used) out.append(width - used, '0');
  out += digits;
}

}  // namespace

void append_padded(std::string& out, std::string_view text, const PrintFlags& flags) {
  if (flags.width <= 0) {
    out += text;
    return;
  }
  const std::size_t size = count_runes(text);
  const auto width = static_cast<std::size_t>(std::max(flags.width, 0));
  const std::size_t missing = width > size ? width - size : 0;
  if (!flags.minus) out.append(missing, flags.zero ? '0' : ' ');
  out += text;
  if (flags.minus) out.append(missing, ' ');
}

void append_printed(std::string& out, PrintInteger number, int base, char verb,
                    const PrintFlags& flags) {
  std::string_view sign;
  if (number.negative) {
    sign = "-";
  } else if (flags.plus) {
    sign = "+";
  } else if (flags.space) {
    sign = " ";
  }
  PrintFlags padding = flags;
  padding.zero = false;
  std::size_t least = 0;
  if (flags.precision >= 0) {
    least = static_cast<std::size_t>(flags.precision);
    if (least == 0 && number.magnitude == 0) return append_padded(out, {}, padding);
  } else if (flags.zero && !flags.minus && flags.width >= 0) {
    least = static_cast<std::size_t>(flags.width);
    if (!sign.empty() && least > 0) --least;
  }
  std::string digits = digits_of(number.magnitude, base, verb == 'X');
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  std::string prefix;
  if (flags.sharp) {
    if (base == 2) prefix = "0b";
    if (base == 8 && digits.front() != '0') prefix = "0";
    if (base == 16) prefix = verb == 'X' ? "0X" : "0x";
  }
  if (verb == 'O') prefix = "0o";
  append_padded(out, std::string(sign) + prefix + digits, padding);
}

void append_character(std::string& out, PrintInteger number, char verb, const PrintFlags& flags) {
  PrintFlags padding = flags;
  const bool valid = !number.negative && number.magnitude <= 0x10FFFF;
  const auto code = valid ? static_cast<char32_t>(number.magnitude) : replacement_rune;
  std::string text;
  append_rune(text, code);
  if (verb == 'q') {
    // A quoted character is a quoted text of it in other quotes.
    std::string quoted;
    append_go_quoted(quoted, text);
    quoted.front() = quoted.back() = '\'';
    if (text == "\"") quoted = "'\"'";
    if (text == "'") quoted = "'\\''";
    text = quoted;
  } else if (verb == 'U') {
    const std::uint64_t bits = number.negative ? 0 - number.magnitude : number.magnitude;
    std::string digits = digits_of(bits, 16, true);
    const auto least = static_cast<std::size_t>(std::max(flags.precision, 4));
    if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
    digits.insert(0, "U+");
    if (flags.sharp && valid && is_printable(code)) digits += " '" + text + "'";
    text = digits;
    padding.zero = false;
  }
  append_padded(out, text, padding);
}

void append_printed(std::string& out, double number, char verb, const PrintFlags& flags) {
  const bool negative = std::signbit(number) && !std::isnan(number);
  const std::string digits = float_text(std::abs(number), verb, flags.precision, flags);
  const bool finite = std::isfinite(number);
  std::string_view sign = negative ? "-" : "+";
  const bool shows_sign = negative || flags.plus || flags.space || std::isinf(number);
  if (!negative && flags.space && !flags.plus) sign = " ";
  if (!shows_sign) sign = {};
  if (finite && flags.zero && !flags.minus && flags.width >= 0) {
    return append_signed_zeros(out, sign, digits, flags);
  }
  PrintFlags padding = flags;
  if (!finite) padding.zero = false;
  append_padded(out, std::string(sign) + digits, padding);
}

}  // namespace tollgate::bloblang
