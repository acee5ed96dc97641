#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bloblang/functions/simple_pattern.h"
#include "bloblang/functions/text_builder.h"

namespace re2 {
class RE2;
}

namespace tollgate::bloblang {

/// A regular expression with the syntax, the matches and the error texts of Go's regexp package.
/// Immutable once compiled; any thread may match.
class Pattern {
 public:
  /// Where a group matched, in bytes; -1 where it did not.
  struct Group {
    std::int64_t from = -1, to = -1;
  };

  /// Error: "error parsing regexp: missing closing ]: `[a`".
  static std::expected<Pattern, std::string> compile(std::string_view source);
  Pattern(Pattern&&) noexcept;
  ~Pattern();

  /// Groups with the whole match, which is number 0.
  std::size_t group_count() const { return names_.size(); }
  /// Names of the groups; a group without one is called by its number.
  const std::vector<std::string>& names() const { return names_; }
  const std::vector<std::string>& given_names() const { return given_names_; }

  bool matches(std::string_view text) const;

  /// The matches of one text, one after the other. Requires: the pattern and the text outlive it.
  class Search {
   public:
    Search(const Pattern& pattern, std::string_view text, std::size_t groups);
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;
    /// The leftmost match from `position` on; false if there is none.
    bool find(std::size_t position);
    /// The next match as FindAll counts: no empty one right after another match.
    bool next();
    std::span<const Group> groups() const { return groups_; }
    std::string_view text(const Group& group) const;

   private:
    bool find_simply(std::size_t position, bool& found);
    std::size_t position_of(const char* at) const;

    const Pattern& pattern_;
    std::string_view text_;
    std::string valid_;                  // `text` with U+FFFD for invalid bytes, if it has any
    std::vector<std::size_t> original_;  // offsets in `text` of each byte of valid_ and its end
    std::span<Group> groups_;
    std::array<Group, SimplePattern::kMaxGroups> few_;  // most patterns need no more
    std::vector<Group> many_;
    std::size_t position_ = 0;
    std::int64_t last_end_ = -1;
    bool done_ = false;
    bool is_simple_ = false;  // both the pattern and the text
  };

 private:
  Pattern(std::unique_ptr<re2::RE2> compiled, std::optional<SimplePattern> simple,
          std::vector<std::string> given_names);

  std::unique_ptr<re2::RE2> compiled_;
  std::optional<SimplePattern> simple_;  ///< the same, where it can be had
  std::vector<std::string> names_, given_names_;
};

/// A replacement text with $1, ${1} and ${name}, split up.
class Replacement {
 public:
  Replacement(std::string_view source, const Pattern& pattern);
  /// `text` with every match replaced, in `arena`, or itself if nothing matches; nothing if that
  /// would exceed `limit` bytes.
  std::optional<std::string_view> replace_all(Arena& arena, const Pattern& pattern,
                                              std::string_view text, std::size_t limit) const;

 private:
  struct Piece {
    std::string literal;
    int group = -1;  ///< -1: only the literal
  };
  std::vector<Piece> pieces_;
  std::size_t literal_bytes_ = 0;
  std::size_t groups_ = 1;  ///< how many must be known
};

}  // namespace tollgate::bloblang
