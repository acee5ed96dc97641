#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
  using Groups = std::vector<Group>;

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
    /// The leftmost match from `position` on; false if there is none.
    bool find(std::size_t position);
    /// The next match as FindAll counts: no empty one right after another match.
    bool next();
    const Groups& groups() const { return groups_; }
    std::string_view text(const Group& group) const;

   private:
    std::size_t position_of(const char* at) const;

    const Pattern& pattern_;
    std::string_view text_;
    std::string valid_;                  // `text` with U+FFFD for invalid bytes, if it has any
    std::vector<std::size_t> original_;  // offsets in `text` of each byte of valid_ and its end
    Groups groups_;
    std::size_t position_ = 0;
    std::int64_t last_end_ = -1;
    bool done_ = false;
  };

 private:
  Pattern(std::unique_ptr<re2::RE2> compiled, std::vector<std::string> given_names);

  std::unique_ptr<re2::RE2> compiled_;
  std::vector<std::string> names_, given_names_;
};

/// A replacement text with $1, ${1} and ${name}, split up.
class Replacement {
 public:
  Replacement(std::string_view source, const Pattern& pattern);
  /// Appends `text` with every match replaced; false if that would exceed `limit` bytes.
  bool replace_all(std::string& out, const Pattern& pattern, std::string_view text,
                   std::size_t limit) const;

 private:
  struct Piece {
    std::string literal;
    int group = -1;  ///< -1: only the literal
  };
  std::vector<Piece> pieces_;
};

}  // namespace tollgate::bloblang
