#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace tollgate {

/// BLAKE3 (the paper of O'Connor, Aumasson, Neves and Wilcox-O'Hearn, version of 2021), made for many
/// short texts at a time: they go through the function side by side, as many as the processor's
/// vectors have lanes.

/// A key, a chaining value, or the first 256 bits of output; words as they stand in memory.
using Blake3Words = std::array<std::uint32_t, 8>;

/// The hash of one text.
Blake3Words blake3(std::string_view text);
/// The keyed hash of each text. Requires: as many digests as texts.
void blake3_keyed(const Blake3Words& key, std::span<const std::string_view> texts,
                  std::span<Blake3Words> digests);

namespace blake3_detail {

/// A chunk of at most 1,024 bytes, or the two chaining values below a parent, on its way.
struct Node {
  std::string_view bytes;
  std::uint64_t counter;  ///< of the chunk; 0 of a parent
  std::uint32_t flags;    ///< of all its blocks
  std::uint32_t first_flags, last_flags;  ///< besides
};

/// Chaining values of all `nodes`.
using Compress = void (*)(const Blake3Words& key, std::span<const Node> nodes, Blake3Words* out);
/// What this machine can do, the best first, and what every one can last; for tests.
std::span<const Compress> implementations();
void keyed(Compress compress, const Blake3Words& key, std::span<const std::string_view> texts,
           std::span<Blake3Words> digests);

}  // namespace blake3_detail

}  // namespace tollgate
