#include "value/deflate_block.h"

#include <algorithm>
#include <bit>

namespace tollgate {
namespace {

constexpr std::size_t kEndOfBlock = 256;
/// In which the lengths of the code of code lengths are written.
constexpr std::uint8_t kOrder[] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                   11, 4,  12, 3, 13, 2, 14, 1, 15};

struct Symbol {
  std::uint16_t code;
  std::uint8_t extra_bits;
  std::uint16_t extra;
};

/// Of a length from 3 to 258.
Symbol length_symbol(int length) {
  if (length == 258) return {285, 0, 0};
  const int above = length - 3;
  if (above < 8) return {static_cast<std::uint16_t>(257 + above), 0, 0};
  const int bits = std::bit_width(static_cast<unsigned>(above)) - 3;
  const int code = 257 + 4 * bits + (above >> bits);
  return {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(bits),
          static_cast<std::uint16_t>(above & ((1 << bits) - 1))};
}

Symbol distance_symbol(int distance) {
  const int above = distance - 1;
  if (above < 4) return {static_cast<std::uint16_t>(above), 0, 0};
  const int bits = std::bit_width(static_cast<unsigned>(above)) - 2;
  const int code = 2 * bits + (above >> bits);
  return {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(bits),
          static_cast<std::uint16_t>(above & ((1 << bits) - 1))};
}

/// A list of the package-merge algorithm: symbols and packages of the list below, lightest first.
struct Packages {
  std::vector<std::uint64_t> weights;
  std::vector<bool> is_symbol;
};

/// Packages of two neighbours below, merged with the symbols; of equals a package comes first.
Packages merge(std::span<const std::uint64_t> symbols, const Packages& below) {
  Packages merged;
  std::size_t at = 0, pair = 0;
  while (at < symbols.size() || pair + 1 < below.weights.size()) {
    const bool has_pair = pair + 1 < below.weights.size();
    const std::uint64_t together = has_pair ? below.weights[pair] + below.weights[pair + 1] : 0;
    const bool takes_symbol = at < symbols.size() && (!has_pair || symbols[at] < together);
    merged.weights.push_back(takes_symbol ? symbols[at++] : together);
    merged.is_symbol.push_back(takes_symbol);
    if (!takes_symbol) pair += 2;
  }
  return merged;
}

std::vector<std::uint8_t> fixed_literal_lengths() {
  std::vector<std::uint8_t> lengths(288, 8);
  std::fill(lengths.begin() + 144, lengths.begin() + 256, 9);
  std::fill(lengths.begin() + 256, lengths.begin() + 280, 7);
  return lengths;
}

/// Symbols up to the last that occurs.
template <typename Counts>
std::size_t used(const Counts& counts) {
  std::size_t count = counts.size();
  while (count > 0 && counts[count - 1] == 0) --count;
  return count;
}

}  // namespace

int deflate_extra_bits(const DeflateToken& repetition) {
  return length_symbol(repetition.length).extra_bits +
         distance_symbol(repetition.distance).extra_bits;
}

std::vector<std::uint8_t> huffman_lengths(std::span<const std::uint32_t> frequencies, int longest) {
  std::vector<std::uint16_t> order;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    if (frequencies[i]) order.push_back(static_cast<std::uint16_t>(i));
  }
  std::vector<std::uint8_t> lengths(frequencies.size());
  if (order.size() <= 2) {
    for (const auto symbol : order) lengths[symbol] = 1;
    return lengths;
  }
  std::ranges::stable_sort(order, {}, [&](std::uint16_t symbol) { return frequencies[symbol]; });
  std::vector<std::uint64_t> weights;
  for (const auto symbol : order) weights.push_back(frequencies[symbol]);
  const int levels = std::min(longest, static_cast<int>(order.size()) - 1);
  std::vector<Packages> lists{{weights, std::vector<bool>(weights.size(), true)}};
  while (static_cast<int>(lists.size()) < levels) lists.push_back(merge(weights, lists.back()));
  // A symbol's length is the number of lists in which it is among the items taken.
  std::size_t taken = 2 * order.size() - 2;
  for (auto list = lists.rbegin(); list != lists.rend(); ++list) {
    const auto first = list->is_symbol.begin();
    const auto symbols =
        static_cast<std::size_t>(std::count(first, first + static_cast<long>(taken), true));
    for (std::size_t i = 0; i < symbols; ++i) ++lengths[order[i]];
    taken = 2 * (taken - symbols);
  }
  return lengths;
}

