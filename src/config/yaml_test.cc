#include <gtest/gtest.h>

#include "config/node.h"
#include "config/yaml_scalar.h"

namespace tollgate {
namespace {

Node read_ok(std::string_view text) {
  auto node = parse_yaml(text);
  EXPECT_TRUE(node) << (node ? "" : std::string(node.error().message()));
  return node ? *node : Node();
}

std::string read_error(std::string_view text) {
  const auto node = parse_yaml(text);
  return node ? "read" : std::string(node.error().message());
}

std::string place(Position where) {
  return std::to_string(where.line) + ":" + std::to_string(where.column);
}

TEST(Yaml, KnowsWhereEverythingStands) {
  const Node root = read_ok("a: 1\nb:\n  - x\n  - {c: 'd'}\n");
  ASSERT_EQ(root.entries().size(), 2);
  EXPECT_EQ(place(root.entries()[1].position), "2:1");
  EXPECT_EQ(place(root["a"].position()), "1:4");
  EXPECT_EQ(place(root["b"].items()[0].position()), "3:5");
  EXPECT_EQ(place(root["b"].items()[1]["c"].position()), "4:9");
}

TEST(Yaml, ResolvesScalarsLikeTheIncumbent) {
  using Kind = Node::Kind;
  struct Row {
    std::string_view text;
    Kind kind;
  };
  const Row rows[]{
      {"~", Kind::null},        {"null", Kind::null},     {"true", Kind::boolean},
      {"yes", Kind::string},    {"on", Kind::string},     {"12", Kind::integer},
      {"-0x1F", Kind::integer}, {"0o17", Kind::integer},  {"017", Kind::integer},
      {"1_000", Kind::integer}, {"1.5", Kind::number},    {"1e3", Kind::number},
      {".5", Kind::number},     {"-.inf", Kind::number},  {".nan", Kind::number},
      {"1.2.3", Kind::string},  {"2026-01-02", Kind::string}, {"12:30:45", Kind::string},
      {"0.0.0.0:4195", Kind::string}, {"30s", Kind::string}, {"-", Kind::string},
      {"18446744073709551615", Kind::integer}, {"0b101", Kind::integer}, {"+1", Kind::integer},
  };
  for (const Row& row : rows) EXPECT_EQ(resolve_plain(row.text), row.kind) << row.text;
  EXPECT_EQ(parse_yaml_integer("-0x1F"), -31);
  EXPECT_EQ(parse_yaml_integer("017"), 15);
  EXPECT_EQ(parse_yaml_boolean("off"), false);
}

TEST(Yaml, FollowsAliasesAndMerges) {
  const Node root = read_ok(
      "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: *b, y: 9}\n"
      "two:\n  <<: [*b, *m]\nthree: *b\n");
  EXPECT_EQ(root["one"]["x"].text(), "1");
  EXPECT_EQ(root["one"]["y"].text(), "9");
  EXPECT_EQ(root["two"]["y"].text(), "2");
  EXPECT_EQ(root["two"]["z"].text(), "4");
  EXPECT_EQ(root["three"]["y"].text(), "2");
  EXPECT_EQ(place(root["three"]["y"].position()), "1:20");
}

TEST(Yaml, RefusesWhatIsNone) {
  EXPECT_EQ(read_error("a: {b: 3\n   x: 5\n"), "yaml: line 1: did not find expected ',' or '}'");
  EXPECT_EQ(read_error("input:\n\tgenerate: 5\n"),
            "yaml: line 2: found character that cannot start any token");
  EXPECT_EQ(read_error("a: *foo\n"), "yaml: unknown anchor 'foo' referenced");
  EXPECT_EQ(read_error("a: &x [*x]\n"), "yaml: anchor 'x' value contains itself");
  EXPECT_EQ(read_error("a: 1\nb: 2\na: 3\n"),
            "yaml: line 3: mapping key \"a\" already defined at line 1");
  EXPECT_EQ(read_error("? [a]\n: b\n"), "yaml: line 1: invalid map key");
  EXPECT_EQ(read_error("<<: 5\n"),
            "yaml: line 1: map merge requires map or sequence of maps as the value");
}

TEST(Yaml, BoundsAliasesAndDepth) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += below + ", ";
    bomb += "]\n";
  }
  EXPECT_EQ(read_error(bomb), "yaml: document contains excessive aliasing");
  EXPECT_NE(read_error(std::string(100'000, '[')), "read");
  std::string chain = "a0: &a0 []\n";
  for (int i = 1; i < 3000; ++i) {
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
             "]\n";
  }
  EXPECT_NE(read_error(chain), "read");
}

TEST(Yaml, FindsPlacesInsideText) {
  struct Row {
    std::string_view name;
    std::string_view yaml;  // the text is under "m"
    int line;
    int column;
    std::string_view place;
  };
  const Row rows[]{
      {"plain", "m: root = thi s\n", 1, 12, "1:15"},
      {"single", "  m: 'root = thi s'\n", 1, 12, "1:18"},
      {"single with quotes", "m: 'a''b c'\n", 1, 5, "1:10"},
      {"double", "m: \"a\\tb c\"\n", 1, 5, "1:10"},
      {"double with newline", "m: \"root.a = 1\\nroot.b = x y\"\n", 2, 12, "1:28"},
      {"literal", "a:\n  m: |\n    root = this\n    root.a = foo(\n", 2, 14, "4:18"},
      {"literal with blank", "m: |\n  one\n\n  two\n", 3, 2, "4:4"},
      {"literal stripped", "m: |-\n      one\n      two\n", 2, 1, "3:7"},
      {"folded", "m: >\n  one\n  two three\n", 1, 9, "3:7"},
      {"beyond", "m: |\n  one\n", 1, 99, "2:6"},
      {"wide characters", "m: 'é = x'\n", 1, 6, "1:9"},
  };
  for (const Row& row : rows) {
    const Node text = read_ok(row.yaml);
    const Node m = text["m"] ? text["m"] : text["a"]["m"];
    EXPECT_EQ(place(m.position_in_text(row.line, row.column)), row.place) << row.name;
  }
}

TEST(Yaml, PrintsWhatItReadAsItWas) {
  const std::string_view texts[]{
      "a: 1\nb:\n  - x\n  - c: 'd'\n    e: \"f\"\nf: {a: 1, b: [x, y]}\n",
      "m: |\n  root = this\n\n  # more\n  root.a = 1\n",
      "m: |-\n  one\n  two\nk: []\nl: {}\n",
      "'@service': benthos\nempty: \"\"\n",
      "- - a\n  - b\n- c: 1\n  d:\n    - 2\n",
      "k:\nz: null\n",
  };
  for (const auto text : texts) EXPECT_EQ(print_yaml(read_ok(text)), text);
}

TEST(Yaml, QuotesWhatWouldBeReadOtherwise) {
  struct Row {
    std::string text;
    std::string_view printed;
  };
  const Row rows[]{
      {"plain", "plain\n"},       {"", "\"\"\n"},          {"true", "\"true\"\n"},
      {"12", "\"12\"\n"},         {"yes", "\"yes\"\n"},    {"a: b", "'a: b'\n"},
      {"@x", "'@x'\n"},           {"a #b", "'a #b'\n"},    {"tab\there", "\"tab\\there\"\n"},
      {"one\ntwo\n", "|\n  one\n  two\n"}, {"~", "\"~\"\n"}, {"- x", "'- x'\n"},
      {"2026-01-02", "\"2026-01-02\"\n"}, {" lead", "' lead'\n"}, {"a'b", "a'b\n"},
      {"\x01", "\"\\x01\"\n"},    {"!!!X", "'!!!X'\n"},
      {"0.0.0.0:4195", "0.0.0.0:4195\n"},
      {"12:30", "\"12:30\"\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(print_yaml(Node::of(row.text)), row.printed);
    EXPECT_EQ(read_ok(print_yaml(Node::of(row.text))).text(), row.text);
    EXPECT_TRUE(read_ok(print_yaml(Node::of(row.text))).is(Node::Kind::string)) << row.text;
  }
}

TEST(Yaml, PrintsJson) {
  EXPECT_EQ(print_json(read_ok("a: 0x10\nb: [1.50, x, ~, yes, true]\nc: {}\n")),
            R"({"a":16,"b":[1.5,"x",null,"yes",true],"c":{}})");
}

TEST(Node, ChangesLeaveTheOriginalAlone) {
  const Node root = read_ok("a: 1\nb: 2\n");
  EXPECT_EQ(print_yaml(root.with("a", Node::of(5))), "a: 5\nb: 2\n");
  EXPECT_EQ(print_yaml(root.without("a").with("c", Node::of(true))), "b: 2\nc: true\n");
  EXPECT_EQ(print_yaml(root), "a: 1\nb: 2\n");
}

}  // namespace
}  // namespace tollgate
