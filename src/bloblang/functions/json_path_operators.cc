// The operators of JSONPath expressions. Each tries its operands as they are, then as numbers,
// conditions or texts, in the incumbent's order.

#include <cmath>
#include <optional>

#include "bloblang/functions/json_path_tree.h"
#include "bloblang/program/convert.h"
#include "value/coerce.h"
#include "value/number.h"

namespace tollgate::bloblang::json_path {
namespace {

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

/// Same kinds and contents; numbers of different kinds differ.
bool identical(Value a, Value b, Arena& arena) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::boolean: return a.as_boolean() == b.as_boolean();
    case Kind::int64: return a.as_int64() == b.as_int64();
    case Kind::uint64: return a.as_uint64() == b.as_uint64();
    case Kind::float64: return a.as_float64() == b.as_float64();
    case Kind::number_text:
    case Kind::string:
    case Kind::bytes: return a.as_text() == b.as_text();
    case Kind::timestamp:
      return a.as_timestamp().seconds == b.as_timestamp().seconds &&
             a.as_timestamp().nanoseconds == b.as_timestamp().nanoseconds &&
             a.as_timestamp().zone == b.as_timestamp().zone;
    case Kind::array: {
      const Array &left = a.as_array(), &right = b.as_array();
      if (left.size != right.size) return false;
      for (std::uint32_t i = 0; i < left.size; ++i) {
        if (!identical(left.items[i], right.items[i], arena)) return false;
      }
      return true;
    }
    case Kind::object: {
      const auto left = a.as_object().members(arena), right = b.as_object().members(arena);
      if (left.size() != right.size()) return false;
      for (std::size_t i = 0; i < left.size(); ++i) {
        if (left[i].key != right[i].key) return false;
        if (!identical(left[i].value, right[i].value, arena)) return false;
      }
      return true;
    }
    default: return true;
  }
}

std::optional<Value> on_numbers(std::string_view name, double a, double b) {
  const auto bits = [](double n) { return truncate_to_int(n); };
  const auto number = [](double n) { return Value::float64(n); };
  const auto integer = [](std::int64_t n) { return Value::float64(static_cast<double>(n)); };
  if (name == "+") return number(a + b);
  if (name == "-") return number(a - b);
  if (name == "*") return number(a * b);
  if (name == "/") return number(a / b);
  if (name == "%") return number(std::fmod(a, b));
  if (name == "**") return number(std::pow(a, b));
  if (name == "^") return integer(bits(a) ^ bits(b));
  if (name == "&") return integer(bits(a) & bits(b));
  if (name == "|") return integer(bits(a) | bits(b));
  if (name == "<<" || name == ">>") {
    const auto shift = static_cast<std::uint64_t>(bits(b));
    if (name == ">>") return integer(bits(a) >> std::min<std::uint64_t>(shift, 63));
    return integer(shift > 63 ? 0
                              : static_cast<std::int64_t>(static_cast<std::uint64_t>(bits(a))
                                                          << shift));
  }
  if (name == "<") return Value::boolean(a < b);
  if (name == "<=") return Value::boolean(a <= b);
  if (name == ">") return Value::boolean(a > b);
  if (name == ">=") return Value::boolean(a >= b);
  if (name == "==") return Value::boolean(a == b);
  if (name == "!=") return Value::boolean(a != b);
  return std::nullopt;
}

std::optional<Value> on_texts(std::string_view name, std::string_view a, std::string_view b,
                              Arena& arena) {
  if (name == "+") return Value::string(concat(arena, {a, b}));
  if (name == "<") return Value::boolean(a < b);
  if (name == "<=") return Value::boolean(a <= b);
  if (name == ">") return Value::boolean(a > b);
  if (name == ">=") return Value::boolean(a >= b);
  return std::nullopt;
}

std::optional<Value> on_conditions(std::string_view name, bool a, bool b) {
  if (name == "&&") return Value::boolean(a && b);
  if (name == "||") return Value::boolean(a || b);
  if (name == "==") return Value::boolean(a == b);
  if (name == "!=") return Value::boolean(a != b);
  return std::nullopt;
}

}  // namespace

