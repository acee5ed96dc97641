#include "bloblang/functions/simple_pattern.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "bloblang/functions/pattern.h"

namespace tollgate::bloblang {
namespace {

using Outcome = SimplePattern::Outcome;

/// The groups of the first match as "0-3 1-2", "-" if there is none, "?" if it is not known.
std::string found(std::string_view source, std::string_view text, std::size_t groups,
                  std::size_t position = 0) {
  const auto pattern = SimplePattern::compile(source);
  if (!pattern) return "not simple";
  std::array<std::size_t, 2 * SimplePattern::kMaxGroups> bounds{};
  const Outcome outcome = pattern->find(text, position, std::span(bounds).first(2 * groups));
  if (outcome != Outcome::found) return outcome == Outcome::none ? "-" : "?";
  std::string shown;
  for (std::size_t i = 0; i < groups; ++i) {
    if (i > 0) shown += ' ';
    shown += std::to_string(bounds[2 * i]) + "-" + std::to_string(bounds[2 * i + 1]);
  }
  return shown;
}

TEST(SimplePattern, FindsTheLeftmostMatchAndItsGroups) {
  EXPECT_EQ(found("b+", "abbb", 1), "1-4");
  EXPECT_EQ(found("b+?", "abbb", 1), "1-2");
  EXPECT_EQ(found("^(.*)([a-z])$", "us-east-1a", 3), "0-10 0-9 9-10");
  EXPECT_EQ(found("^(.*)([a-z])$", "us-east-1", 3), "-");
  EXPECT_EQ(found("(a*)(a{2})", "xaaaa", 3), "1-5 1-3 3-5");
  EXPECT_EQ(found("(a+)(a{2})", "xaaaa", 3), "1-5 1-3 3-5");
  EXPECT_EQ(found("(?P<key>\\w+)=(?<value>\\S*?) ", "k=v w", 3), "0-4 0-1 2-3");
  EXPECT_EQ(found("x?$", "ab", 1), "2-2");
  EXPECT_EQ(found("[^0-9\\s]", "12 \nz", 1), "4-5");
  EXPECT_EQ(found(".", "\na", 1), "1-2");
  EXPECT_EQ(found("^a", "aa", 1, 1), "-");
  EXPECT_EQ(found("\\.[+-]", "1.+", 1), "1-3");
}

TEST(SimplePattern, LeavesEverythingElseToTheLibrary) {
  for (const std::string_view source :
       {"a|b", "(a)*", "(?i)a", "\\bx", "\\pL", "[[:alpha:]]", "é", "a$b", "(^a)", "x{2}{3}", "",
        "[\\d-z]", "((((((((a))))))))"}) {
    EXPECT_FALSE(SimplePattern::compile(source)) << source;
  }
}

TEST(SimplePattern, StopsWhereBacktrackingTakesLong) {
  const std::string text(1000, 'a');
  EXPECT_EQ(found("a*a*a*a*a*b", text, 1), "?");
  const auto pattern = Pattern::compile("a*a*a*a*a*b");
  ASSERT_TRUE(pattern);
  EXPECT_FALSE(pattern->matches(text));
  EXPECT_TRUE(pattern->matches(text + "b"));
}

}  // namespace
}  // namespace tollgate::bloblang
