// Arithmetic and comparison, with the incumbent's rules for mixed kinds.

#include <compare>

#include "base/same_text.h"
#include "bloblang/program/error.h"
#include "bloblang/program/read_number.h"
#include "bloblang/vm/operations.h"
#include "value/compare.h"
#include "value/number.h"

namespace tollgate::bloblang {

namespace {

struct Operands {
  Value left, right;  // left is the error if there is one
};

[[gnu::always_inline]] inline Operands operands_of(const BinaryNode& node, const Scope& scope) {
  const Value left = evaluate(*node.left, scope);
  if (left.is_error()) return {left, {}};
  const Value right = evaluate(*node.right, scope);
  return right.is_error() ? Operands{right, {}} : Operands{left, right};
}

/// Both as unsigned integers: floats and negative numbers that are none fail.
std::optional<std::uint64_t> as_unsigned(Value value) {
  if (value.is(Kind::uint64)) return value.as_uint64();
  return std::nullopt;
}

/// What two numbers are calculated as: floats if either is one, else signed if either is, else
/// unsigned. `calculate` is called with two doubles, int64s or uint64s; `refuse` if either is none.
template <typename Calculate, typename Refuse>
auto degrade(Value left, Value right, Calculate calculate, Refuse refuse) {
  left = resolve_number(left);
  right = resolve_number(right);
  if (left.is(Kind::float64) || right.is(Kind::float64)) {
    double a = 0, b = 0;
    return read_number(left, a) && read_number(right, b) ? calculate(a, b) : refuse();
  }
  if (left.is(Kind::int64) || right.is(Kind::int64)) {
    const auto a = as_integer(left), b = as_integer(right);
    return a && b ? calculate(*a, *b) : refuse();
  }
  const auto a = as_unsigned(left), b = as_unsigned(right);
  return a && b ? calculate(*a, *b) : refuse();
}

/// As errors of number operators tell it: timestamps count as their text there.
Value as_told(Value value) {
  return value.is(Kind::timestamp) ? Value::string({}) : resolve_number(value);
}

Value number(double n) { return Value::float64(n); }
Value number(std::int64_t n) { return Value::int64(n); }
Value number(std::uint64_t n) { return Value::uint64(n); }

/// Integers wrap around.
struct Add {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, double>) return a + b;
    else return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
};
struct Subtract {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, double>) return a - b;
    else return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
  }
};
struct Multiply {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, double>) return a * b;
    else return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  }
};

template <typename Operation>
Value calculate(const BinaryNode& node, const Scope& scope, Operands operands,
                std::string_view name) {
  const auto [left, right] = operands;
  if (left.is(Kind::int64) && right.is(Kind::int64)) [[likely]] {
    return Value::int64(Operation()(left.as_int64(), right.as_int64()));
  }
  return degrade(
      left, right, [](auto a, auto b) { return number(Operation()(a, b)); },
      [&, l = left, r = right] {
        return mismatch_error(*scope.run, name, *node.left, *node.right, as_told(l), as_told(r));
      });
}

Value divided_by_zero(const BinaryNode& node, const Scope& scope) {
  return name_source(*scope.run, make_error(*scope.run, {"attempted to divide by zero"}),
                     node.right->annotation);
}

}  // namespace

Value evaluate_add(const Node& node, const Scope& scope) {
  const auto& binary = static_cast<const BinaryNode&>(node);
  const Operands operands = operands_of(binary, scope);
  const auto [left, right] = operands;
  if (left.is_error()) return left;
  if (left.is_number()) return calculate<Add>(binary, scope, operands, "add");
  if (left.is_text()) {
    if (const auto text = as_string(right, scope.arena())) {
      Run& run = *scope.run;
      const Value refusal = check_text_size(run, left.as_text().size() + text->size());
      if (refusal.is_error()) [[unlikely]] return refusal;
      if (exhausts(run)) [[unlikely]] return exhausted_error(run);
      return Value::string(concat(scope.arena(), {left.as_text(), *text}));
    }
  }
  return mismatch_error(*scope.run, "add", *binary.left, *binary.right, left, right);
}

Value evaluate_subtract(const Node& node, const Scope& scope) {
  const auto& binary = static_cast<const BinaryNode&>(node);
  const Operands operands = operands_of(binary, scope);
  if (operands.left.is_error()) return operands.left;
  return calculate<Subtract>(binary, scope, operands, "subtract");
}

Value evaluate_multiply(const Node& node, const Scope& scope) {
  const auto& binary = static_cast<const BinaryNode&>(node);
  const Operands operands = operands_of(binary, scope);
  if (operands.left.is_error()) return operands.left;
  return calculate<Multiply>(binary, scope, operands, "multiply");
}

