#include "config/interpolate.h"

#include <gtest/gtest.h>

#include <map>

#include <fmt/ranges.h>

#include "config/dotenv.h"
#include "config/load.h"

namespace tollgate {
namespace {

TEST(Interpolate, ReplacesVariables) {
  const std::map<std::string, std::string, std::less<>> variables{
      {"A", "1"}, {"EMPTY", ""}, {"LINES", "x\ny"}, {"B64", "aGVsbG8="}, {"a.b", "dot"}};
  const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  struct Row {
    std::string_view in;
    std::string_view out;
    std::string_view missing;
  };
  const Row rows[]{
      {"${A}", "1", ""},
      {"x${A}y${a.b}", "x1ydot", ""},
      {"${EMPTY}", "", ""},
      {"${EMPTY:d}", "d", ""},
      {"${NONE}", "", "NONE"},
      {"${NONE} ${NONE} ${OTHER}", "  ", "NONE NONE OTHER"},
      {"${NONE:}", "", ""},
      {"${U:https://us.api.konghq.com}/v3", "https://us.api.konghq.com/v3", ""},
      {"${NONE:a:b/c d}", "a:b/c d", ""},
      {"${NONE:${A}}", "${A}", ""},
      {"${NONE:x${A}y}z", "x${A}yz", ""},
      {"${NONE:${A}", "${A", ""},
      {"${{A}}", "${A}", ""},
      {"${{A:d}}", "${A:d}", ""},
      {"${{A:${NONE:z}}}", "${A:z}", ""},
      {"${B64|base64decode}", "hello", ""},
      {"${NONE:aGk=|base64decode}", "hi", ""},
      {"${LINES}", "x\\ny", ""},
      {"$A ${! this.a } ${A-B} ${} $", "$A ${! this.a } ${A-B} ${} $", ""},
      {"# ${A}", "# 1", ""},
      {"\xff${A}\xfe", "\xff" "1\xfe", ""},
  };
  for (const Row& row : rows) {
    const auto got = replace_variables(row.in, lookup);
    ASSERT_TRUE(got) << row.in;
    EXPECT_EQ(got->text, row.out) << row.in;
    EXPECT_EQ(fmt::format("{}", fmt::join(got->missing, " ")), row.missing) << row.in;
  }
  const auto unknown = replace_variables("${A|foo}", lookup);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message(), "unknown env var decode function: foo");
  const auto broken = replace_variables("${A|base64decode}", lookup);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message(),
            "failed to decode base64-encoded env var: illegal base64 data at input byte 0");
}

TEST(Interpolate, AgreesWithTheIncumbent) {
  const auto corpus = read_text_file(TOLLGATE_SOURCE_DIR "/tests/config/interpolation/env.jsonl");
  ASSERT_TRUE(corpus);
  std::size_t at = 0;
  while (at < corpus->size()) {
    const std::size_t end = std::min(corpus->find('\n', at), corpus->size());
    const auto row = parse_yaml(std::string_view(*corpus).substr(at, end - at));  // JSON is YAML
    at = end + 1;
    ASSERT_TRUE(row) << row.error().message();
    const Node variables = (*row)["env"];
    const auto got = replace_variables(
        (*row)["text"].text(), [&](std::string_view name) -> std::optional<std::string> {
          const Node value = variables[name];
          return value ? std::optional<std::string>(value.text()) : std::nullopt;
        });
    std::string error = got ? "" : std::string(got.error().message());
    if (got && !got->missing.empty()) {
      error = fmt::format("required environment variables were not set: [{}]",
                          fmt::join(got->missing, " "));
    }
    EXPECT_EQ(error, (*row)["error"].text()) << (*row)["text"].text();
    if (error.empty()) {
      EXPECT_EQ(got->text, (*row)["result"].text()) << (*row)["text"].text();
    }
  }
}

TEST(Dotenv, ReadsAssignments) {
  struct Row {
    std::string_view in;
    std::string_view out;
  };
  const Row rows[]{
      {"A=1\nB = 2\nC=\"x y\"\nD=\"\"\"tri\nple\"\"\"\nE= #foo\nF=a#b\n",
       "A=1|B=2|C=x y|D=tri\nple|E=|F=a"},
      {"A=x\r\nB=y\r\n\r\n# foo\r\nC=z", "A=x|B=y|C=z"},
      {"A=${B}\nB=\"\\u00e9\\n\"\n", "A=${B}|B=\u00e9\n"},
      {"A=x=y\nA.B=1\n", "A=x=y|A.B=1"},
      {"A=1 # c\nC=  \nD=\"\"\"a\"b\"\"\"", "A=1|C=|D=a\"b"},
      {"  A=1\n\tB=2", "A=1|B=2"},
      {"", ""},
      {"=x\n", "1: line 1 char 1: expected Environment variable assignment"},
      {"A\n", "1: line 1 char 2: expected Environment variable assignment"},
      {"A=\"x\n", "1: line 1 char 5: required: expected end quote"},
      {"\nA=a b\nB=2", "2: line 2 char 5: expected line break"},
      {"export A=1", "1: line 1 char 8: expected Environment variable assignment"},
  };
  for (const Row& row : rows) {
    const auto got = parse_dotenv(row.in);
    std::string text = got ? "" : std::string(got.error().message());
    if (got) {
      for (const auto& [name, value] : *got) text += (text.empty() ? "" : "|") + name + "=" + value;
    }
    EXPECT_EQ(text, row.out) << row.in;
  }
}

}  // namespace
}  // namespace tollgate