DeflateWriter::Code::Code(std::vector<std::uint8_t> given)
    : lengths(std::move(given)), bits(lengths.size()) {
  std::uint16_t next = 0;
  for (std::uint8_t length = 1; length <= 15; ++length) {
    next = static_cast<std::uint16_t>(next << 1);
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] != length) continue;
      for (int bit = 0; bit < length; ++bit) {  // Huffman codes go out highest bit first
        const int reversed = (next >> bit & 1) << (length - 1 - bit);
        bits[symbol] = static_cast<std::uint16_t>(bits[symbol] | reversed);
      }
      ++next;
    }
  }
}

std::uint64_t DeflateWriter::Code::cost(std::span<const std::uint32_t> frequencies) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    sum += std::uint64_t{frequencies[i]} * lengths[i];
  }
  return sum;
}

DeflateWriter::Header DeflateWriter::make_header(const Code& literals, std::size_t literal_count,
                                                 const Code& distances,
                                                 std::size_t distance_count) {
  Header header;
  header.literals = literal_count;
  header.distances = distance_count;
  std::vector<std::uint8_t> all(literals.lengths.begin(),
                                literals.lengths.begin() + static_cast<long>(literal_count));
  all.insert(all.end(), distances.lengths.begin(),
             distances.lengths.begin() + static_cast<long>(distance_count));
  for (std::size_t at = 0; at < all.size();) {
    const std::uint8_t length = all[at];
    std::size_t run = 1;
    while (at + run < all.size() && all[at + run] == length) ++run;
    at += run;
    if (length != 0) {  // repetitions follow a first one
      header.symbols.emplace_back(length, 0);
      --run;
    }
    const std::size_t longest = length ? 6 : 138;
    while (run >= (length ? 3 : 11)) {
      const std::size_t part = std::min(run, longest);
      header.symbols.emplace_back(length ? 16 : 18,
                                  static_cast<std::uint8_t>(part - (length ? 3 : 11)));
      run -= part;
    }
    if (length == 0 && run >= 3) {
      header.symbols.emplace_back(17, static_cast<std::uint8_t>(run - 3));
      run = 0;
    }
    for (; run > 0; --run) header.symbols.emplace_back(length, 0);
  }
  std::array<std::uint32_t, 19> frequencies{};
  for (const auto& [symbol, extra] : header.symbols) ++frequencies[symbol];
  header.code = Code(huffman_lengths(frequencies, 7));
  header.lengths = std::size(kOrder);
  while (header.lengths > 4 && frequencies[kOrder[header.lengths - 1]] == 0) --header.lengths;
  header.size = 3 + 5 + 5 + 4 + 3 * header.lengths + header.code.cost(frequencies) +
                2 * frequencies[16] + 3 * frequencies[17] + 7 * frequencies[18];
  return header;
}

void DeflateWriter::put(std::uint64_t bits, int count) {
  pending_ |= bits << pending_count_;
  for (pending_count_ += count; pending_count_ >= 8; pending_count_ -= 8, pending_ >>= 8) {
    out_ += static_cast<char>(pending_);
  }
}

void DeflateWriter::pad() {
  if (pending_count_ > 0) put(0, 8 - pending_count_);
}

void DeflateWriter::put(const Header& header) {
  put(0b100, 3);
  put(header.literals - 257, 5);
  put(header.distances - 1, 5);
  put(header.lengths - 4, 4);
  for (std::size_t i = 0; i < header.lengths; ++i) put(header.code.lengths[kOrder[i]], 3);
  for (const auto& [symbol, extra] : header.symbols) {
    put(header.code, symbol);
    if (symbol >= 16) put(extra, symbol == 16 ? 2 : symbol == 17 ? 3 : 7);
  }
}

