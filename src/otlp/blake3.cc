#include "otlp/blake3.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

namespace tollgate {

using namespace blake3_detail;

namespace {

constexpr std::size_t kBlock = 64;
constexpr std::size_t kChunk = 1024;

constexpr std::uint32_t kChunkStart = 1, kChunkEnd = 2, kParent = 4, kRoot = 8, kKeyed = 16;

constexpr Blake3Words kInitial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// The order of the message's words in each round.
struct Schedule {
  std::uint8_t word[7][16];

  constexpr Schedule() : word() {
    constexpr std::uint8_t permutation[16] = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};
    for (std::uint8_t i = 0; i < 16; ++i) word[0][i] = i;
    for (int round = 1; round < 7; ++round) {
      for (int i = 0; i < 16; ++i) word[round][i] = word[round - 1][permutation[i]];
    }
  }
};
constexpr Schedule kSchedule;

/// `T` is one word of a state, or a vector of the same word of many.
template <typename T>
[[gnu::always_inline]] inline void rotate_right(T& x, int bits) {
  x = x >> bits | x << (32 - bits);
}

template <typename T>
[[gnu::always_inline]] inline void mix(T (&v)[16], int a, int b, int c, int d, const T& x, const T& y) {
  v[a] = v[a] + v[b] + x;
  v[d] ^= v[a];
  rotate_right(v[d], 16);
  v[c] += v[d];
  v[b] ^= v[c];
  rotate_right(v[b], 12);
  v[a] = v[a] + v[b] + y;
  v[d] ^= v[a];
  rotate_right(v[d], 8);
  v[c] += v[d];
  v[b] ^= v[c];
  rotate_right(v[b], 7);
}

template <typename T>
[[gnu::always_inline]] inline void mix_all(T (&v)[16], const T (&message)[16]) {
#pragma GCC unroll 7
  for (int round = 0; round < 7; ++round) {
    const auto& m = kSchedule.word[round];
    mix(v, 0, 4, 8, 12, message[m[0]], message[m[1]]);
    mix(v, 1, 5, 9, 13, message[m[2]], message[m[3]]);
    mix(v, 2, 6, 10, 14, message[m[4]], message[m[5]]);
    mix(v, 3, 7, 11, 15, message[m[6]], message[m[7]]);
    mix(v, 0, 5, 10, 15, message[m[8]], message[m[9]]);
    mix(v, 1, 6, 11, 12, message[m[10]], message[m[11]]);
    mix(v, 2, 7, 8, 13, message[m[12]], message[m[13]]);
    mix(v, 3, 4, 9, 14, message[m[14]], message[m[15]]);
  }
}

std::size_t last_block(const Node& node) {
  return node.bytes.empty() ? 0 : (node.bytes.size() - 1) / kBlock;
}

// One alone ---------------------------------------------------------------------------------------

void compress_one(const Blake3Words& key, const Node& node, Blake3Words& out) {
  out = key;
  const std::size_t last = last_block(node);
  for (std::size_t block = 0; block <= last; ++block) {
    const std::string_view bytes = node.bytes.substr(block * kBlock, kBlock);
    std::uint32_t message[16] = {};
    if (!bytes.empty()) std::memcpy(message, bytes.data(), bytes.size());
    std::uint32_t v[16];
    std::ranges::copy(out, v);
    std::copy_n(kInitial.begin(), 4, v + 8);
    v[12] = static_cast<std::uint32_t>(node.counter);
    v[13] = static_cast<std::uint32_t>(node.counter >> 32);
    v[14] = static_cast<std::uint32_t>(bytes.size());
    v[15] = node.flags | (block == 0 ? node.first_flags : 0) | (block == last ? node.last_flags : 0);
    mix_all(v, message);
    for (std::size_t i = 0; i < 8; ++i) out[i] = v[i] ^ v[i + 8];
  }
}

// Side by side ------------------------------------------------------------------------------------
// A vector holds the same word of `lanes` states. Everything is inlined into a function for one kind of
// processor, since vectors wider than the least one's cannot be passed between functions.

template <int lanes>
using Words [[gnu::vector_size(4 * lanes)]] = std::uint32_t;

/// Exchanges the words of two rows so that blocks of `distance` columns become blocks of rows.
template <int lanes, int distance, std::size_t... column>
[[gnu::always_inline]] inline void exchange(Words<lanes>& above, Words<lanes>& below,
                                            std::index_sequence<column...>) {
  const Words<lanes> upper = above, lower = below;
  above = __builtin_shufflevector(
      upper, lower, ((column & distance) != 0 ? lanes + column - distance : column)...);
  below = __builtin_shufflevector(
      upper, lower, ((column & distance) != 0 ? lanes + column : column + distance)...);
}

/// Makes rows of columns: word j of row i becomes word i of row j.
template <int lanes, int distance = 1>
[[gnu::always_inline]] inline void transpose(Words<lanes>* rows) {
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) {
    if ((i & distance) != 0) continue;
    exchange<lanes, distance>(rows[i], rows[i + distance], std::make_index_sequence<lanes>());
  }
  if constexpr (distance * 2 < lanes) transpose<lanes, distance * 2>(rows);
}

