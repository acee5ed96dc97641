#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tollgate {

namespace detail {

/// The first and the last word of both, which overlap or meet in the middle.
template <typename Word>
bool same_ends(const char* a, const char* b, std::size_t size) {
  Word a_first, a_last, b_first, b_last;
  std::memcpy(&a_first, a, sizeof(Word));
  std::memcpy(&b_first, b, sizeof(Word));
  std::memcpy(&a_last, a + size - sizeof(Word), sizeof(Word));
  std::memcpy(&b_last, b + size - sizeof(Word), sizeof(Word));
  return ((a_first ^ b_first) | (a_last ^ b_last)) == 0;
}

}  // namespace detail

/// Tells most keys apart in one comparison: equal keys have equal tags.
inline std::uint32_t key_tag(std::string_view key) {
  if (key.empty()) return 0;
  const auto byte = [&](std::size_t at) {
    return std::uint32_t{static_cast<unsigned char>(key[at])};
  };
  return byte(0) | byte(key.size() / 2) << 8 | byte(key.size() - 1) << 16 |
         static_cast<std::uint32_t>(key.size()) << 24;
}

/// a == b, inline for texts as short as keys are.
inline bool same_text(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (size > 16) return std::memcmp(a.data(), b.data(), size) == 0;
  if (size >= 8) return detail::same_ends<std::uint64_t>(a.data(), b.data(), size);
  if (size >= 4) return detail::same_ends<std::uint32_t>(a.data(), b.data(), size);
  if (size >= 2) return detail::same_ends<std::uint16_t>(a.data(), b.data(), size);
  return size == 0 || a[0] == b[0];
}

}  // namespace tollgate
