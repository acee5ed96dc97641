#include "unit_tests/json_difference.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

using Verdict = JsonDifference::Verdict;

TEST(JsonDifference, Judges) {
  struct Row {
    std::string_view received;
    std::string_view expected;
    Verdict verdict;
    std::string_view places;
  };
  const Row rows[]{
      {R"({"a":1,"b":[1,{"c":null}]})", R"({"b":[1,{"c":null}],"a":1})", Verdict::equal, ""},
      {R"({"a":1,"b":2})", R"({"a":1})", Verdict::superset, ""},
      {R"([1,2])", R"([1])", Verdict::superset, ""},
      {R"({"a":{"b":5}})", R"({"a":{"b":6}})", Verdict::different,
       "  .a.b: expected 6, received 5\n"},
      {R"({"a":1,"z":1})", R"({"a":2})", Verdict::different, "  .a: expected 2, received 1\n"},
      {R"([1])", R"([1,{"x":[]}])", Verdict::different,
       "  [1]: expected {\"x\":[]}, received nothing\n"},
      {"1.0", "1", Verdict::different, "  .: expected 1, received 1.0\n"},
      {"null", "{}", Verdict::different, "  .: expected {}, received null\n"},
      {"{} and more", "{}", Verdict::equal, ""},
      {"", "{}", Verdict::not_json, ""},
      {"{}", "{", Verdict::not_json, ""},
  };
  for (const Row& row : rows) {
    const auto difference = compare_json(row.received, row.expected);
    EXPECT_EQ(difference.verdict, row.verdict) << row.received;
    EXPECT_EQ(difference.places, row.places) << row.received;
  }
}

TEST(JsonDifference, PaintsWhatDiffers) {
  EXPECT_EQ(compare_json(R"({"a":[1],"b":"x"})", R"({"a":[2],"c":{"d":1}})").rendered,
            "{\n"
            "    \"a\": [\n"
            "        \033[0;33m1 => 2\033[0m\n"
            "    ],\n"
            "    \033[0;31m\"b\": \"x\"\033[0m,\n"
            "    \033[0;32m\"c\": {\033[0m\n"
            "        \033[0;32m\"d\": 1\033[0m\n"
            "    \033[0;32m}\033[0m\n"
            "}");
  EXPECT_EQ(compare_json("x", "y").rendered, "both arguments are invalid json");
}

TEST(JsonDifference, NamesAFewPlacesOnly) {
  std::string ones = "[", twos = "[";
  for (int i = 0; i < 30; ++i) {
    ones += i == 0 ? "1" : ",1";
    twos += i == 0 ? "2" : ",2";
  }
  const auto places = compare_json(ones + "]", twos + "]").places;
  EXPECT_TRUE(places.ends_with("  [19]: expected 2, received 1\n  … and 10 more\n")) << places;
}

}  // namespace
}  // namespace tollgate