/// What differs between the lanes.
template <int lanes>
struct Lanes {
  const unsigned char* bytes[lanes];
  Words<lanes> last{};       ///< index of the last block
  Words<lanes> last_size{};  ///< bytes in it
  Words<lanes> flags{}, first_flags{}, last_flags{};
  Words<lanes> counter_low{}, counter_high{};
  std::uint32_t most = 0;             ///< of `last`
  unsigned char ends[lanes][kBlock];  ///< the last blocks, padded with zeros
};

/// Takes `lanes` nodes at most; what other lanes come to is nobody's.
template <int lanes>
[[gnu::always_inline]] inline void load_nodes(Lanes<lanes>& all, std::span<const Node> nodes) {
  for (std::size_t lane = 0; lane < nodes.size(); ++lane) {
    const Node& node = nodes[lane];
    const std::size_t last = last_block(node);
    const std::size_t end = node.bytes.size() - last * kBlock;
    all.bytes[lane] = reinterpret_cast<const unsigned char*>(node.bytes.data());
    all.last[lane] = static_cast<std::uint32_t>(last);
    all.last_size[lane] = static_cast<std::uint32_t>(end);
    all.flags[lane] = node.flags;
    all.first_flags[lane] = node.first_flags;
    all.last_flags[lane] = node.last_flags;
    all.counter_low[lane] = static_cast<std::uint32_t>(node.counter);
    all.counter_high[lane] = static_cast<std::uint32_t>(node.counter >> 32);
    all.most = std::max(all.most, static_cast<std::uint32_t>(last));
    std::memset(all.ends[lane], 0, kBlock);
    if (end > 0) std::memcpy(all.ends[lane], all.bytes[lane] + last * kBlock, end);
  }
  for (std::size_t lane = nodes.size(); lane < lanes; ++lane) all.bytes[lane] = all.ends[lane];
}

template <int lanes>
[[gnu::always_inline]] inline void compress_some(const Blake3Words& key, std::span<const Node> nodes,
                                                 Blake3Words* out) {
  Lanes<lanes> all;
  load_nodes<lanes>(all, nodes);
  Words<lanes> state[8];
  for (int i = 0; i < 8; ++i) state[i] = Words<lanes>{} + key[i];
  for (std::uint32_t block = 0; block <= all.most; ++block) {
    Words<lanes> message[16];
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const unsigned char* const from =
          block < all.last[lane] ? all.bytes[lane] + block * kBlock : all.ends[lane];
#pragma GCC unroll 4
      for (std::size_t row = 0; row < 16 / lanes; ++row) {
        std::memcpy(&message[row * lanes + lane], from + row * 4 * lanes, 4 * lanes);
      }
    }
#pragma GCC unroll 4
    for (int first = 0; first < 16; first += lanes) transpose<lanes>(message + first);
    const auto runs = Words<lanes>(all.last >= block), ends = Words<lanes>(all.last == block);
    Words<lanes> v[16];
    for (int i = 0; i < 8; ++i) v[i] = state[i];
    for (int i = 0; i < 4; ++i) v[8 + i] = Words<lanes>{} + kInitial[i];
    v[12] = all.counter_low;
    v[13] = all.counter_high;
    v[14] = (ends & all.last_size) | (~ends & static_cast<std::uint32_t>(kBlock));
    v[15] = all.flags | (ends & all.last_flags);
    if (block == 0) v[15] |= all.first_flags;
    mix_all(v, message);
    for (int i = 0; i < 8; ++i) state[i] = (runs & (v[i] ^ v[i + 8])) | (~runs & state[i]);
  }
  for (std::size_t lane = 0; lane < nodes.size(); ++lane) {
    for (int i = 0; i < 8; ++i) out[lane][i] = state[i][lane];
  }
}

template <int lanes>
[[gnu::always_inline]] inline void compress_all(const Blake3Words& key, std::span<const Node> nodes,
                                                Blake3Words* out) {
  constexpr std::size_t few = 2;  // take longer side by side
  for (std::size_t from = 0; from < nodes.size(); from += lanes) {
    const auto some = nodes.subspan(from, std::min<std::size_t>(lanes, nodes.size() - from));
    if (some.size() > few) {
      compress_some<lanes>(key, some, out + from);
    } else {
      for (std::size_t i = 0; i < some.size(); ++i) compress_one(key, some[i], out[from + i]);
    }
  }
}

