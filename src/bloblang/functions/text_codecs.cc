#include "bloblang/functions/text_codecs.h"

#include <cstdint>

#include "bloblang/functions/printf_number.h"

namespace tollgate::bloblang {
namespace {

constexpr std::string_view kZ85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t word = 0;
  for (const char c : bytes) word = word << 8 | static_cast<unsigned char>(c);
  return word;
}

void append_word(std::string& out, std::uint32_t word, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out += static_cast<char>(word >> (24 - 8 * i));
}

Result<std::string> corrupt(std::size_t at) {
  return invalid("illegal ascii85 data at input byte " + std::to_string(at));
}

}  // namespace

std::string encode_ascii85(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), 4);
    std::uint32_t word = big_endian(bytes.substr(0, count)) << 8 * (4 - count) % 32;
    if (word == 0 && count == 4) {
      out += 'z';
    } else {
      char digits[5];
      for (int i = 4; i >= 0; --i, word /= 85) digits[i] = static_cast<char>('!' + word % 85);
      out.append(digits, count + 1);
    }
    bytes.remove_prefix(count);
  }
  return out;
}

Result<std::string> decode_ascii85(std::string_view text) {
  std::string out;
  std::uint32_t word = 0;
  int digits = 0;
  std::size_t group_end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) <= ' ') continue;
    if (c == 'z' && digits == 0) {
      digits = 5;
      word = 0;
    } else if (c >= '!' && c <= 'u') {
      word = word * 85 + static_cast<std::uint32_t>(c - '!');
      ++digits;
    } else {
      return corrupt(i);
    }
    if (digits < 5) continue;
    append_word(out, word, 4);
    digits = 0;
    word = 0;
    group_end = i + 1;
  }
  if (digits == 0) return out;
  if (digits == 1) return corrupt(text.size() - group_end);
  for (int i = digits; i < 5; ++i) word = word * 85 + 84;
  append_word(out, word, static_cast<std::size_t>(digits - 1));
  return out;
}

Result<std::string> encode_z85(std::string_view bytes) {
  if (bytes.size() % 4 != 0) return invalid("z85: wrongly aligned input data");
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(4)) {
    std::uint32_t word = big_endian(bytes.substr(0, 4));
    char digits[5];
    for (int i = 4; i >= 0; --i, word /= 85) digits[i] = kZ85[word % 85];
    out.append(digits, 5);
  }
  return out;
}

Result<std::string> decode_z85(std::string_view text) {
  if (text.size() % 5 != 0) return invalid("z85: wrongly aligned input data");
  std::string out;
  for (; !text.empty(); text.remove_prefix(5)) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      const auto digit = kZ85.find(text[i]);
      if (digit == std::string_view::npos) {
        std::string problem = "z85: invalid input byte: ";
        PrintFlags flags;
        flags.sharp = true;
        append_character(problem, {static_cast<unsigned char>(text[i]), false}, 'U', flags);
        return invalid(problem);
      }
      word = word * 85 + static_cast<std::uint32_t>(digit);
    }
    append_word(out, word, 4);
  }
  return out;
}

}  // namespace tollgate::bloblang
