// Mappings that would not end, or take all memory: each gives an error soon.

#include <gtest/gtest.h>

#include <string>

#include "bloblang/bloblang.h"
#include "message/message.h"

namespace tollgate {
namespace {

std::string repeat(std::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

/// The error of compiling or running it; "" if there is none.
std::string error_of(const std::string& source) {
  const auto mapping = Mapping::compile(source);
  if (!mapping) return mapping.error().text;
  Batch batch;
  batch.add().set_bytes(R"({"n":1000000000000,"s":"abcdefgh","a":1})");
  Message out = batch[0].copy();
  const MapResult result = mapping->map(batch, 0, out);
  return std::string(result.error);
}

struct Hostile {
  std::string source;
  std::string error;
};

class Limits : public testing::TestWithParam<Hostile> {};

TEST_P(Limits, GiveAnError) {
  EXPECT_NE(error_of(GetParam().source).find(GetParam().error), std::string::npos)
      << error_of(GetParam().source);
}

constexpr int kDeep = 100'000;
const std::string kSharing =
    "root = range(0, 64).fold({}, i -> {\"a\": i.tally, \"b\": i.tally})";
const std::string kDoubling = "root = range(0, 64).fold(\"ab\", i -> ";

INSTANTIATE_TEST_SUITE_P(Nesting, Limits,
                         testing::Values(Hostile{"root = " + repeat("(", kDeep), "too deeply"},
                                         Hostile{"root = " + repeat("[", kDeep), "too deeply"},
                                         Hostile{"root = " + repeat("{\"a\":", kDeep), "too deeply"},
                                         Hostile{"root = " + repeat("_ -> ", kDeep), "too deeply"},
                                         Hostile{"root = " + repeat("this.map(", kDeep), "too deeply"},
                                         Hostile{"root = " + repeat("match { true => ", kDeep),
                                                 "too deeply"},
                                         Hostile{"root = this" + repeat(".(this)", kDeep),
                                                 "too deeply"},
                                         Hostile{"root = this" + repeat(" + this.a", kDeep),
                                                 "too deeply"},
                                         Hostile{repeat("if true {\n", kDeep), "too deeply"},
                                         Hostile{"root = this" + repeat(".a", kDeep), "too long"}));

INSTANTIATE_TEST_SUITE_P(
    Memory, Limits,
    testing::Values(Hostile{"root = range(0, 1000000000000)", "limit"},
                    Hostile{"root = range(0, this.n)", "limit"},
                    Hostile{"root = this.s.repeat(this.n)", "limit"},
                    Hostile{kDoubling + "i.tally + i.tally)", "limit"},
                    Hostile{kDoubling + "[i.tally, i.tally].join(\",\"))", "limit"},
                    Hostile{"root = range(0, 64).fold([1, 2], i -> i.tally.concat(i.tally))",
                            "limit"},
                    Hostile{kSharing + ".format_msgpack()", "too many elements"},
                    Hostile{kSharing + ".format_json()", "too many elements"},
                    Hostile{kSharing + ".sign_jwt_hs256(\"k\")", "too many elements"},
                    Hostile{kSharing + R"(.json_schema("{\"type\":\"string\"}"))", "expected: string"},
                    Hostile{"map m {\n  root = (this + this).apply(\"m\")\n}\nroot = "
                            "\"ab\".apply(\"m\")",
                            "limit"}));

INSTANTIATE_TEST_SUITE_P(
    Time, Limits,
    testing::Values(Hostile{"map m {\n  root = this.apply(\"m\")\n}\nroot = this.apply(\"m\")",
                            "unbounded recursion"},
                    Hostile{"map m {\n  root = if this < 1 { 1 } else { (this - 1).apply(\"m\") + "
                            "(this - 1).apply(\"m\") }\n}\nroot = 60.apply(\"m\")",
                            "too many steps"}));

/// Many statements compile in a moment: their lines are not counted anew for each.
TEST(Limits, ManyStatementsCompile) {
  constexpr int kMany = 30'000;
  EXPECT_TRUE(Mapping::compile(repeat("root.a = 1\n", kMany)));
  EXPECT_TRUE(Mapping::compile(repeat("if false {\n  root.a = 1\n}\n", kMany)));
}

}  // namespace
}  // namespace tollgate
