#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bloblang/bloblang.h"

/// Parse failures: what was expected where, how two are combined, and how one is told to a person.
namespace tollgate::bloblang {

/// Why a piece of source is not what a parser looks for. A passive failure lets another alternative
/// be tried; a fatal one ends the parse.
struct Failure {
  std::size_t at = 0;                  ///< byte offset in the source
  bool fatal = false;
  std::string message;                 ///< fatal: what is wrong; "required" if something is missing
  std::vector<std::string> expected;   ///< what would have done
  std::shared_ptr<const ParseError> imported;  ///< fatal: the failure of an imported file …
  std::string imported_source;                 ///< … and that file's text

  static Failure expecting(std::size_t at, std::string what);
  static Failure broken(std::size_t at, std::string message);
  static Failure missing(std::size_t at, std::string what);  ///< "required: expected …"

  /// Takes over the expectations of another failure at the same place.
  void add(const Failure& other);
  void require() {
    if (!fatal) fatal = true, message = "required";
  }
  /// Replaces a passive failure's expectations.
  void expect(std::string what) {
    if (!fatal) expected.assign(1, std::move(what));
  }

  /// "required: expected a, b, or c"
  std::string text() const;
};

/// Tells the line, from 1, that a place in a text is in, as errors of a running mapping tell it;
/// quickly if each place lies behind the one before.
class LineCounter {
 public:
  std::uint32_t line_of(std::string_view source, std::size_t offset);

 private:
  const char* source_ = nullptr;
  std::size_t offset_ = 0;
  std::size_t characters_ = 0;  // before offset_
  std::size_t start_ = 0;       // of the line
  std::size_t end_ = 0;
  std::size_t passed_ = 0;      // lengths of the lines before it
  std::uint32_t line_ = 1;
};

/// The failure as others see it. `source` is the text that was parsed.
ParseError to_parse_error(const Failure& failure, std::string_view source);


/// `source` with invalid UTF-8 replaced, as positions and messages count in characters.
std::string to_valid_utf8(std::string_view source);

}  // namespace tollgate::bloblang
