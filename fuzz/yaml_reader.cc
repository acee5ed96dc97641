// The YAML reader and its printer: a text is a document or an error with a place, and what is printed
// reads as the same document.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "check.h"
#include "config/node.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tollgate;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto node = read_yaml(text);
  if (!node) {
    fuzz::require(!node.error().message.empty(), "an error without words");
    fuzz::require(node.error().where.line <= std::ranges::count(text, '\n') + 2,
                  "the line is not in the text");
    return 0;
  }
  const std::string json = print_json(*node);
  const std::string printed = print_yaml(*node);
  const auto again = read_yaml(printed);
  fuzz::require(again.has_value(), "what was printed cannot be read");
  fuzz::require(print_json(*again) == json, "what was printed is another document");
  return 0;
}
