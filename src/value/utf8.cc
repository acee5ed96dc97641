#include <algorithm>
#include <cstring>
#include <iterator>

#include "value/encoding.h"

namespace tollgate {

namespace {

bool continues(unsigned char byte) { return (byte & 0xC0) == 0x80; }

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// The printable code points from U+00A1 up, as Unicode 15.0 assigns them.
constexpr Range printable[] = {
#include "value/printable.inc"
};

void append_hex_digits(std::string& out, char32_t code, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out += "0123456789abcdef"[(code >> shift) & 15];
  }
}

/// The letter of Go's one-character escape for a control character, or 0.
char short_escape(char32_t code) {
  return code >= '\a' && code <= '\r' ? "abtnvfr"[code - '\a'] : '\0';
}

void append_escaped(std::string& out, char32_t code, char quote) {
  if (code == static_cast<unsigned char>(quote) || code == '\\') {
    out += '\\';
    out += static_cast<char>(code);
  } else if (is_printable(code)) {
    append_rune(out, code);
  } else if (const char letter = short_escape(code)) {
    out += '\\';
    out += letter;
  } else if (code < ' ' || code == 0x7F) {
    out += "\\x";
    append_hex_digits(out, code, 2);
  } else if (code < 0x10000) {
    out += "\\u";
    append_hex_digits(out, code, 4);
  } else {
    out += "\\U";
    append_hex_digits(out, code, 8);
  }
}

}  // namespace

Rune decode_rune(const char* from, const char* end) {
  const auto byte = [from](int i) { return static_cast<unsigned char>(from[i]); };
  const unsigned char lead = byte(0);
  constexpr Rune bad{replacement_rune, 1};
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return bad;
  const auto room = end - from;
  if (room < 2 || !continues(byte(1))) return bad;
  if (lead < 0xE0) return {char32_t((lead & 0x1F) << 6 | (byte(1) & 0x3F)), 2};
  if (lead < 0xF0) {
    if (room < 3 || !continues(byte(2))) return bad;
    const char32_t code = (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    if (code < 0x800 || (code >= 0xD800 && code < 0xE000)) return bad;
    return {code, 3};
  }
  if (room < 4 || !continues(byte(2)) || !continues(byte(3))) return bad;
  const char32_t code =
      (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  if (code < 0x10000 || code > 0x10FFFF) return bad;
  return {code, 4};
}

bool valid_utf8(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    if (end - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, 8);
      if (!(word & 0x8080808080808080u)) {
        at += 8;
        continue;
      }
    }
    const Rune rune = decode_rune(at, end);
    if (rune.width == 1 && rune.code == replacement_rune) return false;
    at += rune.width;
  }
  return true;
}

char* write_rune(char* to, char32_t code) {
  const auto put = [&to](char32_t byte) { *to++ = static_cast<char>(byte); };
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = replacement_rune;
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
  return to;
}

void append_rune(std::string& out, char32_t code) {
  char bytes[4];
  out.append(bytes, write_rune(bytes, code));
}

std::size_t count_runes(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::size_t count = 0;
  for (; at < end; ++count) at += decode_rune(at, end).width;
  return count;
}

bool is_printable(char32_t code) {
  if (code < 0x7F) return code >= ' ';
  const Range* const found =
      std::upper_bound(std::begin(printable), std::end(printable), code,
                       [](char32_t c, const Range& range) { return c < range.first; });
  return found != std::begin(printable) && code <= found[-1].last;
}

void append_go_quoted(std::string& out, std::string_view text) {
  out += '"';
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const Rune rune = decode_rune(at, end);
    if (rune.width == 1 && rune.code == replacement_rune) {
      out += "\\x";
      append_hex_digits(out, static_cast<unsigned char>(*at), 2);
    } else {
      append_escaped(out, rune.code, '"');
    }
    at += rune.width;
  }
  out += '"';
}

void append_quoted_byte(std::string& out, unsigned char byte) {
  out += '\'';
  append_escaped(out, byte, '\'');
  out += '\'';
}

}  // namespace tollgate
