#include "components/formats/json_stream.h"

namespace tollgate {
namespace {

constexpr std::size_t kMaxValue = std::size_t{256} << 20;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Ends a number or a literal.
bool ends_scalar(char c) {
  return is_space(c) || c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}' ||
         c == '"';
}

}  // namespace

Result<> JsonStream::feed(std::string_view bytes) {
  buffer_.erase(0, at_);
  at_ = 0;
  if (buffer_.size() + bytes.size() > kMaxValue) return invalid("a JSON value is too large");
  buffer_ += bytes;
  return {};
}

char JsonStream::peek() {
  while (at_ < buffer_.size() && is_space(buffer_[at_])) ++at_;
  return at_ < buffer_.size() ? buffer_[at_] : '\0';
}

bool JsonStream::take(std::string_view& text) {
  const char first = buffer_[at_];
  const bool scalar = first != '{' && first != '[' && first != '"';
  bool whole = false;
  std::size_t i = at_ + scanned_;
  for (; i < buffer_.size() && !whole; ++i) {
    const char c = buffer_[i];
    if (scalar) {
      if (i > at_ && ends_scalar(c)) break;
      if (i == at_ && ends_scalar(c)) whole = true;  // nothing that a value starts with
    } else if (in_string_) {
      if (escaped_) escaped_ = false;
      else if (c == '\\') escaped_ = true;
      else if (c == '"') {
        in_string_ = false;
        whole = depth_ == 0;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      whole = --depth_ == 0;
    }
  }
  if (!whole && i == buffer_.size() && !finished_) {
    scanned_ = i - at_;
    return false;
  }
  text = std::string_view(buffer_).substr(at_, i - at_);
  at_ = i;
  scanned_ = 0;
  depth_ = 0;
  in_string_ = escaped_ = false;
  return true;
}

std::string compact_json(std::string_view text) {
  std::string compact;
  compact.reserve(text.size());
  bool in_string = false, escaped = false;
  for (const char c : text) {
    if (in_string) {
      if (escaped) escaped = false;
      else if (c == '\\') escaped = true;
      else if (c == '"') in_string = false;
    } else if (is_space(c)) {
      continue;
    } else if (c == '"') {
      in_string = true;
    }
    compact += c;
  }
  return compact;
}

}  // namespace tollgate
