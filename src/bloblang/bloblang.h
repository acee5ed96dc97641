#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "message/message.h"
#include "value/value.h"

/// The mapping language: compile a text once, run it over messages for ever. This is the only
/// header of this folder that other folders include (besides functions/catalogue.h for docs).
namespace tollgate {

class Program;    // a compiled mapping; program/program.h
class Evaluator;  // the machine that runs it; vm/evaluator.h

/// A mapping that does not compile.
struct ParseError {
  int line = 1;      ///< 1-based, in the mapping text
  int column = 1;    ///< 1-based, in bytes of that line
  std::string text;  ///< "expected query", without the place
  std::string file;  ///< the imported file it is in; empty for the mapping itself
  std::string text_with_found;  ///< text, and what stands there instead: "…, got: foo"
  std::string caret_text;      ///< the text of with_caret() where it is another: imports
  std::string imported_caret;  ///< what with_caret() shows of the imported file

  /// "line 1 char 5: expected query"
  std::string one_line() const;
  /// The offending line with a caret under the place, as the incumbent prints it.
  std::string with_caret(std::string_view source) const;
};

struct CompileOptions {
  /// Directory that relative imports start from; empty is the working directory.
  std::string import_directory;
  /// False: environment, message, file and import features are refused (templates, `bloblang`).
  bool pure_only = false;
  /// True: arguments that need the environment (files, …) are not evaluated (lint).
  bool checking_only = false;
};

/// What running a mapping over one message came to.
enum class Mapped : std::uint8_t {
  unchanged,  ///< root was never assigned; metadata may have changed
  replaced,   ///< the message has its new payload
  deleted,    ///< root = deleted()
  failed,     ///< see MapResult::error; for mapping, the message is as it was
};

struct MapResult {
  Mapped what = Mapped::unchanged;
  std::string_view error;  ///< whole sentence, in the batch's arena
};

/// A compiled mapping. Immutable and shared by all threads; state that the mapping itself declares
/// (counter(), random_int() …) lives in it and is safe to use from many.
class Mapping {
 public:
  static std::expected<Mapping, ParseError> compile(std::string_view source,
                                                    const CompileOptions& options = {});
  Mapping(Mapping&&) noexcept;
  Mapping& operator=(Mapping&&) noexcept;
  ~Mapping();

  /// `mapping` semantics: reads message `index` of `input`, whose messages stay as they are, and
  /// writes payload and metadata of `out` (a copy() of it). On failure `out` is unchanged.
  MapResult map(Batch& input, std::size_t index, Message& out) const;

  /// map() that keeps nothing of the result but its bytes: documents are built in `scratch`, which
  /// may be reset after. The error lives there, too. Requires: !reads_other_messages().
  MapResult encode(Batch& batch, std::size_t index, Arena& scratch) const;

  /// Whether it may look at other messages of its batch (`from()`, `from_all()`); if not, map() may
  /// replace each message before the next one is mapped.
  bool reads_other_messages() const { return reads_other_messages_; }

  /// `mutation` semantics: edits message `index` in place, partial edits kept on failure.
  MapResult mutate(Batch& batch, std::size_t index) const;

  /// `branch.result_map` semantics: reads (`this`, content(), metadata()) message `index` of
  /// `source`, writes `root` and `@` of `target`, which keeps its document where unassigned.
  MapResult overlay(Batch& source, std::size_t index, Message& target) const;

  /// The value of the mapping as one expression over message `index`: for checks and queries.
  /// Lives in `scratch` or in the batch; an error Value if it fails, nothing if root is unassigned.
  Value query(const Batch& batch, std::size_t index, Arena& scratch) const;

  /// query() that must give a boolean.
  Result<bool> check(const Batch& batch, std::size_t index, Arena& scratch) const;

  /// The value over a bare value instead of a message (metric mappings, generate, templates).
  Value query(Value context, Arena& scratch) const;

 private:
  explicit Mapping(std::shared_ptr<const Program> program);
  std::shared_ptr<const Program> program_;
  bool reads_other_messages_ = true;
};

/// A string with `${! query }` parts, compiled.
class Interpolated {
 public:
  Interpolated() = default;  ///< the empty string
  static std::expected<Interpolated, ParseError> compile(std::string_view text,
                                                         const CompileOptions& options = {});

  /// True if it has no query: text() is its value for every message.
  bool is_static() const { return !program_; }
  const std::string& text() const { return text_; }

  /// Its value for message `index`; the view lives in `scratch` (or in this object).
  Result<std::string_view> eval(const Batch& batch, std::size_t index, Arena& scratch) const;

 private:
  std::string text_;  // the source, or the value if static
  std::shared_ptr<const Program> program_;
};

}  // namespace tollgate
