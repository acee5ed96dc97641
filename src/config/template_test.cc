#include "config/template.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace tollgate {
namespace {

constexpr std::string_view kText = R"(name: usage
type: processor
fields:
  - {name: kind, type: string}
  - {name: add, type: int, default: 1}
  - {name: tags, type: string, kind: list, default: []}
mapping: |
  root.mapping = "root = %v"
  root.label = @label
  root.kind = this.kind
  root.add = this.add + 1.5
  root.tags = this.tags
)";

std::shared_ptr<const Template> read_template(std::string_view text) {
  std::vector<Lint> lints;
  auto read = Template::read(text, lints);
  EXPECT_TRUE(read) << (read ? "" : read.error().message());
  EXPECT_TRUE(lints.empty());
  return read ? *read : nullptr;
}

TEST(Template, ExpandsWithDefaultsAndLabel) {
  const auto made = read_template(kText)->expand(*parse_yaml("kind: 5\ntags: [a, 7]\n"), "here");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(print_json(*made),
            R"({"add":2.5,"kind":"5","label":"here","mapping":"root = %v","tags":["a","7"]})");
}

TEST(Template, NeedsItsFields) {
  const auto made = read_template(kText)->expand(*parse_yaml("add: 5\n"), "");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message(),
            "invalid config for template component: field kind is required");
}

TEST(Template, ChecksInstances) {
  const ComponentSpec spec = read_template(kText)->spec();
  ReadContext context(nullptr);
  spec.lint(*parse_yaml("kind: [a]\nadd: x\ntags: y\nkin: 1\n"), context);
  std::vector<std::string> lines;
  for (const Lint& lint : context.lints()) lines.push_back(lint_line("f", lint));
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "f(1,7) expected string value",
                       "f(2,6) expected int value, got !!str `x`",
                       "f(3,7) expected array value",
                       "f(4,1) field kin not recognised, did you mean kind?",
                   }));
}

TEST(Template, RefusesWhatIsNone) {
  struct Row {
    std::string_view text;
    std::string_view error;
  };
  const Row rows[]{
      {"type: bufer\nname: x\nmapping: root = 1\n",
       "unable to register template for component type bufer"},
      {"type: input\nname: x\nmapping: root = 1\nfields: [{name: a, type: string_enum}]\n",
       "field 0: at least one option must be provided"},
      {"type: input\nname: x\nmapping: root = 1\nfields: [{name: a}]\n",
       "field 0: missing type field"},
  };
  for (const Row& row : rows) {
    std::vector<Lint> lints;
    const auto read = Template::read(row.text, lints);
    ASSERT_FALSE(read) << row.text;
    EXPECT_EQ(read.error().message(), row.error);
  }
}

}  // namespace
}  // namespace tollgate