void compress_portable(const Blake3Words& key, std::span<const Node> nodes, Blake3Words* out) {
  compress_all<4>(key, nodes, out);
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) void compress_avx2(const Blake3Words& key,
                                                   std::span<const Node> nodes, Blake3Words* out) {
  compress_all<8>(key, nodes, out);
}

__attribute__((target("avx512f,avx512vl,avx512bw"))) void compress_avx512(
    const Blake3Words& key, std::span<const Node> nodes, Blake3Words* out) {
  compress_all<16>(key, nodes, out);
}

#endif

// Trees -------------------------------------------------------------------------------------------

std::size_t chunks_of(std::string_view text) {
  return text.empty() ? 1 : (text.size() - 1) / kChunk + 1;
}

/// Hashes texts of any length, level by level: all chunks, then all parents of two.
void hash_trees(Compress compress, const Blake3Words& key, std::span<const std::string_view> texts,
                std::uint32_t mode, std::span<Blake3Words> digests) {
  std::vector<Node> nodes;
  std::vector<std::size_t> widths;  // how many values each text has at this level
  for (const std::string_view text : texts) {
    widths.push_back(chunks_of(text));
    const std::uint32_t root = widths.back() == 1 ? kRoot : 0;
    for (std::size_t i = 0; i < widths.back(); ++i) {
      nodes.push_back({text.substr(i * kChunk, kChunk), i, mode, kChunkStart, kChunkEnd | root});
    }
  }
  std::vector<Blake3Words> values(nodes.size());
  compress(key, nodes, values.data());
  while (values.size() > texts.size()) {
    nodes.clear();
    const Blake3Words* value = values.data();
    for (const std::size_t width : widths) {
      const std::uint32_t flags = mode | kParent | (width == 2 ? kRoot : 0);
      for (std::size_t i = 0; i + 1 < width; i += 2) {
        const auto* const pair = reinterpret_cast<const char*>(value + i);
        nodes.push_back({{pair, 2 * sizeof *value}, 0, flags, 0, 0});
      }
      value += width;
    }
    std::vector<Blake3Words> parents(nodes.size());
    compress(key, nodes, parents.data());
    // The last of an odd number waits for the next level.
    std::vector<Blake3Words> next;
    value = values.data();
    const Blake3Words* parent = parents.data();
    for (std::size_t& width : widths) {
      next.insert(next.end(), parent, parent + width / 2);
      if (width % 2 != 0) next.push_back(value[width - 1]);
      parent += width / 2;
      value += width;
      width = (width + 1) / 2;
    }
    values = std::move(next);
  }
  std::ranges::copy(values, digests.begin());
}

Compress best() {
  static const Compress compress = implementations().front();
  return compress;
}

}  // namespace

std::span<const Compress> blake3_detail::implementations() {
  static const std::vector<Compress> all = [] {
    std::vector<Compress> able;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw")) {
      able.push_back(compress_avx512);
    }
    if (__builtin_cpu_supports("avx2")) able.push_back(compress_avx2);
#endif
    able.push_back(compress_portable);
    return able;
  }();
  return all;
}

void blake3_detail::keyed(Compress compress, const Blake3Words& key,
                          std::span<const std::string_view> texts, std::span<Blake3Words> digests) {
  constexpr std::size_t at_once = 16;
  for (std::size_t from = 0; from < texts.size(); from += at_once) {
    const std::size_t count = std::min(at_once, texts.size() - from);
    const auto some = texts.subspan(from, count);
    if (std::ranges::any_of(some, [](std::string_view text) { return text.size() > kChunk; })) {
      hash_trees(compress, key, some, kKeyed, digests.subspan(from, count));
      continue;
    }
    Node nodes[at_once];
    for (std::size_t i = 0; i < count; ++i) {
      nodes[i] = {some[i], 0, kKeyed, kChunkStart, kChunkEnd | kRoot};
    }
    compress(key, {nodes, count}, &digests[from]);
  }
}

Blake3Words blake3(std::string_view text) {
  Blake3Words digest;
  hash_trees(best(), kInitial, {&text, 1}, 0, {&digest, 1});
  return digest;
}

void blake3_keyed(const Blake3Words& key, std::span<const std::string_view> texts,
                  std::span<Blake3Words> digests) {
  keyed(best(), key, texts, digests);
}

}  // namespace tollgate
