#include "value/encoding.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "value/number.h"

namespace tollgate {

namespace {

constexpr char standard_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using Table = std::array<std::int8_t, 256>;

constexpr Table inverse(const char* digits) {
  Table table{};
  table.fill(-1);
  for (int i = 0; i < 64; ++i) table[static_cast<unsigned char>(digits[i])] = std::int8_t(i);
  return table;
}
constexpr Table standard_values = inverse(standard_digits);
constexpr Table url_values = inverse(url_digits);

char* encode(char* to, std::string_view bytes, const char* digits, bool padded) {
  const auto at = [&bytes](std::size_t i) -> std::uint32_t {
    return static_cast<unsigned char>(bytes[i]);
  };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    *to++ = digits[three >> 18];
    *to++ = digits[three >> 12 & 63];
    *to++ = digits[three >> 6 & 63];
    *to++ = digits[three & 63];
  }
  const std::size_t left = bytes.size() - i;
  if (left == 0) return to;
  const std::uint32_t rest = at(i) << 16 | (left == 2 ? at(i + 1) << 8 : 0);
  *to++ = digits[rest >> 18];
  *to++ = digits[rest >> 12 & 63];
  if (left == 2) *to++ = digits[rest >> 6 & 63];
  if (padded) {
    *to++ = '=';
    if (left == 1) *to++ = '=';
  }
  return to;
}

bool is_line_break(char c) { return c == '\n' || c == '\r'; }

/// Reads digits four at a time; `at_` is where an error is reported.
class Base64Decoder {
 public:
  Base64Decoder(std::string_view text, Base64 form)
      : text_(text), values_(form.url ? url_values : standard_values), padded_(form.padded) {}

  Result<std::string> decode() {
    out_.reserve(text_.size() / 4 * 3 + 3);
    while (!finished_) {
      if (!quantum()) {
        std::string message = "illegal base64 data at input byte ";
        append_uint(message, at_);
        return invalid(std::move(message));
      }
    }
    return std::move(out_);
  }

 private:
  void skip_breaks() {
    while (at_ < text_.size() && is_line_break(text_[at_])) ++at_;
  }

  bool quantum() {
    std::uint32_t bits = 0;
    int count = 0;
    for (; count < 4; ++count) {
      skip_breaks();
      if (at_ == text_.size()) {
        finished_ = true;
        if (count == 0) return true;
        if (count == 1 || padded_) {
          at_ -= static_cast<std::size_t>(count);
          return false;
        }
        break;
      }
      const char c = text_[at_++];
      const int value = values_[static_cast<unsigned char>(c)];
      if (value < 0) {
        if (c != '=' || !padded_) {
          --at_;
          return false;
        }
        finished_ = true;
        if (!padding(count)) return false;
        break;
      }
      bits |= static_cast<std::uint32_t>(value) << (18 - 6 * count);
    }
    for (int i = 0; i < count - 1; ++i) out_ += static_cast<char>(bits >> (16 - 8 * i) & 255);
    return true;
  }

  /// One '=' was read after `count` digits of a quantum; checks that the text ends properly.
  bool padding(int count) {
    if (count < 2) {
      --at_;
      return false;
    }
    if (count == 2) {
      skip_breaks();
      if (at_ == text_.size()) return false;
      if (text_[at_] != '=') {
        --at_;
        return false;
      }
      ++at_;
    }
    skip_breaks();
    return at_ == text_.size();
  }

  std::string_view text_;
  const Table& values_;
  bool padded_;
  bool finished_ = false;
  std::size_t at_ = 0;
  std::string out_;
};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::unexpected<Error> invalid_hex_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  std::string message = "encoding/hex: invalid byte: U+00";
  message += "0123456789ABCDEF"[byte >> 4];
  message += "0123456789ABCDEF"[byte & 15];
  // Go's %#U shows the character only if it is printable, and does not escape it.
  if (is_printable(byte)) {
    message += " '";
    append_rune(message, byte);
    message += '\'';
  }
  return invalid(std::move(message));
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes, Base64 form) {
  const std::size_t before = out.size();
  out.resize(before + base64_size(bytes.size()));
  char* const end = encode(out.data() + before, bytes, form.url ? url_digits : standard_digits,
                           form.padded);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

char* write_base64(char* to, std::string_view bytes) {
  return encode(to, bytes, standard_digits, true);
}

Result<std::string> decode_base64(std::string_view text, Base64 form) {
  return Base64Decoder(text, form).decode();
}

Result<std::string> decode_base64_stream(std::string_view text, Base64 form) {
  std::string joined;
  if (text.find_first_of("\r\n") != text.npos) {
    std::copy_if(text.begin(), text.end(), std::back_inserter(joined),
                 [](char c) { return !is_line_break(c); });
    text = joined;
  }
  // What is left over of groups of four is looked at last, and counted anew.
  const std::string_view rest = text.substr(text.size() - text.size() % 4);
  auto decoded = decode_base64(text.substr(0, text.size() - rest.size()), form);
  if (!decoded || rest.empty()) return decoded;
  if (form.padded) return invalid("unexpected EOF");
  *decoded += TRY(decode_base64(rest, form));
  return decoded;
}

void append_hex(std::string& out, std::string_view bytes) {
  out.reserve(out.size() + bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
}

Result<std::string> decode_hex(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    if (high < 0) return invalid_hex_byte(text[i]);
    const int low = hex_value(text[i + 1]);
    if (low < 0) return invalid_hex_byte(text[i + 1]);
    out += static_cast<char>(high << 4 | low);
  }
  if (text.size() % 2 != 0) {
    if (hex_value(text.back()) < 0) return invalid_hex_byte(text.back());
    return invalid("encoding/hex: odd length hex string");
  }
  return out;
}

}  // namespace tollgate
