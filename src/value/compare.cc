#include "value/compare.h"

#include <string>
#include <vector>

#include "value/number.h"
#include "value/timestamp.h"

namespace tollgate {

namespace {

/// The text of a string, bytes or timestamp; `buffer` keeps that of a timestamp.
std::string_view text_of(Value value, std::string& buffer) {
  if (!value.is(Kind::timestamp)) return value.as_text();
  buffer.clear();
  append_rfc3339(buffer, value.as_timestamp());
  return buffer;
}

bool is_textual(Value value) { return value.is_text() || value.is(Kind::timestamp); }

/// A number_text that no double can hold is a string to its left, and nothing to its right.
bool number_equals(Value left, Value right) {
  const Value number = resolve_number(left);
  if (number.is(Kind::string)) return right.is_text() && number.as_text() == right.as_text();
  if (!right.is_number() || resolve_number(right).is(Kind::string)) return false;
  return to_double(number) == to_double(right);
}

bool boolean_equals(bool left, Value right) {
  switch (right.kind()) {
    case Kind::boolean: return left == right.as_boolean();
    case Kind::number_text: return left == (right.as_text() != "0");
    case Kind::int64:
    case Kind::uint64:
    case Kind::float64: return left == (to_double(right) != 0);
    default: return false;
  }
}

/// Everything but arrays and objects.
bool scalars_equal(Value left, Value right) {
  switch (left.kind()) {
    case Kind::null: return right.is_null();
    case Kind::boolean: return boolean_equals(left.as_boolean(), right);
    case Kind::int64:
    case Kind::uint64:
    case Kind::float64:
    case Kind::number_text: return number_equals(left, right);
    case Kind::string:
    case Kind::bytes:
    case Kind::timestamp: {
      if (!is_textual(right)) return false;
      std::string left_buffer;
      std::string right_buffer;
      return text_of(left, left_buffer) == text_of(right, right_buffer);
    }
    default: return false;
  }
}

struct Pair {
  Value left;
  Value right;
};

/// Compares two containers but for their elements, which go on the stack.
bool expand(const Pair& pair, std::vector<Pair>& open, Arena& arena) {
  if (pair.left.kind() != pair.right.kind()) return false;
  if (pair.left.is(Kind::array)) {
    const Array& left = pair.left.as_array();
    const Array& right = pair.right.as_array();
    if (left.size != right.size) return false;
    for (std::uint32_t i = 0; i < left.size; ++i) open.push_back({left.items[i], right.items[i]});
    return true;
  }
  const auto left = pair.left.as_object().members(arena);
  const auto right = pair.right.as_object().members(arena);
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const auto& [key, value] = left[i];
    if (right[i].key == key) {  // as nearly always: both are sorted
      open.push_back({value, right[i].value});
    } else {
      const Value* const other = pair.right.as_object().find(key, arena);
      open.push_back({value, other ? *other : Value::null()});
    }
  }
  return true;
}

}  // namespace

namespace {
/// Elements that are compared at most: a small value that is shared within itself may have more.
constexpr std::uint64_t kMostCompared = 50'000'000;
}  // namespace

bool values_equal(Value left, Value right, Arena& arena) {
  const auto is_container = [](Value v) { return v.is(Kind::array) || v.is(Kind::object); };
  if (!is_container(left)) return scalars_equal(left, right);
  std::vector<Pair> open{{left, right}};  // instead of recursion, which depth could overflow
  std::uint64_t compared = 0;
  while (!open.empty()) {
    const Pair pair = open.back();
    open.pop_back();
    if (++compared > kMostCompared) return false;
    const bool equal = is_container(pair.left) ? expand(pair, open, arena)
                                               : scalars_equal(pair.left, pair.right);
    if (!equal) return false;
  }
  return true;
}

}  // namespace tollgate
