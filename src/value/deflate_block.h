#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate {

/// What a deflate block is made of: bytes, and repetitions of what came before.
struct DeflateToken {
  std::uint16_t length = 0;    ///< of a repetition, 3 to 258; 0 for a byte
  std::uint16_t distance = 0;  ///< back to its source, from 1; 32,768 at most
  char literal = 0;
};

/// Bits of a repetition besides those of its two codes.
int deflate_extra_bits(const DeflateToken& repetition);

using DeflateTokens = std::vector<DeflateToken>;

/// Code lengths of symbols with these frequencies, none longer than `longest`, as few bits in all
/// as can be; 0 for symbols that do not occur. Up to two symbols get one bit each.
std::vector<std::uint8_t> huffman_lengths(std::span<const std::uint32_t> frequencies, int longest);

/// Writes a deflate stream (RFC 1951) block by block, each in the form that the incumbent's library
/// would choose for it.
class DeflateWriter {
 public:
  /// Requires: at most 65,535 bytes.
  void stored(std::string_view bytes);
  /// Bytes without repetitions, or stored if that saves less than 1 part in 2^`penalty` of what is
  /// expected.
  void literals(std::string_view bytes, int penalty);
  /// `bytes` are what the tokens stand for.
  void block(const DeflateTokens& tokens, std::string_view bytes);
  /// Ends the stream.
  std::string finish();

 private:
  static constexpr std::size_t kLiterals = 286;
  static constexpr std::size_t kDistances = 30;
  using Frequencies = std::array<std::uint32_t, kLiterals>;
  using DistanceFrequencies = std::array<std::uint32_t, kDistances>;
  struct Code {
    std::vector<std::uint8_t> lengths;
    std::vector<std::uint16_t> bits;  // in the order in which they are written
    explicit Code(std::vector<std::uint8_t> given);
    std::uint64_t cost(std::span<const std::uint32_t> frequencies) const;
  };
  /// The code lengths of a block's codes in the compressed form of RFC 1951, 3.2.7.
  struct Header {
    std::vector<std::pair<std::uint8_t, std::uint8_t>> symbols;  // with the value of extra bits
    Code code{std::vector<std::uint8_t>()};
    std::size_t literals = 0, distances = 0, lengths = 0;
    std::uint64_t size = 0;  // bits
  };

  static Header make_header(const Code& literals, std::size_t literal_count, const Code& distances,
                            std::size_t distance_count);
  void put(std::uint64_t bits, int count);
  void put(const Code& code, std::size_t symbol) { put(code.bits[symbol], code.lengths[symbol]); }
  void put(const Header& header);
  void put(const DeflateTokens& tokens, const Code& literals, const Code& distances);
  void pad();

  std::string out_;
  std::uint64_t pending_ = 0;
  int pending_count_ = 0;
};

}  // namespace tollgate
