#include "value/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tollgate {
namespace {

struct FloatCase {
  double number;
  std::string_view json;
  std::string_view general;
};

TEST(Number, FormatsFloatsLikeGo) {
  const FloatCase cases[] = {
      {0, "0", "0"},
      {-0.0, "-0", "-0"},
      {100000, "100000", "100000"},
      {1e6, "1000000", "1e+06"},
      {123456, "123456", "123456"},
      {123456789, "123456789", "1.23456789e+08"},
      {12345678.5, "12345678.5", "1.23456785e+07"},
      {0.0001, "0.0001", "0.0001"},
      {0.00001, "0.00001", "1e-05"},
      {1e-6, "0.000001", "1e-06"},
      {9.9e-7, "9.9e-7", "9.9e-07"},
      {1e20, "100000000000000000000", "1e+20"},
      {1e21, "1e+21", "1e+21"},
      {9007199254740992.0, "9007199254740992", "9.007199254740992e+15"},
      {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
      {5e-324, "5e-324", "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308"},
  };
  for (const auto& [number, json, general] : cases) {
    std::string out;
    append_json_float(out, number);
    EXPECT_EQ(out, json);
    out.clear();
    append_go_float(out, number);
    EXPECT_EQ(out, general);
  }
  std::string out;
  append_go_float(out, std::numeric_limits<double>::infinity());
  append_go_float(out, -std::numeric_limits<double>::infinity());
  append_go_float(out, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(out, "+Inf-InfNaN");
}

struct ParseFloatCase {
  std::string_view text;
  double number;
  NumberFault fault = NumberFault::none;
};

TEST(Number, ParsesFloatsLikeGo) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const ParseFloatCase cases[] = {
      {"1", 1},
      {"+1.5", 1.5},
      {".5", 0.5},
      {"5.", 5},
      {"-5.e3", -5000},
      {"0x1p-2", 0.25},
      {"-0X1.8P1", -3},
      {"0x_1p0", 1},
      {"1_000", 1000},
      {"Inf", infinity},
      {"-INFINITY", -infinity},
      {"1e-400", 0},
      {"0x1p-2000", 0},
      {"1e400", infinity, NumberFault::range},
      {"-1e400", -infinity, NumberFault::range},
      {"0x1p2000", infinity, NumberFault::range},
      {"", 0, NumberFault::syntax},
      {".", 0, NumberFault::syntax},
      {"1e", 0, NumberFault::syntax},
      {"1__0", 0, NumberFault::syntax},
      {"_1", 0, NumberFault::syntax},
      {"0x1", 0, NumberFault::syntax},
      {"+nan", 0, NumberFault::syntax},
      {"infinit", 0, NumberFault::syntax},
      {" 1", 0, NumberFault::syntax},
      {"1 ", 0, NumberFault::syntax},
  };
  for (const auto& [text, number, fault] : cases) {
    const auto parsed = scan_float(text);
    EXPECT_EQ(parsed.value, number) << text;
    EXPECT_EQ(parsed.fault, fault) << text;
    EXPECT_EQ(parse_float(text).has_value(), fault == NumberFault::none) << text;
  }
  EXPECT_TRUE(std::isnan(scan_float("NaN").value));
}

struct ParseIntCase {
  std::string_view text;
  int base;
  std::int64_t number;
  NumberFault fault = NumberFault::none;
};

TEST(Number, ParsesIntegersLikeGo) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const ParseIntCase cases[] = {
      {"-12", 10, -12},
      {"+7", 10, 7},
      {"0x1F", 0, 31},
      {"0b101", 0, 5},
      {"0o17", 0, 15},
      {"017", 0, 15},
      {"0", 0, 0},
      {"1_000", 0, 1000},
      {"0x_f", 0, 15},
      {"ff", 16, 255},
      {"9223372036854775807", 10, most},
      {"-9223372036854775808", 10, -most - 1},
      {"9223372036854775808", 10, most, NumberFault::range},
      {"99999999999999999999x", 10, most, NumberFault::range},
      {"1_000", 10, 0, NumberFault::syntax},
      {"1__0", 0, 0, NumberFault::syntax},
      {"0x", 0, 0, NumberFault::syntax},
      {"08", 0, 0, NumberFault::syntax},
      {"", 10, 0, NumberFault::syntax},
      {"-", 10, 0, NumberFault::syntax},
      {"1.0", 10, 0, NumberFault::syntax},
  };
  for (const auto& [text, base, number, fault] : cases) {
    const auto parsed = scan_int(text, base);
    EXPECT_EQ(parsed.value, number) << text;
    EXPECT_EQ(parsed.fault, fault) << text;
  }
  EXPECT_EQ(parse_uint("18446744073709551615"), ~0ull);
  EXPECT_EQ(parse_uint("18446744073709551616"), std::nullopt);
  EXPECT_EQ(parse_uint("-1"), std::nullopt);
}

TEST(Number, ResolvesTextOfNumbers) {
  EXPECT_EQ(resolve_number(Value::number_text("12")).as_int64(), 12);
  EXPECT_EQ(resolve_number(Value::number_text("1.0")).as_float64(), 1.0);
  EXPECT_EQ(resolve_number(Value::number_text("18446744073709551615")).kind(), Kind::float64);
  EXPECT_EQ(resolve_number(Value::number_text("1e999")).kind(), Kind::string);
  EXPECT_TRUE(resolve_number(Value::null()).is_null());
}

TEST(Number, WordsErrorsLikeGo) {
  EXPECT_EQ(number_error("ParseInt", "a\"\n\xff", NumberFault::syntax),
            R"(strconv.ParseInt: parsing "a\"\n\xff": invalid syntax)");
  EXPECT_EQ(number_error("ParseFloat", "1e999", NumberFault::range),
            R"(strconv.ParseFloat: parsing "1e999": value out of range)");
}

}  // namespace
}  // namespace tollgate
