#include "otlp/sha256.h"

// SHA256_Transform is the one call of OpenSSL that goes on from a given state.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <iterator>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tollgate {

using namespace sha256_detail;

namespace {

constexpr std::size_t kBlock = 64;

void compress_portable(std::uint32_t (&state)[8], const unsigned char* block) {
  SHA256_CTX context;
  std::ranges::copy(state, context.h);
  SHA256_Transform(&context, block);
  std::ranges::copy(context.h, state);
}

void compress_two_portable(std::uint32_t (&a)[8], const unsigned char* block_a,
                           std::uint32_t (&b)[8], const unsigned char* block_b) {
  compress_portable(a, block_a);
  compress_portable(b, block_b);
}

#if defined(__x86_64__)

alignas(16) constexpr std::uint32_t kRounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// Four rounds an instruction pair, for `lanes` states side by side: their chains of dependent
/// instructions fill each other's waits.
template <int lanes>
__attribute__((target("sha,sse4.1"), always_inline)) inline void compress_lanes(
    std::uint32_t* const (&states)[lanes], const unsigned char* const (&blocks)[lanes]) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i abef[lanes], cdgh[lanes], words[4][lanes];
  __m128i abef_before[lanes], cdgh_before[lanes];
  for (int lane = 0; lane < lanes; ++lane) {
    const auto* state = reinterpret_cast<const __m128i*>(states[lane]);
    const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(state), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(state + 1), 0x1b);
    abef_before[lane] = abef[lane] = _mm_alignr_epi8(cdab, efgh, 8);
    cdgh_before[lane] = cdgh[lane] = _mm_blend_epi16(efgh, cdab, 0xf0);
  }
#pragma GCC unroll 16
  for (int group = 0; group < 16; ++group) {
#pragma GCC unroll 2
    for (int lane = 0; lane < lanes; ++lane) {
      __m128i& four = words[group % 4][lane];
      if (group < 4) {
        const auto* block = reinterpret_cast<const __m128i*>(blocks[lane]);
        four = _mm_shuffle_epi8(_mm_loadu_si128(block + group), big_endian);
      } else {  // here it still holds the words of 16 rounds ago
        const __m128i newest = words[(group + 3) % 4][lane];
        const __m128i before = words[(group + 2) % 4][lane];
        four = _mm_sha256msg1_epu32(four, words[(group + 1) % 4][lane]);
        four = _mm_add_epi32(four, _mm_alignr_epi8(newest, before, 4));
        four = _mm_sha256msg2_epu32(four, newest);
      }
      const auto* constants = reinterpret_cast<const __m128i*>(kRounds);
      const __m128i sum = _mm_add_epi32(four, _mm_load_si128(constants + group));
      cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
      abef[lane] =
          _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(sum, 0x0e));
    }
  }
  for (int lane = 0; lane < lanes; ++lane) {
    const __m128i feba =
        _mm_shuffle_epi32(_mm_add_epi32(abef[lane], abef_before[lane]), 0x1b);
    const __m128i dchg =
        _mm_shuffle_epi32(_mm_add_epi32(cdgh[lane], cdgh_before[lane]), 0xb1);
    auto* state = reinterpret_cast<__m128i*>(states[lane]);
    _mm_storeu_si128(state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(state + 1, _mm_alignr_epi8(dchg, feba, 8));
  }
}

__attribute__((target("sha,sse4.1"))) void compress_native(std::uint32_t (&state)[8],
                                                           const unsigned char* block) {
  compress_lanes<1>({state}, {block});
}

__attribute__((target("sha,sse4.1"))) void compress_two_native(std::uint32_t (&a)[8],
                                                               const unsigned char* block_a,
                                                               std::uint32_t (&b)[8],
                                                               const unsigned char* block_b) {
  compress_lanes<2>({a, b}, {block_a, block_b});
}

constexpr Implementation kNative{compress_native, compress_two_native};

/// CPUID leaf 7, EBX bit 29; GCC 12 has no name for it.
bool has_sha_instructions() {
  unsigned a = 7, b = 0, c = 0, d = 0;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("avx2") && (b >> 29 & 1) != 0;
}

#endif

}  // namespace

const Implementation sha256_detail::portable{compress_portable, compress_two_portable};

