#include "bloblang/functions/unicode_case.h"

#include <cstring>
#include <span>

#include "value/text_scan.h"

namespace tollgate::bloblang {
namespace {

/// Every `stride`-th code point from `first` to `last` maps to itself plus `delta`.
struct CaseRange {
  char32_t first, last;
  std::int32_t delta;
  std::uint32_t stride;
};

constexpr CaseRange kUpper[] = {
#include "bloblang/functions/unicode_upper.inc"
};
constexpr CaseRange kLower[] = {
#include "bloblang/functions/unicode_lower.inc"
};
constexpr CaseRange kTitle[] = {
#include "bloblang/functions/unicode_title.inc"
};

char32_t map_rune(std::span<const CaseRange> ranges, char32_t code) {
  const auto above = std::upper_bound(ranges.begin(), ranges.end(), code,
                                      [](char32_t c, const CaseRange& r) { return c < r.first; });
  if (above == ranges.begin()) return code;
  const CaseRange& range = above[-1];
  if (code > range.last || (code - range.first) % range.stride != 0) return code;
  return static_cast<char32_t>(static_cast<std::int32_t>(code) + range.delta);
}

constexpr std::uint64_t kEveryByte = 0x0101010101010101u;

/// A word of ASCII characters, those from `first` to the 25th after it in the other case.
std::uint64_t flipped(std::uint64_t word, char first) {
  const auto low = static_cast<std::uint64_t>(0x80 - first) * kEveryByte;
  const auto high = static_cast<std::uint64_t>(0x80 - first - 26) * kEveryByte;
  return word ^ ((((word + low) & ~(word + high)) & (0x80 * kEveryByte)) >> 2);
}

/// The whole of a text of ASCII characters, eight at a time; itself if that changes nothing.
std::string_view map_ascii(std::string_view text, Arena& arena, char first) {
  constexpr std::size_t width = sizeof(std::uint64_t);
  auto* const memory = arena.allocate_array<char>(text.size());
  bool changes = false;
  std::size_t at = 0;
  for (; at + width <= text.size(); at += width) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, width);
    const std::uint64_t mapped = flipped(word, first);
    changes |= mapped != word;
    std::memcpy(memory + at, &mapped, width);
  }
  for (; at < text.size(); ++at) {
    const bool flips = static_cast<unsigned char>(text[at] - first) < 26;
    changes |= flips;
    memory[at] = static_cast<char>(text[at] ^ (flips ? 0x20 : 0));
  }
  if (changes) return {memory, text.size()};
  arena.shrink_last(memory, 0);
  return text;
}

template <typename Map>
std::string_view map_text(std::string_view text, Arena& arena, char first, char last, Map map) {
  if (!has_non_ascii(text.data(), text.data() + text.size())) return map_ascii(text, arena, first);
  const auto changes = [&](char c) { return (c >= first && c <= last) || (c & 0x80); };
  const auto from = std::ranges::find_if(text, changes);
  if (from == text.end()) return text;
  TextBuilder out(arena, text.size() + 8);
  out.append(text.substr(0, static_cast<std::size_t>(from - text.begin())));
  const char* at = text.data() + out.size();
  const char* const end = text.data() + text.size();
  while (at < end) {
    const char c = *at;
    if (!(c & 0x80)) {
      out.append(c >= first && c <= last ? static_cast<char>(c ^ 0x20) : c);
      ++at;
      continue;
    }
    const Rune rune = decode_rune(at, end);
    out.append_rune(map(rune.code));
    at += rune.width;
  }
  return out.view();
}

}  // namespace

char32_t upper_rune(char32_t code) {
  if (code < 0x80) return code >= 'a' && code <= 'z' ? code - 0x20 : code;
  return map_rune(kUpper, code);
}

char32_t lower_rune(char32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 0x20 : code;
  return map_rune(kLower, code);
}

char32_t title_rune(char32_t code) {
  if (code < 0x80) return upper_rune(code);
  return map_rune(kTitle, code);
}

bool is_space_rune(char32_t code) {
  if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
  return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

std::string_view upper_text(std::string_view text, Arena& arena) {
  return map_text(text, arena, 'a', 'z', upper_rune);
}

std::string_view lower_text(std::string_view text, Arena& arena) {
  return map_text(text, arena, 'A', 'Z', lower_rune);
}

}  // namespace tollgate::bloblang
