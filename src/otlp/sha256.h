#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tollgate {

/// What was hashed so far of a text whose end is still to come. Trivially copyable: one prefix may be
/// continued in many ways.
class Sha256Prefix {
 public:
  void add(std::string_view bytes);
  /// Adds zeros until there are whole blocks of 64 bytes.
  void pad();
  bool is_padded() const { return size_ % 64 == 0; }

 private:
  friend class Sha256Lane;
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::uint64_t size_ = 0;                // of all that was added
  std::array<unsigned char, 64> rest_{};  // its last size_ % 64 bytes
};

using Sha256Digest = std::array<unsigned char, 32>;

/// SHA-256 of `prefix` followed by each text. Takes two texts at a time where the processor has
/// instructions for SHA-256: one alone leaves them idle for half of the time.
/// Requires: as many digests as texts; the prefix is padded, so that texts are read where they are.
void sha256_each(const Sha256Prefix& prefix, std::span<const std::string_view> texts,
                 std::span<Sha256Digest> digests);

namespace sha256_detail {

/// One state and one block of 64 bytes.
using Compress = void (*)(std::uint32_t (&state)[8], const unsigned char* block);
/// Two of each, independent of each other.
using CompressTwo = void (*)(std::uint32_t (&a)[8], const unsigned char* block_a,
                             std::uint32_t (&b)[8], const unsigned char* block_b);
struct Implementation {
  Compress one;
  CompressTwo two;
};
/// What this processor does best, and what every one does; for tests.
const Implementation& best();
extern const Implementation portable;
void each(const Implementation& implementation, const Sha256Prefix& prefix,
          std::span<const std::string_view> texts, std::span<Sha256Digest> digests);

}  // namespace sha256_detail

}  // namespace tollgate
