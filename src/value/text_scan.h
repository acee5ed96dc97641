#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tollgate {

// Scans of JSON strings, 16 bytes at a time where SSE2 is there and 8 otherwise.

/// Which bytes stop a scan, besides '"', '\\' and everything below 0x20.
struct JsonStops {
  bool html = false;       ///< '<', '>' and '&'
  bool non_ascii = false;  ///< every byte from 0x80 up
};

namespace detail {

template <JsonStops stops>
constexpr bool stops_at(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\' || (stops.non_ascii && c >= 0x80) ||
         (stops.html && (c == '<' || c == '>' || c == '&'));
}

constexpr std::uint64_t every_byte = 0x0101010101010101u;
constexpr std::uint64_t high_bits = 0x8080808080808080u;

/// High bit set in each byte that equals `c`. Exact only up to and including the first such byte.
constexpr std::uint64_t bytes_equal(std::uint64_t word, unsigned char c) {
  const std::uint64_t x = word ^ (every_byte * c);
  return (x - every_byte) & ~x & high_bits;
}

template <JsonStops stops>
std::uint64_t stop_bits(std::uint64_t word) {
  std::uint64_t found = ((word - every_byte * 0x20) & ~word & high_bits) | bytes_equal(word, '"') |
                        bytes_equal(word, '\\');
  if (stops.html) {
    found |= bytes_equal(word, '<') | bytes_equal(word, '>') | bytes_equal(word, '&');
  }
  if (stops.non_ascii) found |= word & high_bits;
  return found;
}

#if defined(__SSE2__)
template <JsonStops stops>
unsigned stop_bits(__m128i bytes) {
  const auto equal = [bytes](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
  const __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(0x1F)),
                                         _mm_set1_epi8(0x1F));
  __m128i found = _mm_or_si128(control, _mm_or_si128(equal('"'), equal('\\')));
  if (stops.html) {
    found = _mm_or_si128(found, _mm_or_si128(equal('<'), _mm_or_si128(equal('>'), equal('&'))));
  }
  if (stops.non_ascii) found = _mm_or_si128(found, bytes);
  return static_cast<unsigned>(_mm_movemask_epi8(found));
}
#endif

}  // namespace detail

/// The first byte in [from, end) that stops the scan, or end.
template <JsonStops stops>
const char* find_json_stop(const char* from, const char* end) {
#if defined(__SSE2__)
  while (end - from >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    if (const unsigned found = detail::stop_bits<stops>(bytes)) {
      return from + std::countr_zero(found);
    }
    from += 16;
  }
#endif
  if constexpr (std::endian::native == std::endian::little) {
    while (end - from >= 8) {
      std::uint64_t word;
      std::memcpy(&word, from, 8);
      if (const std::uint64_t found = detail::stop_bits<stops>(word)) {
        return from + std::countr_zero(found) / 8;
      }
      from += 8;
    }
  }
  while (from < end && !detail::stops_at<stops>(static_cast<unsigned char>(*from))) ++from;
  return from;
}

/// Copies `size` bytes if they are at most 32 and none stops the scan. False says nothing, and then
/// anything may stand at `to`, within `size`.
template <JsonStops stops>
[[gnu::always_inline]] inline bool copy_short_json_plain(const char* from, std::size_t size, char* to) {
#if defined(__SSE2__)
  if (size > 16) {
    if (size > 32) return false;
    const auto word = [](const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); };
    const __m128i first = word(from), last = word(from + size - 16);
    _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(to)), first);
    _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(to + size - 16)), last);
    return (detail::stop_bits<stops>(first) | detail::stop_bits<stops>(last)) == 0;
  }
  // Two words that overlap or meet, side by side in one register.
  if (size >= 8) {
    const auto word = [](const void* at) {
      return _mm_loadl_epi64(static_cast<const __m128i*>(at));
    };
    const __m128i first = word(from), last = word(from + size - 8);
    _mm_storel_epi64(static_cast<__m128i*>(static_cast<void*>(to)), first);
    _mm_storel_epi64(static_cast<__m128i*>(static_cast<void*>(to + size - 8)), last);
    return detail::stop_bits<stops>(_mm_unpacklo_epi64(first, last)) == 0;
  }
  if (size >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, from, 4);
    std::memcpy(&last, from + size - 4, 4);
    std::memcpy(to, &first, 4);
    std::memcpy(to + size - 4, &last, 4);
    const auto both = static_cast<long long>(first | std::uint64_t{last} << 32);
    return (detail::stop_bits<stops>(_mm_cvtsi64_si128(both)) & 0xff) == 0;
  }
#endif
  if (size >= 4) return false;
  for (std::size_t i = 0; i < size; ++i) {
    if (detail::stops_at<stops>(static_cast<unsigned char>(from[i]))) return false;
    to[i] = from[i];
  }
  return true;
}

/// Copies [from, end) to `to` and returns the first byte that stops the scan, or end. What stands at
/// `to` from that byte on says nothing.
template <JsonStops stops>
const char* copy_json_plain(const char* from, const char* end, char* to) {
#if defined(__SSE2__)
  if (end - from >= 16) {
    while (true) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
      if (const unsigned found = detail::stop_bits<stops>(bytes)) {
        return from + std::countr_zero(found);
      }
      const auto left = end - from - 16;
      if (left == 0) return end;
      const auto step = left < 16 ? left : 16;  // the last sixteen overlap those before
      from += step;
      to += step;
    }
  }
#endif
  if (copy_short_json_plain<stops>(from, static_cast<std::size_t>(end - from), to)) return end;
  const char* const stop = find_json_stop<stops>(from, end);
  std::memcpy(to, from, static_cast<std::size_t>(stop - from));
  return stop;
}

/// The size of the string that starts at `from` if its closing quote is within 16 bytes and only
/// plain ASCII stands before it; else -1, which says nothing.
inline int short_ascii_size(const char* from, const char* end) {
#if defined(__SSE2__)
  if (end - from >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const unsigned found = detail::stop_bits<JsonStops{.non_ascii = true}>(bytes);
    if (found) {
      const int size = std::countr_zero(found);
      if (from[size] == '"') return size;
    }
  }
#endif
  static_cast<void>(end);
  return -1;
}

/// Whether any byte of [from, end) is 0x80 or more.
inline bool has_non_ascii(const char* from, const char* end) {
  std::uint64_t all = 0;
  for (; end - from >= 8; from += 8) {
    std::uint64_t word;
    std::memcpy(&word, from, 8);
    all |= word;
  }
  for (; from < end; ++from) all |= static_cast<unsigned char>(*from);
  return (all & detail::high_bits) != 0;
}

}  // namespace tollgate
