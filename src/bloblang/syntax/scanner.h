#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "bloblang/syntax/diagnostics.h"
#include "value/value.h"

namespace tollgate::bloblang {

/// The smallest pieces of the grammar. Every function looks at `at`, moves it past what it matched
/// and returns true; or leaves it, returns false, and failure() says why. skip_…() always succeed.
class Scanner {
 public:
  Scanner(std::string_view source, Arena& arena) : source_(source), arena_(arena) {}

  const Failure& failure() const { return failure_; }
  Failure& failure() { return failure_; }
  bool fail(Failure failure) {
    failure_ = std::move(failure);
    return false;
  }
  /// Gives back a failure that was set aside.
  bool refuse(const Failure& failure) { return fail(failure); }

  char peek(std::size_t at) const { return at < source_.size() ? source_[at] : '\0'; }
  bool at_end(std::size_t at) const { return at >= source_.size(); }
  std::string_view source() const { return source_; }
  std::string_view rest(std::size_t at) const { return source_.substr(at); }

  bool character(std::size_t& at, char c);
  bool term(std::size_t& at, std::string_view text);
  bool spaces(std::size_t& at);              ///< one or more spaces and tabs
  void skip_spaces(std::size_t& at) const;
  bool line_break(std::size_t& at);          ///< after a comment if there is one
  void skip_blank(std::size_t& at);          ///< spaces, line breaks and comments

  /// Letters, digits and underscores.
  bool word(std::size_t& at, std::string_view& out, std::string_view expected);
  /// Lower-case letters, digits and underscores.
  bool snake_case(std::size_t& at, std::string_view& out, std::string_view expected);
  /// "…" with Go's escapes.
  bool quoted(std::size_t& at, std::string_view& out);
  /// """…""", raw.
  bool triple_quoted(std::size_t& at, std::string_view& out);
  bool number(std::size_t& at, Value& out);

 private:
  std::string_view source_;
  Arena& arena_;
  Failure failure_;
};

/// Collects why each of several alternatives failed: what got furthest is what is told.
class Alternatives {
 public:
  /// True if no further alternative may be tried.
  bool add(const Failure& failure) {
    if (failure.fatal || !any_ || best_.at < failure.at) {
      best_ = failure;
    } else if (best_.at == failure.at) {
      best_.add(failure);
    }
    any_ = true;
    return failure.fatal;
  }
  const Failure& best() const { return best_; }

 private:
  bool any_ = false;
  Failure best_;
};

}  // namespace tollgate::bloblang
