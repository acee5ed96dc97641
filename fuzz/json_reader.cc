// The JSON reader against a slow one that only says whether a text is JSON, and reader and writer
// against each other: what was read is written, read and written again the same.

#include <cstdint>
#include <string>
#include <string_view>

#include "check.h"
#include "value/json.h"

namespace {

using namespace tollgate;

/// The grammar of RFC 8259 as it stands there. Each function moves past what it matches.
class Judge {
 public:
  explicit Judge(std::string_view text) : text_(text) {}

  bool accepts() { return value(0) && (blank(), text_.empty()); }

 private:
  static constexpr int kMaxDepth = 10'000;

  void blank() {
    while (!text_.empty() && std::string_view(" \t\r\n").contains(text_[0])) text_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    if (!text_.starts_with(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }
  bool digits() {
    std::size_t count = 0;
    while (count < text_.size() && text_[count] >= '0' && text_[count] <= '9') ++count;
    text_.remove_prefix(count);
    return count > 0;
  }
  bool number() {
    take("-");
    if (!take("0") && !digits()) return false;
    if (take(".") && !digits()) return false;
    if (!take("e") && !take("E")) return true;
    if (!take("+")) take("-");
    return digits();
  }
  bool string() {
    while (!text_.empty()) {
      const char c = text_[0];
      text_.remove_prefix(1);
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') continue;
      if (take("u")) {
        for (int i = 0; i < 4; ++i) {
          if (text_.empty() || !std::string_view("0123456789abcdefABCDEF").contains(text_[0])) {
            return false;
          }
          text_.remove_prefix(1);
        }
      } else if (text_.empty() || !std::string_view("\"\\/bfnrt").contains(text_[0])) {
        return false;
      } else {
        text_.remove_prefix(1);
      }
    }
    return false;
  }
  bool members(int depth) {
    blank();
    if (take("}")) return true;
    do {
      blank();
      if (!take("\"") || !string()) return false;
      blank();
      if (!take(":") || !value(depth)) return false;
      blank();
    } while (take(","));
    return take("}");
  }
  bool items(int depth) {
    blank();
    if (take("]")) return true;
    do {
      if (!value(depth)) return false;
      blank();
    } while (take(","));
    return take("]");
  }
  bool value(int depth) {
    blank();
    if (take("{")) return depth < kMaxDepth && members(depth + 1);
    if (take("[")) return depth < kMaxDepth && items(depth + 1);
    if (take("\"")) return string();
    return take("true") || take("false") || take("null") || number();
  }

  std::string_view text_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Arena arena;
  const Value value = parse_json(text, arena);
  fuzz::require(Judge(text).accepts() != value.is_error(), "a text is JSON for one, not the other");
  for (const bool trailing : {false, true}) {
    std::size_t consumed = 0;
    const Value lenient = parse_json(text, arena,
                                     {.keep_numbers = false,
                                      .allow_trailing = trailing,
                                      .message = true,
                                      .consumed = &consumed});
    fuzz::require(consumed <= size, "read beyond the end");
    fuzz::require(!lenient.is_error() || !lenient.as_text().empty(), "an error without words");
  }
  if (value.is_error()) return 0;

  std::string once, twice;
  if (!append_json(once, value, arena)) return 0;
  const Value again = parse_json(once, arena);
  fuzz::require(!again.is_error(), "what was written cannot be read");
  fuzz::require(append_json(twice, again, arena) && once == twice, "written in two ways");
  return 0;
}
