#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tollgate::bloblang {

/// A regular expression that is a row of single characters and classes of them, each perhaps
/// repeated, with groups around and anchors at its ends: most of those in mappings. It is matched
/// by backtracking, which is what leftmost-first matching means, over ASCII texts only and within a
/// number of steps; beyond that it does not know, and the library must be asked.
/// Immutable once compiled; any thread may match.
class SimplePattern {
 public:
  enum class Outcome : std::uint8_t { found, none, unknown };
  static constexpr std::size_t kMaxGroups = 8;  ///< with the whole match

  /// `source` must be a valid expression. Nothing if it is not that simple.
  static std::optional<SimplePattern> compile(std::string_view source);

  /// The leftmost match from `position` on. `bounds` gets the start and end of as many groups as
  /// there is room for, from the whole match on. Requires: `text` is ASCII.
  Outcome find(std::string_view text, std::size_t position,
               std::span<std::size_t> bounds) const;

 private:
  class Compiler;
  static constexpr std::size_t kMaxItems = 24;
  static constexpr std::size_t kNoLimit = SIZE_MAX;

  struct Item {
    std::uint64_t low = 0, high = 0;  ///< the characters it takes, a bit each
    std::size_t least = 1, most = 1;  ///< how many
    bool lazy = false;                ///< as few as possible

    bool takes(char c) const {
      const auto code = static_cast<unsigned char>(c);
      return ((code < 64 ? low : high) >> (code & 63) & 1) != 0;
    }
  };
  /// A group goes from before one item to before another.
  struct Group {
    std::size_t from, to;
  };

  std::size_t next_start(std::string_view text, std::size_t start) const;

  std::vector<Item> items_;
  std::vector<Group> groups_;  ///< the whole match first
  std::optional<char> first_;   ///< what every match begins with
  bool at_start_ = false;
  bool at_end_ = false;
};

}  // namespace tollgate::bloblang
