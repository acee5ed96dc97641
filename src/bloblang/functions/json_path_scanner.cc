#include "bloblang/functions/json_path_scanner.h"

#include <unictype.h>

#include <algorithm>

#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '_';
}
bool is_letter(char32_t code) { return code == '_' || uc_is_general_category(code, UC_LETTER); }
bool is_name(char32_t code) {
  return is_letter(code) || uc_is_general_category(code, UC_DECIMAL_DIGIT_NUMBER);
}

}  // namespace

std::int32_t JsonPathScanner::peek() const {
  if (at_ >= source_.size()) return end;
  const Rune rune = decode_rune(source_.data() + at_, source_.data() + source_.size());
  return static_cast<std::int32_t>(rune.code);
}

void JsonPathScanner::skip() {
  has_token_ = false;
  if (at_ < source_.size()) {
    at_ += decode_rune(source_.data() + at_, source_.data() + source_.size()).width;
  }
}

/// False if there was nothing to skip.
bool JsonPathScanner::skip_blanks() {
  const std::size_t before = at_;
  at_ = std::min(source_.find_first_not_of(" \t\r\n", at_), source_.size());
  const auto rest = source_.substr(at_);
  if (rest.starts_with("//")) {
    at_ = std::min(source_.find('\n', at_), source_.size());
  } else if (rest.starts_with("/*")) {
    const auto close = source_.find("*/", at_ + 2);
    at_ = close == source_.npos ? source_.size() : close + 2;
  }
  return at_ > before;
}

std::int32_t JsonPathScanner::scan() {
  while (skip_blanks()) {
  }
  from_ = at_;
  has_token_ = !source_.empty();
  const std::int32_t first = peek();
  if (first == end) return end;
  skip();
  has_token_ = true;
  const auto code = static_cast<char32_t>(first);
  if (is_letter(code)) {
    while (at_ < source_.size() && is_name(static_cast<char32_t>(peek()))) skip();
    has_token_ = true;
    return identifier;
  }
  const bool has_fraction = first == '.' && at_ < source_.size() && is_digit(source_[at_]);
  if ((first >= '0' && first <= '9') || has_fraction) return scan_number();
  if (first == '"' || first == '\'') {
    scan_quoted(static_cast<char>(first));
    return first == '"' ? string : character;
  }
  if (first == '`') {
    const auto close = source_.find('`', at_);
    at_ = close == source_.npos ? source_.size() : close + 1;
    return raw_string;
  }
  return first;
}

std::int32_t JsonPathScanner::scan_number() {
  at_ = from_;
  const auto here = [this] { return at_ < source_.size() ? source_[at_] : '\0'; };
  const auto take_while = [&](auto belongs) {
    while (at_ < source_.size() && belongs(source_[at_])) ++at_;
  };
  bool is_float = false, is_hexadecimal = false;
  if (here() == '0') {
    ++at_;
    const char base = static_cast<char>(here() | 0x20);
    is_hexadecimal = base == 'x';
    if (base == 'x' || base == 'o' || base == 'b') ++at_;
  }
  const auto belongs = [&](char c) {
    return is_hexadecimal ? is_hex(c) : is_digit(c) || c == '_';
  };
  take_while(belongs);
  if (here() == '.') {
    is_float = true;
    ++at_;
    take_while(belongs);
  }
  const char exponent = static_cast<char>(here() | 0x20);
  if (exponent == (is_hexadecimal ? 'p' : 'e')) {
    is_float = true;
    ++at_;
    if (here() == '+' || here() == '-') ++at_;
    take_while([](char c) { return is_digit(c) || c == '_'; });
  }
  return is_float ? floating : integer;
}

void JsonPathScanner::scan_quoted(char quote) {
  while (at_ < source_.size() && source_[at_] != '\n') {
    const char c = source_[at_++];
    if (c == quote) return;
    if (c != '\\' || at_ >= source_.size()) continue;
    const char escaped = source_[at_];
    if (escaped == quote || std::string_view("abfnrtv\\").contains(escaped)) ++at_;
  }
}

std::string JsonPathScanner::position_of(std::size_t offset) const {
  const auto before = source_.substr(0, offset);
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return std::to_string(std::ranges::count(before, '\n') + 1) + ":" +
         std::to_string(count_runes(before.substr(line_start)) + 1);
}

std::string JsonPathScanner::token_position() const {
  return has_token_ ? ":" + position_of(from_) : "";
}

std::string JsonPathScanner::position() const { return position_of(at_); }

std::string JsonPathScanner::name(std::int32_t token) {
  switch (token) {
    case end: return "EOF";
    case identifier: return "Ident";
    case integer: return "Int";
    case floating: return "Float";
    case character: return "Char";
    case string: return "String";
    case raw_string: return "RawString";
    default: break;
  }
  std::string text, quoted;
  append_rune(text, static_cast<char32_t>(token));
  append_go_quoted(quoted, text);
  return quoted;
}

}  // namespace tollgate::bloblang