Value evaluate_divide(const Node& node, const Scope& scope) {
  const auto& binary = static_cast<const BinaryNode&>(node);
  const auto [left, right] = operands_of(binary, scope);
  if (left.is_error()) return left;
  double a = 0, b = 0;
  if (!read_number(left, a) || !read_number(right, b)) {
    return mismatch_error(*scope.run, "divide", *binary.left, *binary.right, left, right);
  }
  return b == 0 ? divided_by_zero(binary, scope) : Value::float64(a / b);
}

Value evaluate_modulo(const Node& node, const Scope& scope) {
  const auto& binary = static_cast<const BinaryNode&>(node);
  const auto [left, right] = operands_of(binary, scope);
  if (left.is_error()) return left;
  const auto a = as_integer(left), b = as_integer(right);
  if (!a || !b) {
    return mismatch_error(*scope.run, "modulo", *binary.left, *binary.right, left, right);
  }
  if (*b == 0) return divided_by_zero(binary, scope);
  return Value::int64(*b == -1 ? 0 : *a % *b);
}

// Comparison --------------------------------------------------------------------------------------

namespace {

/// What may be asked about an order.
struct Equal {
  static constexpr bool orders = false;
  template <typename T>
  bool operator()(const T& a, const T& b) const { return a == b; }
};
struct NotEqual {
  static constexpr bool orders = false;
  template <typename T>
  bool operator()(const T& a, const T& b) const { return a != b; }
};
struct Greater {
  static constexpr bool orders = true;
  template <typename T>
  bool operator()(const T& a, const T& b) const { return a > b; }
};
struct GreaterOrEqual {
  static constexpr bool orders = true;
  template <typename T>
  bool operator()(const T& a, const T& b) const { return a >= b; }
};
struct Less {
  static constexpr bool orders = true;
  template <typename T>
  bool operator()(const T& a, const T& b) const { return a < b; }
};
struct LessOrEqual {
  static constexpr bool orders = true;
  template <typename T>
  bool operator()(const T& a, const T& b) const { return a <= b; }
};

/// Kinds that cannot be compared are unequal, and have no order. A number beyond a float64, which
/// compares as its text, is told as a number.
template <typename Test>
Value compare_loosely(const BinaryNode& node, const Scope& scope, Value left, Value right,
                      std::pair<Value, Value> told) {
  if constexpr (Test::orders) {
    return mismatch_error(*scope.run, "compare", *node.left, *node.right, told.first, told.second);
  } else {
    return Value::boolean(Test()(values_equal(left, right, scope.arena()), true));
  }
}

template <typename Test>
Value compare_any(const BinaryNode& binary, const Scope& scope, Value left, Value right) {
  const auto otherwise = [&, l = left, r = right] {
    return compare_loosely<Test>(binary, scope, l, r, {l, r});
  };
  // A number too large for a float compares as its text.
  const Value resolved = left.is(Kind::number_text) ? resolve_number(left) : left;
  if (const auto a = as_string(resolved, scope.arena())) {
    const auto b = as_string(right, scope.arena());
    if (b) return Value::boolean(Test()(*a, *b));
    return compare_loosely<Test>(binary, scope, resolved, resolve_number(right), {left, right});
  }
  if (resolved.is_number()) {
    return degrade(
        resolved, right, [](auto a, auto b) { return Value::boolean(Test()(a, b)); },
        [&, l = left, r = right] {
          return compare_loosely<Test>(binary, scope, resolved, as_told(r), {l, as_told(r)});
        });
  }
  if constexpr (!Test::orders) {
    if (left.is(Kind::boolean)) {
      const auto b = as_condition(right);
      return b ? Value::boolean(Test()(left.as_boolean(), *b)) : otherwise();
    }
  }
  return otherwise();
}

template <typename Test>
Value compare(const Node& node, const Scope& scope) {
  const auto& binary = static_cast<const BinaryNode&>(node);
  const auto [left, right] = operands_of(binary, scope);
  if (left.is_error()) return left;
  if (left.is(Kind::int64) && right.is(Kind::int64)) {
    return Value::boolean(Test()(left.as_int64(), right.as_int64()));
  }
  if constexpr (!Test::orders) {
    if (left.is(Kind::string) && right.is(Kind::string)) {
      return Value::boolean(Test()(same_text(left.as_text(), right.as_text()), true));
    }
  }
  return compare_any<Test>(binary, scope, left, right);
}

}  // namespace

Value evaluate_equal(const Node& n, const Scope& s) { return compare<Equal>(n, s); }
Value evaluate_not_equal(const Node& n, const Scope& s) { return compare<NotEqual>(n, s); }
Value evaluate_greater(const Node& n, const Scope& s) { return compare<Greater>(n, s); }
Value evaluate_greater_or_equal(const Node& n, const Scope& s) {
  return compare<GreaterOrEqual>(n, s);
}
Value evaluate_less(const Node& n, const Scope& s) { return compare<Less>(n, s); }
Value evaluate_less_or_equal(const Node& n, const Scope& s) { return compare<LessOrEqual>(n, s); }

}  // namespace tollgate::bloblang
