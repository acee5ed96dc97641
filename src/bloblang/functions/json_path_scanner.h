#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::bloblang {

/// Splits a JSONPath expression into Go's tokens, which is what its grammar is made of. Comments and
/// white space are skipped; what is wrong inside of a literal is for the parser to find.
class JsonPathScanner {
 public:
  /// A token is one of these or the character itself.
  enum : std::int32_t {
    end = -1,
    identifier = -2,
    integer = -3,
    floating = -4,
    character = -5,  ///< '…'
    string = -6,     ///< "…"
    raw_string = -7  ///< `…`
  };

  explicit JsonPathScanner(std::string_view source) : source_(source) {}

  std::int32_t scan();
  /// The last token as written.
  std::string_view text() const { return source_.substr(from_, at_ - from_); }
  /// The character after the last token.
  std::int32_t peek() const;
  /// Skips that; text() and position() are then void.
  void skip();

  /// ":LINE:COLUMN" of the last token, empty if there is none; "LINE:COLUMN" behind it.
  std::string token_position() const;
  std::string position() const;

  /// How messages name a token: "EOF", "Ident", "\"]\"".
  static std::string name(std::int32_t token);

 private:
  bool skip_blanks();
  std::int32_t scan_number();
  void scan_quoted(char quote);
  std::string position_of(std::size_t offset) const;

  std::string_view source_;
  std::size_t from_ = 0, at_ = 0;
  bool has_token_ = false;
};

}  // namespace tollgate::bloblang