bool is_zero(Value value) {
  switch (value.kind()) {
    case Kind::boolean: return !value.as_boolean();
    case Kind::int64: return value.as_int64() == 0;
    case Kind::uint64: return value.as_uint64() == 0;
    case Kind::float64: return value.as_float64() == 0 && !std::signbit(value.as_float64());
    case Kind::string: return value.as_text().empty();
    case Kind::null: return true;
    default: return false;
  }
}

std::optional<double> as_float(Value value) {
  if (value.is(Kind::string)) return parse_float(value.as_text());
  if (value.is_number() && !value.is(Kind::number_text)) return to_double(value);
  return std::nullopt;
}

std::optional<bool> as_bool(Value value) {
  if (value.is(Kind::boolean)) return value.as_boolean();
  if (value.is_null()) return false;
  if (value.is(Kind::string)) {
    if (value.as_text() == "false" || value.as_text() == "FALSE") return false;
    if (value.as_text() == "true" || value.as_text() == "TRUE") return true;
  }
  const auto number = as_float(value);
  return number ? std::optional(*number != 0) : std::nullopt;
}

bool decides(std::string_view name, Value left, Value& result) {
  const bool is_true = left.is(Kind::boolean) && left.as_boolean();
  const bool is_false = left.is(Kind::boolean) && !left.as_boolean();
  result = left;
  return (name == "&&" && is_false) || (name == "||" && is_true) ||
         (name == "??" && !is_zero(left));
}

Outcome apply_prefix(std::string_view name, Value operand, Arena& arena) {
  const auto type = std::string(go_type(operand));
  if (name == "!") {
    const auto condition = as_bool(operand);
    if (!condition) return refuse("unexpected " + type + " expected bool");
    return Value::boolean(!*condition);
  }
  const auto number = as_float(operand);
  if (name == "-") {
    if (number) return Value::float64(-*number);
    return refuse("unexpected " + display(operand, arena) + "(" + type + ") expected number");
  }
  if (!number) return refuse("unexpected " + type + " expected number");
  return Value::float64(static_cast<double>(~truncate_to_int(*number)));
}

Outcome apply_infix(std::string_view name, Value left, Value right, Arena& arena) {
  if (name == "??") return is_zero(left) ? right : left;
  if (name == "in") {
    if (!right.is(Kind::array)) {
      return refuse("expected type []interface{} for in operator but got " +
                    std::string(go_type(right)));
    }
    for (const Value& item : right.as_array()) {
      if (identical(left, item, arena)) return Value::boolean(true);
    }
    return Value::boolean(false);
  }
  if (left.is(Kind::float64) && right.is(Kind::float64)) {
    if (const auto result = on_numbers(name, left.as_float64(), right.as_float64())) return *result;
  }
  if (left.is(Kind::boolean) && right.is(Kind::boolean)) {
    if (const auto result = on_conditions(name, left.as_boolean(), right.as_boolean())) {
      return *result;
    }
  }
  if (left.is(Kind::string) && right.is(Kind::string)) {
    if (const auto result = on_texts(name, left.as_text(), right.as_text(), arena)) return *result;
  }
  if (const auto a = as_float(left), b = as_float(right); a && b) {
    if (const auto result = on_numbers(name, *a, *b)) return *result;
  }
  if (const auto a = as_bool(left), b = as_bool(right); a && b) {
    if (const auto result = on_conditions(name, *a, *b)) return *result;
  }
  if (name == "==") return Value::boolean(identical(left, right, arena));
  if (name == "!=") return Value::boolean(!identical(left, right, arena));
  if (!left.is_null() && !right.is_null()) {
    if (const auto result =
            on_texts(name, display(left, arena), display(right, arena), arena)) {
      return *result;
    }
  }
  return refuse("invalid operation (" + std::string(go_type(left)) + ") " + std::string(name) +
                " (" + std::string(go_type(right)) + ")");
}

}  // namespace tollgate::bloblang::json_path
