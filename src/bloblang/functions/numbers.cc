// Methods of category Number Manipulation: rounding, arithmetic, extremes, bits.

#include <cmath>

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/go_math.h"
#include "bloblang/program/read_number.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

// Rounding ----------------------------------------------------------------------------------------

Value no_number(Call& call, Value target) {
  const Value error = call.type_error(target, "number");
  return target.is(Kind::number_text) ? call.prefix(error, "failed to parse number: ") : error;
}

/// The rounded number as an integer where it fits.
template <double (*round_number)(double)>
Value rounded(Call& call, Value target) {
  const Value number = resolve_number(target);
  if (number.is(Kind::int64) || number.is(Kind::uint64)) return number;
  if (!number.is(Kind::float64)) return no_number(call, target);
  const double whole = round_number(number.as_float64());
  const auto integer = float_to_int(whole);
  return integer ? Value::int64(*integer) : Value::float64(whole);
}

double floor_of(double number) { return std::floor(number); }
double ceil_of(double number) { return std::ceil(number); }
double round_of(double number) { return std::round(number); }

Value abs(Call& call, Value target) {
  const Value number = resolve_number(target);
  if (number.is(Kind::float64)) return Value::float64(std::abs(number.as_float64()));
  if (!number.is(Kind::int64)) return call.type_error(target, "number", "integer");
  const std::int64_t integer = number.as_int64();
  return Value::int64(integer >= 0 ? integer : integer == INT64_MIN ? INT64_MAX : -integer);
}

// Functions of a real number ----------------------------------------------------------------------

template <double (*function)(double)>
Value apply(Call& call, Value target) {
  const Value number = resolve_number(target);
  if (!number.is_number()) return no_number(call, target);
  return Value::float64(function(to_double(number)));
}

/// As apply(), with the text of a number too large as the kind that errors name.
template <double (*function)(double)>
Value apply_to_number(Call& call, Value target) {
  const auto number = as_number(target);
  return number ? Value::float64(function(*number)) : call.type_error(target, "number");
}

Value pow(Call& call, Value target) {
  const auto number = as_number(target);
  if (!number) return call.type_error(target, "number");
  return Value::float64(go_pow(*number, call.number(0)));
}

// Extremes ----------------------------------------------------------------------------------------

template <bool wants_greater>
Value extreme(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.type_error(target, "array");
  const Array& array = target.as_array();
  if (array.size == 0) return call.error("the array was empty");
  double best = 0;
  for (std::uint32_t i = 0; i < array.size; ++i) {
    double number = 0;
    if (!read_number(array.items[i], number)) {
      return call.prefix(call.type_error(array.items[i], "number"), "index ", std::to_string(i),
                         " of array: ");
    }
    if (i == 0 || (wants_greater ? number > best : number < best)) best = number;
  }
  return Value::float64(best);
}

// Bits --------------------------------------------------------------------------------------------

template <char operation>
Value bitwise(Call& call, Value target) {
  const auto left = as_integer(target);
  if (!left) return call.type_error(target, "integer");
  const std::int64_t right = call.integer(0);
  if constexpr (operation == '&') return Value::int64(*left & right);
  if constexpr (operation == '|') return Value::int64(*left | right);
  return Value::int64(*left ^ right);
}

// Entries -----------------------------------------------------------------------------------------

constexpr auto kAsGiven = Function::Errors::as_given;

