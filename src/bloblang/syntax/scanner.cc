#include "bloblang/syntax/scanner.h"

#include "bloblang/syntax/unquote.h"
#include "value/number.h"

namespace tollgate::bloblang {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

}  // namespace

bool Scanner::character(std::size_t& at, char c) {
  if (at < source_.size() && source_[at] == c) return ++at, true;
  return fail(Failure::expecting(at, std::string(1, c)));
}

bool Scanner::term(std::size_t& at, std::string_view text) {
  if (rest(at).starts_with(text)) return at += text.size(), true;
  return fail(Failure::expecting(at, std::string(text)));
}

bool Scanner::spaces(std::size_t& at) {
  const std::size_t start = at;
  skip_spaces(at);
  return at != start || fail(Failure::expecting(at, "whitespace"));
}

void Scanner::skip_spaces(std::size_t& at) const {
  while (peek(at) == ' ' || peek(at) == '\t') ++at;
}

bool Scanner::line_break(std::size_t& at) {
  std::size_t cursor = at;
  if (peek(cursor) == '#') cursor = std::min(source_.find('\n', cursor), source_.size());
  if (peek(cursor) == '\r') ++cursor;
  if (peek(cursor) != '\n') return fail(Failure::expecting(cursor, "line break"));
  at = cursor + 1;
  return true;
}

void Scanner::skip_blank(std::size_t& at) {
  while (true) {
    skip_spaces(at);
    const char next = peek(at);
    if (next != '#' && next != '\r' && next != '\n') return;
    if (!line_break(at)) return;
  }
}

bool Scanner::word(std::size_t& at, std::string_view& out, std::string_view expected) {
  const std::size_t start = at;
  while (is_word(peek(at))) ++at;
  out = source_.substr(start, at - start);
  return at != start || fail(Failure::expecting(at, std::string(expected)));
}

bool Scanner::snake_case(std::size_t& at, std::string_view& out, std::string_view expected) {
  const std::size_t start = at;
  while (is_lower(peek(at)) || is_digit(peek(at)) || peek(at) == '_') ++at;
  out = source_.substr(start, at - start);
  return at != start || fail(Failure::expecting(at, std::string(expected)));
}

bool Scanner::quoted(std::size_t& at, std::string_view& out) {
  if (peek(at) != '"') return fail(Failure::expecting(at, "quoted string"));
  for (std::size_t i = at + 1; i < source_.size(); ++i) {
    if (source_[i] == '\\') {
      ++i;
      continue;
    }
    if (source_[i] != '"') continue;
    std::string text;
    if (!unquote(source_.substr(at, i + 1 - at), text)) {
      return fail(Failure::broken(at, "failed to unescape quoted string contents: invalid syntax"));
    }
    out = arena_.copy(text);
    at = i + 1;
    return true;
  }
  return fail(Failure::missing(source_.size(), "end quote"));
}

bool Scanner::triple_quoted(std::size_t& at, std::string_view& out) {
  constexpr std::string_view kQuotes = "\"\"\"";
  if (source_.size() - at < 6 || !rest(at).starts_with(kQuotes)) {
    return fail(Failure::expecting(at, "quoted string"));
  }
  const std::size_t end = source_.find(kQuotes, at + 3);
  if (end == source_.npos) return fail(Failure::missing(source_.size(), "end triple-quote"));
  out = source_.substr(at + 3, end - at - 3);
  at = end + 3;
  return true;
}

bool Scanner::number(std::size_t& at, Value& out) {
  std::size_t cursor = at;
  const bool negative = peek(cursor) == '-';
  if (negative) ++cursor;
  const std::size_t start = cursor;
  while (is_digit(peek(cursor))) ++cursor;
  if (cursor == start) return fail(Failure::expecting(cursor, "number"));
  const bool decimal = peek(cursor) == '.' && is_digit(peek(cursor + 1));
  if (decimal) {
    ++cursor;
    while (is_digit(peek(cursor))) ++cursor;
  }
  const auto text = source_.substr(start, cursor - start);
  const auto refuse_text = [&](std::string_view kind, std::string_view function,
                               NumberFault fault) {
    return fail(Failure::broken(at, "failed to parse '" + std::string(text) + "' as " +
                                        std::string(kind) + ": " +
                                        number_error(function, text, fault)));
  };
  if (decimal) {
    const auto parsed = scan_float(text);
    if (parsed.fault != NumberFault::none) return refuse_text("float", "ParseFloat", parsed.fault);
    out = Value::float64(negative ? -parsed.value : parsed.value);
  } else {
    const auto parsed = scan_int(text);
    if (parsed.fault != NumberFault::none) return refuse_text("integer", "ParseInt", parsed.fault);
    out = Value::int64(negative ? -parsed.value : parsed.value);
  }
  at = cursor;
  return true;
}

}  // namespace tollgate::bloblang
