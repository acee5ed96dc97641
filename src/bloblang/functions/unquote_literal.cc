#include "bloblang/functions/unquote_literal.h"

#include <algorithm>

#include "bloblang/syntax/unquote.h"
#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

/// '…' is "…" in other quotes, of one character: \' is an escape there and \" is not.
bool unquote_character(std::string_view inner, std::string& out) {
  if (inner == "\\'") {
    out = "'";
    return true;
  }
  if (inner == "\"" || inner.empty()) {
    out = inner;
    return true;
  }
  if (inner == "\\\"" || inner == "'") return false;
  if (inner.front() != '\\') {
    const Rune rune = decode_rune(inner.data(), inner.data() + inner.size());
    if (rune.width != inner.size() || inner == "\n") return false;
    append_rune(out, rune.code);
    return true;
  }
  // Octal and hexadecimal escapes name a code point here, not a byte.
  if (!unquote("\"" + std::string(inner) + "\"", out)) return false;
  const bool is_byte = out.size() == 1 && (out[0] & 0x80);
  if (is_byte) {
    const auto code = static_cast<unsigned char>(out[0]);
    out.clear();
    append_rune(out, code);
    return true;
  }
  return count_runes(out) == 1 && inner.find('\\', 1) == (inner == "\\\\" ? 1 : inner.npos);
}

}  // namespace

bool unquote_literal(std::string_view literal, std::string& out) {
  if (literal.size() < 2 || literal.front() != literal.back()) return false;
  const std::string_view inner = literal.substr(1, literal.size() - 2);
  if (literal.front() == '`') {
    if (inner.contains('`')) return false;
    out = inner;
    std::erase(out, '\r');
    return true;
  }
  if (literal.front() == '\'') return unquote_character(inner, out);
  return literal.front() == '"' && unquote(literal, out);
}

}  // namespace tollgate::bloblang