const Implementation& sha256_detail::best() {
#if defined(__x86_64__)
  static const bool native = has_sha_instructions();
  if (native) return kNative;
#endif
  return portable;
}

void Sha256Prefix::add(std::string_view bytes) {
  const Compress compress = best().one;
  std::uint32_t state[8];
  std::ranges::copy(state_, state);
  while (!bytes.empty()) {
    const std::size_t held = size_ % kBlock;
    const std::size_t taken = std::min(bytes.size(), kBlock - held);
    std::memcpy(rest_.data() + held, bytes.data(), taken);
    size_ += taken;
    bytes.remove_prefix(taken);
    if (size_ % kBlock == 0) compress(state, rest_.data());
  }
  std::ranges::copy(state, state_.begin());
}

void Sha256Prefix::pad() {
  static constexpr char zeros[kBlock] = {};
  add({zeros, (kBlock - size_ % kBlock) % kBlock});
}

/// The blocks of one text on its way through the function, read where they are but for its end.
class Sha256Lane {
 public:
  void load(const Sha256Prefix& prefix, std::string_view text) {
    assert(prefix.is_padded());
    std::ranges::copy(prefix.state_, state);
    whole_ = reinterpret_cast<const unsigned char*>(text.data());
    whole_blocks_ = text.size() / kBlock;
    const std::uint64_t bits = std::byteswap((prefix.size_ + text.size()) * 8);
    text.remove_prefix(whole_blocks_ * kBlock);
    std::memset(end_, 0, sizeof end_);
    std::memcpy(end_, text.data(), text.size());
    end_[text.size()] = 0x80;
    const std::size_t size = text.size() + 1 + sizeof bits <= kBlock ? kBlock : 2 * kBlock;
    std::memcpy(end_ + size - sizeof bits, &bits, sizeof bits);
    blocks_ = whole_blocks_ + size / kBlock;
    next_ = 0;
  }

  bool done() const { return next_ == blocks_; }

  const unsigned char* next_block() {
    const std::size_t index = next_++;
    return index < whole_blocks_ ? whole_ + index * kBlock : end_ + (index - whole_blocks_) * kBlock;
  }

  void finish(Sha256Digest& digest) const {
    for (std::size_t i = 0; i < std::size(state); ++i) {
      const std::uint32_t word = std::byteswap(state[i]);
      std::memcpy(digest.data() + i * sizeof word, &word, sizeof word);
    }
  }

  std::uint32_t state[8];

 private:
  unsigned char end_[2 * kBlock];  // the rest of the text, a bit, zeros, its length
  const unsigned char* whole_ = nullptr;
  std::size_t whole_blocks_ = 0;
  std::size_t blocks_ = 0;
  std::size_t next_ = 0;
};

void sha256_detail::each(const Implementation& implementation, const Sha256Prefix& prefix,
                         std::span<const std::string_view> texts,
                         std::span<Sha256Digest> digests) {
  struct Work {
    Sha256Lane lane;
    std::size_t text = 0;
  };
  Work works[2];
  std::size_t loaded = 0;
  const auto load_next = [&](Work& work) {
    if (loaded == texts.size()) return false;
    work.text = loaded++;
    work.lane.load(prefix, texts[work.text]);
    return true;
  };
  bool busy[2] = {load_next(works[0]), load_next(works[1])};
  const auto settle = [&](std::size_t i) {
    if (!works[i].lane.done()) return;
    works[i].lane.finish(digests[works[i].text]);
    busy[i] = load_next(works[i]);
  };
  while (busy[0] && busy[1]) {
    Sha256Lane &a = works[0].lane, &b = works[1].lane;
    do {
      implementation.two(a.state, a.next_block(), b.state, b.next_block());
    } while (!a.done() && !b.done());
    settle(0);
    settle(1);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    if (!busy[i]) continue;
    Sha256Lane& left = works[i].lane;
    while (!left.done()) implementation.one(left.state, left.next_block());
    left.finish(digests[works[i].text]);
  }
}

void sha256_each(const Sha256Prefix& prefix, std::span<const std::string_view> texts,
                 std::span<Sha256Digest> digests) {
  each(best(), prefix, texts, digests);
}

}  // namespace tollgate
