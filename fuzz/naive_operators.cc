#include "naive_operators.h"

#include <cmath>
#include <string>

#include "value/coerce.h"
#include "value/compare.h"
#include "value/number.h"

namespace tollgate::fuzz {

using bloblang::Operator;

namespace {

using Maybe = std::optional<Value>;

bool is_comparison(Operator op) {
  return op == Operator::equal || op == Operator::not_equal || op == Operator::greater ||
         op == Operator::less || op == Operator::greater_or_equal || op == Operator::less_or_equal;
}

template <typename T>
bool holds(Operator op, const T& a, const T& b) {
  switch (op) {
    case Operator::equal: return a == b;
    case Operator::not_equal: return a != b;
    case Operator::greater: return a > b;
    case Operator::less: return a < b;
    case Operator::greater_or_equal: return a >= b;
    default: return a <= b;
  }
}

Maybe of_floats(Operator op, double a, double b) {
  if (is_comparison(op)) return Value::boolean(holds(op, a, b));
  return Value::float64(op == Operator::add ? a + b : op == Operator::subtract ? a - b : a * b);
}

/// In 128 bits and cut off, which is what wrapping around means.
template <typename T>
T wrapped(Operator op, T a, T b) {
  const auto x = static_cast<unsigned __int128>(a), y = static_cast<unsigned __int128>(b);
  return static_cast<T>(op == Operator::add ? x + y : op == Operator::subtract ? x - y : x * y);
}

/// int64 where both are; float64 if one is.
Maybe of_numbers(Operator op, Value left, Value right) {
  if (left.is(Kind::float64) || right.is(Kind::float64)) {
    return of_floats(op, to_double(left), to_double(right));
  }
  if (left.is(Kind::uint64) && right.is(Kind::uint64)) {
    if (is_comparison(op)) return Value::boolean(holds(op, left.as_uint64(), right.as_uint64()));
    return Value::uint64(wrapped(op, left.as_uint64(), right.as_uint64()));
  }
  const auto integer = [](Value value) {
    return value.is(Kind::int64) ? value.as_int64() : static_cast<std::int64_t>(value.as_uint64());
  };
  const auto a = integer(left), b = integer(right);
  if (is_comparison(op)) return Value::boolean(holds(op, a, b));
  return Value::int64(wrapped(op, a, b));
}

Maybe compare(Operator op, Value left, Value right, Arena& arena) {
  const bool orders = op != Operator::equal && op != Operator::not_equal;
  if (left.is_text() && right.is_text()) {
    return Value::boolean(holds(op, left.as_text(), right.as_text()));
  }
  if (left.is_number() && right.is_number()) return of_numbers(op, left, right);
  if (orders) return std::nullopt;
  if (left.is(Kind::boolean)) {
    if (const Maybe truth = as_condition(right)) {
      return Value::boolean(holds(op, left.as_boolean(), truth->as_boolean()));
    }
  }
  return Value::boolean(values_equal(left, right, arena) == (op == Operator::equal));
}

}  // namespace

Maybe as_condition(Maybe value) {
  if (!value || value->is(Kind::boolean)) return value;
  if (value->is(Kind::number_text)) return Value::boolean(value->as_text() != "0");
  return value->is_number() ? Maybe(Value::boolean(to_double(*value) != 0)) : std::nullopt;
}

Maybe apply_operator(Operator op, Value left, Value right, Arena& arena) {
  const Value a = resolve_number(left), b = resolve_number(right);
  // A boolean compares with a number as it is written: 0.0 is true then.
  if (is_comparison(op)) return compare(op, a, a.is(Kind::boolean) ? right : b, arena);
  if (op == Operator::add && a.is_text()) {
    if (!b.is_text()) return std::nullopt;
    return Value::string(concat(arena, {a.as_text(), b.as_text()}));
  }
  if (!a.is_number() || !b.is_number()) return std::nullopt;
  if (op == Operator::divide) {
    const double divisor = to_double(b);
    return divisor == 0 ? std::nullopt : Maybe(Value::float64(to_double(a) / divisor));
  }
  if (op != Operator::modulo) return of_numbers(op, a, b);
  const auto integer = [](Value value) {
    if (value.is(Kind::int64)) return value.as_int64();
    if (value.is(Kind::uint64)) return static_cast<std::int64_t>(value.as_uint64());
    return truncate_to_int(value.as_float64());
  };
  const auto x = integer(a), y = integer(b);
  return y == 0 ? std::nullopt : Maybe(Value::int64(y == -1 ? 0 : x % y));
}

}  // namespace tollgate::fuzz
