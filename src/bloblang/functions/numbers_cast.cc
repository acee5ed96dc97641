// Methods of category Number Manipulation: casts.

#include <charconv>
#include <cmath>

#include "bloblang/functions/catalogue.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

template <int bits>
Value to_signed(Call& call, Value target) {
  const auto number = to_int_of(target, bits);
  return number ? Value::int64(*number) : call.error(number.error().message());
}

template <int bits>
Value to_unsigned(Call& call, Value target) {
  const auto number = to_uint_of(target, bits);
  return number ? Value::uint64(*number) : call.error(number.error().message());
}

Value to_float64(Call& call, Value target) {
  const auto number = to_float(target);
  return number ? Value::float64(*number) : call.error(number.error().message());
}

Value to_float32(Call& call, Value target) {
  const auto number = to_float(target);
  if (!number) return call.error(number.error().message());
  const auto single = static_cast<float>(*number);
  if (std::isinf(single) && std::isfinite(*number) &&
      (target.is_text() || target.is(Kind::number_text))) {
    return call.error(number_error("ParseFloat", target.as_text(), NumberFault::range));
  }
  // The shortest decimal that is the single: what it is shown as wherever it goes.
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, single,
                                            std::chars_format::scientific);
  double shortest = *number;
  std::from_chars(text, end, shortest);
  return Value::float64(shortest);
}

constexpr auto kAsGiven = Function::Errors::as_given;

constinit const Function kEntries[] = {
    {.name = "int8",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_signed<8>,
     .description = "The number, or the number a text spells, as an integer of 8 bits. Decimals and "
                    "what does not fit are errors.",
     .examples = {{.mapping = "root.n = this.n.int8()",
                   .cases = {{R"({"n":"0x1f"})", R"({"n":31})"}}}}},
    {.name = "int16",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_signed<16>,
     .description = "As `int64`, for 16 bits.",
     .examples = {{.mapping = "root.n = this.n.int16()",
                   .cases = {{R"({"n":"-300"})", R"({"n":-300})"}}}}},
    {.name = "int32",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_signed<32>,
     .description = "As `int64`, for 32 bits.",
     .examples = {{.mapping = "root.n = this.n.int32()",
                   .cases = {{R"({"n":"70000"})", R"({"n":70000})"}}}}},
    {.name = "int64",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_signed<64>,
     .description = "The number, or the number a text spells, as an integer of 64 bits. A text may "
                    "start with 0x, 0o or 0b. Decimals and what does not fit are errors.",
     .examples = {{.mapping = "root.n = this.n.int64()",
                   .cases = {{R"({"n":"0xff"})", R"({"n":255})"},
                             {R"({"n":12})", R"({"n":12})"}}}}},
    {.name = "uint8",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_unsigned<8>,
     .description = "As `uint64`, for 8 bits.",
     .examples = {{.mapping = "root.n = this.n.uint8()",
                   .cases = {{R"({"n":"255"})", R"({"n":255})"}}}}},
    {.name = "uint16",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_unsigned<16>,
     .description = "As `uint64`, for 16 bits.",
     .examples = {{.mapping = "root.n = this.n.uint16()",
                   .cases = {{R"({"n":"0b101"})", R"({"n":5})"}}}}},
    {.name = "uint32",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_unsigned<32>,
     .description = "As `uint64`, for 32 bits.",
     .examples = {{.mapping = "root.n = this.n.uint32()",
                   .cases = {{R"({"n":"70000"})", R"({"n":70000})"}}}}},
    {.name = "uint64",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_unsigned<64>,
     .description = "As `int64`, without a sign: negative numbers are errors.",
     .examples = {{.mapping = "root.n = this.n.uint64()",
                   .cases = {{R"({"n":"18446744073709551615"})",
                              R"({"n":18446744073709551615})"}}}}},
    {.name = "float32",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_float32,
     .description = "The number, or the number a text spells, in single precision.",
     .examples = {{.mapping = "root.n = this.n.float32()",
                   .cases = {{R"({"n":"2.5"})", R"({"n":2.5})"}}}}},
    {.name = "float64",
     .category = Category::number,
     .errors = kAsGiven,
     .call = to_float64,
     .description = "The number, or the number a text spells, in double precision.",
     .examples = {{.mapping = "root.n = this.n.float64()",
                   .cases = {{R"({"n":"6.75"})", R"({"n":6.75})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kCastMethods = kEntries;

}  // namespace tollgate::bloblang
