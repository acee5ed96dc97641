#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "bloblang/program/limits.h"
#include "bloblang/program/scope.h"

/// Making and passing on error values, with the words of the incumbent.
namespace tollgate::bloblang {

/// An error of these parts.
Value make_error(Run& run, std::initializer_list<std::string_view> parts);

/// "expected string or array value, got number from SOURCE (5)". Without a source, name_source()
/// puts it in on the way out. Expected are kind names.
Value type_error(Run& run, Value got, std::initializer_list<std::string_view> expected,
                 std::string_view source = {});

/// "cannot add types string (from left literal) and number (from …)".
Value mismatch_error(Run& run, std::string_view operation, const Node& left_node,
                     const Node& right_node, Value left, Value right);

/// `prefix` + the error's text, still the same error (it keeps its note).
Value prefix_error(Run& run, std::initializer_list<std::string_view> prefix, Value error);

/// Says which query an error came from, unless it says so already: fills the source of a type
/// error, prefixes "SOURCE: " otherwise.
Value name_source(Run& run, Value error, std::string_view source);

/// Counts a step. True if this execution may go no further, in time or memory.
inline bool exhausts(Run& run) {
  return ++run.steps > kMaxSteps ||
         run.arena.footprint() - run.memory_at_start > kMaxExecutionBytes;
}
/// What is wrong when exhausts() says so. Takes no memory.
Value exhausted_error(const Run& run);
/// An error if a text of `bytes` is longer than one may be made, else nothing.
Value check_text_size(Run& run, std::size_t bytes);

/// The note of `error`; null if there is none.
const ErrorNote* note_of(const Run& run, Value error);

}  // namespace tollgate::bloblang
