// The parser and compiler of mappings and of interpolated strings: any text gives a program or an
// error that has a place in it.

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "bloblang/bloblang.h"
#include "check.h"

namespace {

using namespace tollgate;

void check_error(const ParseError& error, std::string_view source) {
  const auto lines = std::ranges::count(source, '\n') + 1;
  fuzz::require(error.line >= 1 && error.line <= lines, "the line is not in the text");
  fuzz::require(error.column >= 1, "the column is before the line");
  fuzz::require(!error.text.empty(), "an error without words");
  fuzz::require(error.with_caret(source).contains("^---"), "no caret");
  fuzz::require(error.one_line().starts_with("line "), "no place");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const CompileOptions options{.pure_only = true};  // it must not read files
  const auto mapping = Mapping::compile(source, options);
  if (!mapping) check_error(mapping.error(), source);
  const auto text = Interpolated::compile(source, options);
  if (!text) check_error(text.error(), source);
  return 0;
}
