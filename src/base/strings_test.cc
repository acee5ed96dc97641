#include "base/strings.h"

#include <gmock/gmock.h>

namespace tollgate {
namespace {

using ::testing::ElementsAre;

TEST(Strings, TrimsBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Strings, ChangesAndComparesCase) {
  EXPECT_EQ(to_lower("AbÉ1"), "abÉ1");
  EXPECT_EQ(to_upper("aBé1"), "ABé1");
  EXPECT_TRUE(equal_ignoring_case("INFO", "info"));
  EXPECT_FALSE(equal_ignoring_case("INFO", "inf"));
}

TEST(Strings, SplitsAndJoins) {
  EXPECT_THAT(split("a,,b,", ","), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ","), ElementsAre(""));
  EXPECT_EQ(join(std::vector<std::string>{"a", "b"}, ", "), "a, b");
  EXPECT_EQ(join(split("a::b::c", "::"), "."), "a.b.c");
  EXPECT_EQ(join(std::vector<std::string>{}, ", "), "");
}

TEST(Strings, ReplacesEveryOccurrence) {
  EXPECT_EQ(replace_all("aXbXX", "X", "--"), "a--b----");
  EXPECT_EQ(replace_all("aaa", "aa", "a"), "aa");
  EXPECT_EQ(replace_all("", "x", "y"), "");
}

TEST(Strings, CountsEdits) {
  struct {
    std::string_view a, b;
    std::size_t distance;
  } const rows[] = {
      {.a = "", .b = "", .distance = 0},
      {.a = "abc", .b = "", .distance = 3},
      {.a = "kitten", .b = "sitting", .distance = 3},
      {.a = "recieve", .b = "receive", .distance = 1},
      {.a = "ab", .b = "ba", .distance = 1},
      {.a = "same", .b = "same", .distance = 0},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(edit_distance(row.a, row.b), row.distance) << row.a << " " << row.b;
    EXPECT_EQ(edit_distance(row.b, row.a), row.distance) << row.b << " " << row.a;
  }
}

TEST(Strings, FindsTheNearestName) {
  const std::vector<std::string_view> names{"mapping", "mutation", "metric", "log", "http"};
  struct {
    std::string_view wrote, meant;
  } const rows[] = {
      {.wrote = "maping", .meant = "mapping"}, {.wrote = "Metrics", .meant = "metric"},
      {.wrote = "lgo", .meant = "log"},        {.wrote = "htp", .meant = "http"},
      {.wrote = "banana", .meant = ""},        {.wrote = "x", .meant = ""},
      {.wrote = "", .meant = ""},
  };
  for (const auto& row : rows) EXPECT_EQ(nearest(row.wrote, names), row.meant) << row.wrote;
  EXPECT_EQ(nearest(std::string(100000, 'a'), names), "");
}

}  // namespace
}  // namespace tollgate
