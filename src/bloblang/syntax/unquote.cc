#include "bloblang/syntax/unquote.h"

#include "value/encoding.h"

namespace tollgate::bloblang {

namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

/// `count` digits in `base` from `at`, which moves past them.
bool read_digits(std::string_view text, std::size_t& at, int count, int base, char32_t& out) {
  out = 0;
  for (int i = 0; i < count; ++i, ++at) {
    if (at >= text.size() || digit_value(text[at]) >= base) return false;
    out = out * static_cast<char32_t>(base) + static_cast<char32_t>(digit_value(text[at]));
  }
  return true;
}

bool read_code_point(std::string_view text, std::size_t& at, int count, std::string& out) {
  char32_t code = 0;
  if (!read_digits(text, at, count, 16, code)) return false;
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
  append_rune(out, code);
  return true;
}

/// What follows a backslash.
bool read_escape(std::string_view text, std::size_t& at, std::string& out) {
  if (at >= text.size()) return false;
  constexpr std::string_view kLetters = "abfnrtv\\\"";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"";
  const char c = text[at];
  if (const auto found = kLetters.find(c); found != kLetters.npos) {
    out += kMeanings[found];
    ++at;
    return true;
  }
  char32_t byte = 0;
  if (c >= '0' && c <= '7') {
    if (!read_digits(text, at, 3, 8, byte) || byte > 255) return false;
    out += static_cast<char>(byte);
    return true;
  }
  ++at;
  if (c == 'x') {
    if (!read_digits(text, at, 2, 16, byte)) return false;
    out += static_cast<char>(byte);
    return true;
  }
  if (c == 'u') return read_code_point(text, at, 4, out);
  if (c == 'U') return read_code_point(text, at, 8, out);
  return false;
}

}  // namespace

bool unquote(std::string_view literal, std::string& out) {
  if (literal.size() < 2 || literal.front() != '"' || literal.back() != '"') return false;
  const auto text = literal.substr(1, literal.size() - 2);
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\n') return false;
    ++at;
    if (c != '\\') {
      out += c;
    } else if (!read_escape(text, at, out)) {
      return false;
    }
  }
  return true;
}

}  // namespace tollgate::bloblang
