#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "value/value.h"

namespace tollgate {

struct JsonReadOptions {
  /// Keep numbers as written (Kind::number_text) instead of parsing them to float64.
  bool keep_numbers = true;
  /// Stop after the first document instead of refusing what follows it.
  bool allow_trailing = false;
  /// Word errors as a message's are, which differ from json.Unmarshal's in three places:
  /// a text of nothing but white space is "EOF" and one that stops early "unexpected EOF" (instead
  /// of "unexpected end of JSON input"); after the first document, text that is no document gives
  /// its own error and text that is one gives "message contains multiple valid documents" (instead
  /// of "invalid character 'b' after top-level value").
  bool message = false;
  /// If set, receives how many bytes of the text were read, without white space after the document.
  std::size_t* consumed = nullptr;
};

/// Parses one JSON document. Text without escapes is viewed in `text`, which must outlive the
/// result; everything else is built in `arena`. Invalid UTF-8 becomes U+FFFD, of duplicate keys the
/// last wins, nesting is limited to 10,000. An error is Kind::error with the wording of Go's
/// encoding/json ("invalid character 'x' looking for beginning of value"); never the empty text.
Value parse_json(std::string_view text, Arena& arena, JsonReadOptions options = {});

struct JsonWriteOptions {
  bool escape_html = false;  ///< write <, > and & as \u003c …
  std::string_view indent;   ///< empty: compact
  std::string_view prefix;   ///< before each line but the first, when indenting
  bool as_text = false;      ///< text that a mapping makes: an empty literal is null
};

/// Appends `value` as JSON: keys sorted, bytes as base64, timestamps as RFC 3339, numbers kept as
/// written or in Go's float format, markers as null. Returns false, leaving `out` as it was, if the
/// value has no JSON form (NaN, infinities, a timestamp outside the years 0 to 9999) or one of more
/// than 256 MiB, which a small value that is shared within itself may have.
bool append_json(std::string& out, Value value, Arena& arena, JsonWriteOptions options = {});

/// What the JSON of objects of one shape is made of: text, a value, text, a value … and text at the end.
struct JsonShape {
  struct Part {
    std::string_view before;
    std::uint32_t value;  ///< its place among the values
  };
  /// So many bytes after each text can be read.
  static constexpr std::size_t kSlack = 32;

  std::span<const Part> parts;
  std::string_view end;
};

/// The JSON of append_json() without options, in `out`; nothing if there is none. `scratch`, best another
/// arena, is for what has to be built on the way.
std::string_view print_json(Value value, Arena& out, Arena& scratch);
std::string_view print_json(const JsonShape& shape, const Value* values, Arena& out, Arena& scratch);

/// Appends the JSON string for `text`, quotes included; invalid UTF-8 becomes \ufffd.
void append_json_string(std::string& out, std::string_view text, bool escape_html = false);

}  // namespace tollgate
