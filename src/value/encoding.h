#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate {

// UTF-8, by Go's rules: every byte that starts no valid sequence is one U+FFFD of width 1.

inline constexpr char32_t replacement_rune = 0xFFFD;

struct Rune {
  char32_t code;
  std::uint32_t width;  ///< bytes used; an invalid byte gives {replacement_rune, 1}
};

/// Requires: from < end.
Rune decode_rune(const char* from, const char* end);
bool valid_utf8(std::string_view text);
/// Surrogates and codes beyond U+10FFFF are written as U+FFFD.
void append_rune(std::string& out, char32_t code);
/// As append_rune, into at least 4 bytes of memory; returns the end.
char* write_rune(char* to, char32_t code);
/// Runes in `text`, counting each invalid byte as one.
std::size_t count_runes(std::string_view text);

/// Whether Go's unicode.IsPrint holds: letters, marks, numbers, punctuation, symbols and U+0020.
bool is_printable(char32_t code);
/// Appends `text` as a Go string literal (%q): quotes, escapes, \x for invalid UTF-8.
void append_go_quoted(std::string& out, std::string_view text);
/// Appends one byte as encoding/json's errors show it ('x', '\n', '\'').
void append_quoted_byte(std::string& out, unsigned char byte);

// Base64 and hexadecimal, with the errors of Go's encoding/base64 and encoding/hex.

struct Base64 {
  bool url = false;     ///< '-' and '_' for the last two digits
  bool padded = true;   ///< '=' up to a multiple of four
};

void append_base64(std::string& out, std::string_view bytes, Base64 form = {});
/// Line breaks in `text` are skipped. Error: "illegal base64 data at input byte 4".
Result<std::string> decode_base64(std::string_view text, Base64 form = {});
/// As Go's base64.NewDecoder reads: offsets leave line breaks out, and padded text whose last four
/// digits are not complete is "unexpected EOF".
Result<std::string> decode_base64_stream(std::string_view text, Base64 form = {});

constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }
/// Writes padded standard base64 to `to`, which has base64_size() bytes; returns the end.
char* write_base64(char* to, std::string_view bytes);

/// Lower case.
void append_hex(std::string& out, std::string_view bytes);
/// Errors: "encoding/hex: invalid byte: U+0067 'g'", "encoding/hex: odd length hex string".
Result<std::string> decode_hex(std::string_view text);

}  // namespace tollgate
