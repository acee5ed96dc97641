#include "value/path.h"

#include <algorithm>

#include "value/number.h"

namespace tollgate {

namespace {

std::string unescape(std::string_view segment) {
  std::string text;
  text.reserve(segment.size());
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const char next = segment[i] == '~' && i + 1 < segment.size() ? segment[i + 1] : '\0';
    if (next == '0' || next == '1') {
      text += next == '1' ? '.' : '~';
      ++i;
    } else {
      text += segment[i];
    }
  }
  return text;
}

/// One step down a path; false if there is nothing. `*` is find_path's business.
bool step(Value& value, std::string_view segment, Arena& arena) {
  if (value.is(Kind::object)) {
    const Value* const member = value.as_object().find(segment, arena);
    if (member) value = *member;
    return member != nullptr;
  }
  if (!value.is(Kind::array)) return false;
  const Array& array = value.as_array();
  const auto index = parse_int(segment);
  if (!index || *index < 0 || *index >= array.size) return false;
  value = array.items[*index];
  return true;
}

/// An array that a search for `*` goes through.
struct FanOut {
  const Array* from;
  Array* found;         ///< what its elements gave
  std::size_t segment;  ///< index in the path of what is looked up in each element
  std::uint32_t next;
};

}  // namespace

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  while (true) {
    const std::size_t dot = path.find('.');
    segments.push_back(unescape(path.substr(0, dot)));
    if (dot == path.npos) return segments;
    path.remove_prefix(dot + 1);
  }
}

std::string join_path(const std::vector<std::string>& segments) {
  std::string path;
  for (const std::string& segment : segments) {
    if (&segment != &segments.front()) path += '.';
    for (const char c : segment) {
      if (c == '~') {
        path += "~0";
      } else if (c == '.') {
        path += "~1";
      } else {
        path += c;
      }
    }
  }
  return path;
}

Value find_path(Value root, std::span<const std::string> path, Arena& arena, bool& found) {
  // Paths with several `*` nest arrays; a stack of our own keeps that off the machine's.
  std::vector<FanOut> open;
  Value value = root;
  std::size_t at = 0;
  while (true) {
    found = true;
    for (; found && at < path.size(); ++at) {
      if (value.is(Kind::array) && path[at] == "*") {
        if (at + 1 == path.size()) {
          found = value.as_array().size > 0;
          continue;
        }
        open.push_back({&value.as_array(), make_array(arena), at + 1, 0});
        found = false;  // of this branch, until its elements are through
        at = path.size();
        break;
      }
      found = step(value, path[at], arena);
    }
    // Hands the result to the innermost array, and every array that is done to the next one out.
    bool fresh = !open.empty() && open.back().next == 0;
    while (true) {
      if (open.empty()) return found ? value : Value::null();
      FanOut& fan = open.back();
      if (!fresh && found) fan.found->push(value, arena);
      fresh = false;
      if (fan.next < fan.from->size) {
        value = fan.from->items[fan.next++];
        at = fan.segment;
        break;
      }
      found = fan.found->size > 0;
      value = Value::array(fan.found);
      open.pop_back();
    }
  }
}

}  // namespace tollgate