constinit const Function kEntries[] = {
    {.name = "abs",
     .category = Category::number,
     .errors = kAsGiven,
     .call = abs,
     .description = "The number without its sign.",
     .examples = {{.mapping = "root.size = this.n.abs()",
                   .cases = {{R"({"n":-5})", R"({"size":5})"},
                             {R"({"n":-2.5})", R"({"size":2.5})"}}}}},
    {.name = "ceil",
     .category = Category::number,
     .call = rounded<ceil_of>,
     .description = "The number rounded up; an integer where it fits.",
     .examples = {{.mapping = "root.n = this.n.ceil()",
                   .cases = {{R"({"n":5.1})", R"({"n":6})"}, {R"({"n":-5.9})", R"({"n":-5})"}}}}},
    {.name = "floor",
     .category = Category::number,
     .call = rounded<floor_of>,
     .description = "The number rounded down; an integer where it fits.",
     .examples = {{.mapping = "root.n = this.n.floor()",
                   .cases = {{R"({"n":5.7})", R"({"n":5})"}, {R"({"n":-5.1})", R"({"n":-6})"}}}}},
    {.name = "round",
     .category = Category::number,
     .call = rounded<round_of>,
     .description = "The number rounded to the nearest integer, halves away from zero.",
     .examples = {{.mapping = "root.n = this.n.round()",
                   .cases = {{R"({"n":5.5})", R"({"n":6})"}, {R"({"n":-5.5})", R"({"n":-6})"}}}}},
    {.name = "log",
     .category = Category::number,
     .call = apply<go_log>,
     .description = "The natural logarithm.",
     .examples = {{.mapping = "root.n = this.n.log().round()",
                   .cases = {{R"({"n":1})", R"({"n":0})"}, {R"({"n":2.7183})", R"({"n":1})"}}}}},
    {.name = "log10",
     .category = Category::number,
     .call = apply<go_log10>,
     .description = "The logarithm to base 10.",
     .examples = {{.mapping = "root.n = this.n.log10()",
                   .cases = {{R"({"n":100})", R"({"n":2})"}, {R"({"n":1})", R"({"n":0})"}}}}},
    {.name = "sin",
     .category = Category::number,
     .errors = kAsGiven,
     .call = apply_to_number<go_sin>,
     .description = "The sine of an angle in radians.",
     .examples = {{.mapping = "root.n = (this.degrees * (pi() / 180)).sin()",
                   .cases = {{R"({"degrees":0})", R"({"n":0})"}}}}},
    {.name = "cos",
     .category = Category::number,
     .errors = kAsGiven,
     .call = apply_to_number<go_cos>,
     .description = "The cosine of an angle in radians.",
     .examples = {{.mapping = "root.n = (this.degrees * (pi() / 180)).cos()",
                   .cases = {{R"({"degrees":0})", R"({"n":1})"},
                             {R"({"degrees":180})", R"({"n":-1})"}}}}},
    {.name = "tan",
     .category = Category::number,
     .errors = kAsGiven,
     .call = apply_to_number<go_tan>,
     .description = "The tangent of an angle in radians.",
     .examples = {{.mapping = "root.n = (this.degrees * (pi() / 180)).tan()",
                   .cases = {{R"({"degrees":0})", R"({"n":0})"}}}}},
    {.name = "pow",
     .category = Category::number,
     .parameters = {{"exponent", Type::number, "The exponent."}},
     .errors = kAsGiven,
     .call = pow,
     .description = "The number raised to a power.",
     .examples = {{.mapping = "root.n = this.n.pow(3)",
                   .cases = {{R"({"n":2})", R"({"n":8})"}, {R"({"n":0.5})", R"({"n":0.125})"}}}}},
    {.name = "max",
     .category = Category::number,
     .call = extreme<true>,
     .description = "The greatest number of an array, as a float.",
     .examples = {{.mapping = "root.n = this.n.max()",
                   .cases = {{R"({"n":[3,8,5]})", R"({"n":8})"},
                             {R"({"n":[]})", "",
                              "failed assignment (line 1): field `this.n`: the array was "
                              "empty"}}}}},
    {.name = "min",
     .category = Category::number,
     .call = extreme<false>,
     .description = "The least number of an array, as a float.",
     .examples = {{.mapping = "root.n = this.n.min()",
                   .cases = {{R"({"n":[3,-8,5]})", R"({"n":-8})"}}}}},
    {.name = "bitwise_and",
     .category = Category::number,
     .parameters = {{"value", Type::integer, "The other integer."}},
     .call = bitwise<'&'>,
     .description = "The bits that are set in both integers.",
     .examples = {{.mapping = "root.n = this.n.bitwise_and(6)",
                   .cases = {{R"({"n":12})", R"({"n":4})"}}}}},
    {.name = "bitwise_or",
     .category = Category::number,
     .parameters = {{"value", Type::integer, "The other integer."}},
     .call = bitwise<'|'>,
     .description = "The bits that are set in one of two integers, or both.",
     .examples = {{.mapping = "root.n = this.n.bitwise_or(6)",
                   .cases = {{R"({"n":12})", R"({"n":14})"}}}}},
    {.name = "bitwise_xor",
     .category = Category::number,
     .parameters = {{"value", Type::integer, "The other integer."}},
     .call = bitwise<'^'>,
     .description = "The bits in which two integers differ.",
     .examples = {{.mapping = "root.n = this.n.bitwise_xor(6)",
                   .cases = {{R"({"n":12})", R"({"n":10})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kNumberMethods = kEntries;

}  // namespace tollgate::bloblang