void DeflateWriter::put(const DeflateTokens& tokens, const Code& literals, const Code& distances) {
  for (const DeflateToken& token : tokens) {
    if (token.length == 0) {
      put(literals, static_cast<unsigned char>(token.literal));
      continue;
    }
    const Symbol length = length_symbol(token.length);
    put(literals, length.code);
    put(length.extra, length.extra_bits);
    const Symbol distance = distance_symbol(token.distance);
    put(distances, distance.code);
    put(distance.extra, distance.extra_bits);
  }
  put(literals, kEndOfBlock);
}

void DeflateWriter::stored(std::string_view bytes) {
  put(0b000, 3);
  pad();
  put(bytes.size(), 16);
  put(~bytes.size() & 0xFFFF, 16);
  out_ += bytes;
}

void DeflateWriter::literals(std::string_view bytes, int penalty) {
  // Headers are guessed to be of 70 bytes before one is made.
  constexpr std::uint64_t kGuessedHeader = 70 * 8;
  std::array<std::uint32_t, 257> frequencies{};
  for (const char c : bytes) ++frequencies[static_cast<unsigned char>(c)];
  if (bytes.size() > 1024) {  // as good as random: nothing to be gained
    const double mean = static_cast<double>(bytes.size()) / 256;
    double spread = 0;
    for (std::size_t i = 0; i < 256; ++i) {
      const double off = static_cast<double>(frequencies[i]) - mean;
      spread += off * off;
    }
    if (spread < static_cast<double>(bytes.size()) * 2) return stored(bytes);
  }
  frequencies[kEndOfBlock] = 1;
  const Code code(huffman_lengths(frequencies, 15));
  std::uint64_t expected = code.cost(frequencies) + kGuessedHeader;
  expected += expected >> penalty;
  if ((bytes.size() + 5) * 8 <= expected) return stored(bytes);
  put(make_header(code, frequencies.size(), Code({1}), 1));
  for (const char c : bytes) put(code, static_cast<unsigned char>(c));
  put(code, kEndOfBlock);
}

void DeflateWriter::block(const DeflateTokens& tokens, std::string_view bytes) {
  static const Code kFixedLiterals(fixed_literal_lengths());
  static const Code kFixedDistances(std::vector<std::uint8_t>(30, 5));
  // Blocks of more tokens are never written in the fixed code; the end counts as one.
  constexpr std::size_t kMostForFixed = 250;
  Frequencies frequencies{};
  DistanceFrequencies distance_frequencies{};
  std::uint64_t extra = 0;
  for (const DeflateToken& token : tokens) {
    if (token.length == 0) {
      ++frequencies[static_cast<unsigned char>(token.literal)];
      continue;
    }
    const Symbol length = length_symbol(token.length), distance = distance_symbol(token.distance);
    ++frequencies[length.code];
    ++distance_frequencies[distance.code];
    extra += length.extra_bits + std::uint64_t{distance.extra_bits};
  }
  frequencies[kEndOfBlock] = 1;
  if (used(distance_frequencies) == 0) distance_frequencies[0] = 1;  // one code there must be
  const Code literals(huffman_lengths(frequencies, 15));
  const Code distances(huffman_lengths(distance_frequencies, 15));
  const Header header =
      make_header(literals, used(frequencies), distances, used(distance_frequencies));
  const std::uint64_t stored_size = (bytes.size() + 5) * 8;
  const std::uint64_t size =
      header.size + literals.cost(frequencies) + distances.cost(distance_frequencies) + extra;
  if (tokens.size() + 1 < kMostForFixed) {
    const std::uint64_t fixed_size = 3 + kFixedLiterals.cost(frequencies) +
                                     kFixedDistances.cost(distance_frequencies) + extra;
    if (fixed_size <= size) {
      if (stored_size <= fixed_size) return stored(bytes);
      put(0b010, 3);
      return put(tokens, kFixedLiterals, kFixedDistances);
    }
  }
  if (stored_size <= size) return stored(bytes);
  put(header);
  put(tokens, literals, distances);
}

std::string DeflateWriter::finish() {
  put(0b011, 3);  // an empty block of fixed codes: the shortest end
  put(0, 7);
  pad();
  return std::move(out_);
}

}  // namespace tollgate
