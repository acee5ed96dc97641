// The language end to end: what mappings give, how they fail, and what they refuse to compile to.
// The corpus in tests/bloblang is wider; these rows are the ones to read.

#include "bloblang/bloblang.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "bloblang/functions/catalogue.h"
#include "value/json.h"

namespace tollgate {
namespace {

struct Ran {
  Mapped what = Mapped::failed;
  std::string text;  // payload or error
  std::string metadata;

  bool operator==(const Ran&) const = default;
};

std::string json_of(Value value, Arena& arena) {
  std::string text;
  append_json(text, value, arena);
  return text;
}

Message& add_message(Batch& batch, std::string_view payload) {
  Message& message = batch.add();
  message.set_bytes(batch.arena().copy(payload));
  return message;
}

constexpr Identity kIdentity{1, 2, true};

Ran result_of(const MapResult& mapped, Message& out) {
  Ran ran{mapped.what, std::string(mapped.error), {}};
  if (mapped.what == Mapped::replaced || mapped.what == Mapped::unchanged) ran.text = out.bytes();
  if (out.metadata()) {
    ran.metadata = json_of(Value::object(const_cast<Object*>(out.metadata())), out.memory().arena);
  }
  return ran;
}

Ran map(const Mapping& mapping, std::string_view input) {
  Batch batch;
  add_message(batch, input).set_metadata("topic", Value::string("in"));
  batch[0].identity = kIdentity;
  Message out = batch[0].copy();
  return result_of(mapping.map(batch, 0, out), out);
}

Ran mutate(const Mapping& mapping, std::string_view input) {
  Batch batch;
  add_message(batch, input).set_metadata("topic", Value::string("in"));
  return result_of(mapping.mutate(batch, 0), batch[0]);
}

/// Everything of the run but what encode() keeps is gone when the result is looked at.
Ran encode(const Mapping& mapping, std::string_view input) {
  Batch batch;
  Message& message = add_message(batch, input);
  message.set_metadata("topic", Value::string("in"));
  message.identity = kIdentity;
  MapResult mapped;
  std::string error;
  {
    Arena scratch;
    mapped = mapping.encode(batch, 0, scratch);
    error = mapped.error;
  }
  mapped.error = error;
  return result_of(mapped, message);
}

Mapping compile(std::string_view source) {
  auto mapping = Mapping::compile(source);
  EXPECT_TRUE(mapping) << source << "\n" << (mapping ? "" : mapping.error().with_caret(source));
  return mapping ? std::move(*mapping) : *Mapping::compile("root = this");
}

// Results -----------------------------------------------------------------------------------------

struct Row {
  std::string_view mapping;
  std::string_view input;
  std::string_view output;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.mapping; }

class Results : public testing::TestWithParam<Row> {};

TEST_P(Results, Match) {
  const Row& row = GetParam();
  const Ran ran = map(compile(row.mapping), row.input);
  EXPECT_NE(ran.what, Mapped::failed) << ran.text;
  EXPECT_EQ(ran.text, row.output);
  EXPECT_EQ(encode(compile(row.mapping), row.input), ran);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, Results,
    testing::Values(
        Row{.mapping = "root = this", .input = R"({"b":1.0,"a":[1e3,null]})",
            .output = R"({"a":[1e3,null],"b":1.0})"},
        Row{.mapping = "this.a.b", .input = R"({"a":{"b":"bare"}})", .output = "bare"},
        Row{.mapping = "root.a.b.c = 1\nroot.a.d = 2", .input = "{}",
            .output = R"({"a":{"b":{"c":1},"d":2}})"},
        Row{.mapping = "a = 1\nthis.b = 2\nroot.\"x.y\".z = 3", .input = "{}",
            .output = R"({"a":1,"this":{"b":2},"x.y":{"z":3}})"},
        Row{.mapping = "root.a = [1]\nroot.a.\"-\" = 2\nroot.a.0 = 0", .input = "{}",
            .output = R"({"a":[0,2]})"},
        Row{.mapping = "root.v = 1 + 2 * 3 - 4 / 2", .input = "{}", .output = R"({"v":5})"},
        Row{.mapping = "root.v = this.a + 1 | \"none\"", .input = "{\"a\":1}",
            .output = R"({"v":2})"},
        Row{.mapping = "root = true || true && false", .input = "{}", .output = "false"},
        Row{.mapping = "root = [true == 1, 1 == true, 1 == 1.0, \"a\" < \"b\"]", .input = "{}",
            .output = "[true,false,true,true]"},
        Row{.mapping = "root = -this.a", .input = "{\"a\":5}", .output = "-5"},
        Row{.mapping = "root = this.a.(b -> [b, this.c])", .input = R"({"a":1,"c":2})",
            .output = "[1,2]"},
        Row{.mapping = "root = match this.k {\n  \"a\" => 1\n  this > \"b\" => 2,\n  _ => 3\n}",
            .input = R"({"k":"c"})", .output = "2"},
        Row{.mapping = "root.v = if this.n { 1 } else if this.n == null { 2 } else { 3 }",
            .input = "{}", .output = R"({"v":2})"},
        Row{.mapping = "if this.a == 1 {\n  root.one = true\n} else {\n  root.one = false\n}",
            .input = "{\"a\":1}", .output = R"({"one":true})"},
        Row{.mapping = "root = {\"b\": this.x, \"a\": deleted(), (this.k): [nothing(), 1]}",
            .input = R"({"k":"c","x":2})", .output = R"({"b":2,"c":[1]})"},
        Row{.mapping = "map m {\n  let x = this * 2\n  root.v = $x\n}\nroot = 4.apply(\"m\")",
            .input = "{}", .output = R"({"v":8})"},
        Row{.mapping = "let a = {\"x\": 1}\nroot = $a\nroot.x = 2\nroot.before = $a",
            .input = "{}", .output = R"({"before":{"x":1},"x":2})"},
        Row{.mapping = "root.a.b = 1\nroot.c = root.a\nroot.a.b = 2", .input = "{}",
            .output = R"({"a":{"b":2},"c":{"b":1}})"},
        Row{.mapping = "root = \"\"\"raw \"text\"\\n\"\"\" # with a comment\n", .input = "{}",
            .output = "raw \"text\"\\n"},
        Row{.mapping = "root.a = 1\r\nroot.b = [\r\n  2,\r\n]\r\n", .input = "{}",
            .output = R"({"a":1,"b":[2]})"}));

TEST(Mapping, ThePagesMapping) {
  const Mapping mapping = compile(R"(root = {
  "id": uuid_v4(),
  "specversion": "1.0",
  "type": "api-calls",
  "subject": this.record.attributes.subject,
  "data": {
    "method": this.record.attributes.method,
    "duration_ms": this.record.attributes.duration,
  },
})");
  Batch batch;
  add_message(batch, R"({"record":{"attributes":{"subject":"s","method":"GET","duration":7}}})");
  batch[0].identity = {1, 2, true};
  std::string first;
  for (int i = 0; i < 2; ++i) {
    Message out = batch[0].copy();
    ASSERT_EQ(mapping.map(batch, 0, out).what, Mapped::replaced);
    const std::string text(out.bytes());
    EXPECT_TRUE(text.starts_with(R"({"data":{"duration_ms":7,"method":"GET"},"id":")")) << text;
    EXPECT_TRUE(text.ends_with(
        R"(","specversion":"1.0","subject":"s","type":"api-calls"})")) << text;
    if (i == 0) first = text;
    EXPECT_EQ(text, first) << "the same message draws the same ids";
    EXPECT_EQ(out.draws, 1u);
  }
}

TEST(Mapping, DropsAndKeepsMessages) {
  EXPECT_EQ(map(compile("root = deleted()"), "{}").what, Mapped::deleted);
  const Ran kept = map(compile("meta x = 1"), "not json");
  EXPECT_EQ(kept.what, Mapped::unchanged);
  EXPECT_EQ(kept.text, "not json");
  EXPECT_EQ(kept.metadata, R"({"topic":"in","x":1})");
}

TEST(Mapping, MetadataIsReadAsItWasAndAsItIs) {
  const Ran ran = map(
      compile("meta topic = \"out\"\nmeta n = 5\n"
              "root = [@topic, metadata(\"topic\"), @, meta(\"n\")]"),
      "{}");
  EXPECT_EQ(ran.text, R"(["out","in",{"n":5,"topic":"out"},null])");
  EXPECT_EQ(map(compile("meta = deleted()\nroot = @"), "{}").text, "{}");
}

TEST(Mapping, EncodeLeavesWhatMapLeaves) {
  const std::string_view mappings[] = {
      "root = deleted()",
      "meta x = this.a",
      "meta x = this.a\nroot = {\"b\": this.a, \"c<d\": [@topic, metadata(\"x\")]}",
      "root = content().uppercase()",
      "root = this.a.string()",
      "root = json(\"a\")\nmeta y = json(\"a\")",
      "root.n = \"nan\".number()",
      "root = this.nope.uppercase()",
      "root = {\"a\": 1}\nroot.\"<b>\" = this.a",
      "root.a = uuid_v4()\nroot.b = this",
      "root.a = this.a\nroot.size = content().length()\nroot.raw = content().string()",
  };
  for (const auto text : mappings) {
    for (const std::string_view input : {R"({"z": 1, "a": ["one",{"two":2}] })", "not json", ""}) {
      const Mapping mapping = compile(text);
      EXPECT_EQ(encode(mapping, input), map(mapping, input)) << text << " over " << input;
    }
  }
}

TEST(Mapping, AnEventIsPrintedAsItsValuesCome) {
  const char* const mappings[] = {
      R"(root = {"b": this.a, "a": "x<y\"z", "c": {"e": this.b, "d": {"f": [1, 2.50], "g": this.a}}})",
      R"(root = {"a": this.a, "b": {"c": this.missing.string()}})",       // an error within
      R"(root = {"a": this.a.number(), "b": {"c": this.b.number()}})",    // one or two of them
      R"(root = {"a": if this.a == 1 { deleted() }, "b": {"c": if this.b == 2 { deleted() }}})",
      R"(root = {"a": deleted(), "b": this.a})",
      R"(root = {"a": this.a, "a": this.b})",
      R"(root = {"a": {}, "b": [], "c": {"d": {"e": this.a}}})",
      R"(root = {"a": (this.a / 0).catch("none"), "b": {this.b.string(): 1}})",
      R"(root = {"a": this.a.(x -> {"b": x, "c": {"d": root_meta("m")}})})",
      "root = {\"count\": count(\"printed\") - count(\"printed\"), \"a\": counter(), \"id\": uuid_v4()}",
      "root.a.b = this.a\nroot.a.c = this.b\nroot.d = {\"e\": this.a}",
      "root.a.b = this.a\nroot.c = if this.b == 2 { nothing() } else { this.b }",
      "root = this.a\nmeta m = \"x\"\nroot = {\"a\": root_meta(\"m\"), \"b\": this.b}",
      "map m { root = {\"x\": this} }\nroot = {\"a\": this.a.apply(\"m\")}",
  };
  for (const std::string text : mappings) {
    for (const auto* input : {R"({"a":1,"b":2})", R"({"a":"t","b":{"c":[null]}})", R"({"b":1e3})"}) {
      // Compiled twice: counters of one program go on.
      EXPECT_EQ(encode(compile(text), input), map(compile(text), input)) << text << " over " << input;
    }
  }
}

TEST(Mapping, RecursionAsDeepAsIsAllowedSucceeds) {
  const Mapping mapping = compile(R"(map down {
  root = if this == 0 { "bottom" } else { [(this - 1).apply("down")].(this.0) }
}
root = this.n.apply("down"))");
  EXPECT_EQ(map(mapping, R"({"n":4999})").text, "bottom");
  EXPECT_EQ(map(mapping, R"({"n":5000})").what, Mapped::failed);
}

TEST(Mutation, SeesItsOwnEditsAndKeepsThemOnFailure) {
  EXPECT_EQ(mutate(compile("root.a = 2\nroot.b = this.a"), R"({"a":1})").text, R"({"a":2,"b":2})");
  EXPECT_EQ(mutate(compile("root = {\"n\": this.a}\nroot.m = this.a"), R"({"a":1})").text,
            R"({"m":1,"n":1})");
  Batch batch;
  add_message(batch, R"({"a":1})");
  const Mapping failing = compile("root.b = 2\nmeta m = 1\nroot.c = throw(\"no\")");
  const MapResult failed = failing.mutate(batch, 0);
  EXPECT_EQ(failed.error, "failed assignment (line 3): no");
  EXPECT_EQ(batch[0].bytes(), R"({"a":1,"b":2})");
  EXPECT_TRUE(batch[0].metadata("m"));
}

TEST(Overlay, WritesTheTargetAndReadsTheSource) {
  Batch source, target;
  add_message(source, R"({"r":{"deep":[1]}})").set_metadata("k", Value::string("source"));
  add_message(target, R"({"a":1})").set_metadata("k", Value::string("target"));
  const Mapping mapping = compile("root.r = this.r\nroot.k = [metadata(\"k\"), @k]");
  EXPECT_EQ(mapping.overlay(source, 0, target[0]).what, Mapped::replaced);
  source = Batch();
  EXPECT_EQ(target[0].bytes(), R"({"a":1,"k":["source","target"],"r":{"deep":[1]}})");
}

TEST(Query, GivesValuesAndConditions) {
  Batch batch;
  add_message(batch, R"({"a":5})");
  add_message(batch, R"({"a":6})");
  Arena scratch;
  EXPECT_EQ(compile("this.a + json(\"a\").from(1)").query(batch, 0, scratch).as_int64(), 11);
  EXPECT_EQ(compile("json(\"a\").from_all()").query(batch, 0, scratch).as_array().size, 2u);
  EXPECT_TRUE(compile("this.a > 4").check(batch, 0, scratch).value());
  EXPECT_EQ(compile("this.a").check(batch, 0, scratch).error().message(),
            "expected bool value, got number from mapping (5)");
  EXPECT_EQ(compile("this + 1").query(Value::int64(1), scratch).as_int64(), 2);
}

// Errors ------------------------------------------------------------------------------------------

class Failures : public testing::TestWithParam<Row> {};

TEST_P(Failures, Match) {
  const Row& row = GetParam();
  const Ran ran = map(compile(row.mapping), row.input);
  EXPECT_EQ(ran.what, Mapped::failed);
  EXPECT_EQ(ran.text, row.output);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Failures,
    testing::Values(
        Row{.mapping = "root.a = 1\nroot.b = this.s - 1", .input = R"({"s":"x"})",
            .output = "failed assignment (line 2): cannot subtract types string (from field "
                      "`this.s`) and number (from number literal)"},
        Row{.mapping = "root = !this.a.b", .input = R"({"a":{"b":5}})",
            .output = "failed assignment (line 1): expected bool value, got number from field "
                      "`this.a.b` (5)"},
        Row{.mapping = "root = this.a", .input = "nope",
            .output = "failed assignment (line 1): unable to reference message as structured (with "
                      "'this.a'): parse as json: invalid character 'o' in literal null (expecting "
                      "'u')"},
        Row{.mapping = "root = this", .input = "",
            .output = "failed assignment (line 1): unable to reference message as structured (with "
                      "'this'): message is empty"},
        Row{.mapping = "root = \"x\"\nroot.a = 1", .input = "{}",
            .output = "failed assignment (line 2): unable to set target path a as the value of the "
                      "root was a non-object type (string)"},
        Row{.mapping = "map m {\n  root = this.not_null()\n}\nroot.a = null.apply(\"m\")",
            .input = "{}",
            .output = "failed assignment (line 4): failed assignment (line 2): field `this`: value "
                      "is null"},
        Row{.mapping = "root = {\"k\": $nope}", .input = "{}",
            .output = "failed assignment (line 1): failed to resolve 'k' value: variable 'nope' "
                      "undefined"},
        Row{.mapping = "map m {\n  root = this.apply(\"m\")\n}\nroot = 1.apply(\"m\")",
            .input = "{}",
            .output = "failed assignment (line 4): failed assignment (line 2): entering map m "
                      "exceeded maximum allowed stacks of 5000, this could be due to unbounded "
                      "recursion"}));

// Diagnostics -------------------------------------------------------------------------------------

struct Refusal {
  std::string_view mapping;
  std::string_view caret;
};

void PrintTo(const Refusal& row, std::ostream* out) { *out << row.mapping; }

class Refusals : public testing::TestWithParam<Refusal> {};

TEST_P(Refusals, Match) {
  const Refusal& row = GetParam();
  const auto mapping = Mapping::compile(row.mapping);
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().with_caret(row.mapping), row.caret);
}

INSTANTIATE_TEST_SUITE_P(
    Places, Refusals,
    testing::Values(
        Refusal{.mapping = "root = ",
                .caret = "line 1 char 8: expected query\n  |\n1 | root = \n  |        ^---"},
        Refusal{.mapping = "root.a = 1\nroot.b = foo(",
                .caret = "line 2 char 14: required: expected function argument\n  |\n2 | root.b = "
                         "foo(\n  |              ^---"},
        Refusal{.mapping = "root = nope()",
                .caret = "line 1 char 14: unrecognised function 'nope'\n  |\n1 | root = nope()\n  | "
                         "             ^---"},
        Refusal{.mapping = "root = 5 / 0",
                .caret = "line 1 char 8: number literal: attempted to divide by zero\n  |\n1 | root "
                         "= 5 / 0\n  |        ^---"},
        Refusal{.mapping = "root = this.(a -> this.(a -> a))",
                .caret = "line 1 char 25: context label `a` would shadow a parent context\n  |\n1 | "
                         "root = this.(a -> this.(a -> a))\n  |                         ^---"},
        Refusal{.mapping = "root = range(0, 10, step: 2)",
                .caret = "line 1 char 29: cannot mix named and nameless arguments\n  |\n1 | root = "
                         "range(0, 10, step: 2)\n  |                             ^---"}));

TEST(Refusals, DeepNestingIsRefusedNotFollowed) {
  for (const std::string_view opening : {"(", "[", "!(", "-(", "if true { ", "this.("}) {
    std::string source = "root = ";
    for (int i = 0; i < 100'000; ++i) source += opening;
    EXPECT_FALSE(Mapping::compile(source)) << opening;
  }
  for (const std::string_view link : {".string()", ".a", ".0.(this)", " + this"}) {
    std::string chain = "root = this";
    for (int i = 0; i < 20'000; ++i) chain += link;
    EXPECT_FALSE(Mapping::compile(chain)) << link;
  }
  std::string target = "root";
  for (int i = 0; i < 20'000; ++i) target += ".a";
  EXPECT_FALSE(Mapping::compile(target + " = 1"));
}

// Strings with queries ----------------------------------------------------------------------------

TEST(Interpolated, ReplacesItsQueries) {
  Batch batch;
  add_message(batch, R"({"a":1000000.0,"o":{"x":"<"}})").set_metadata("k", Value::string("v"));
  Arena scratch;
  const auto value = [&](std::string_view text) {
    const auto compiled = Interpolated::compile(text);
    return compiled ? std::string(compiled->eval(batch, 0, scratch).value())
                    : compiled.error().one_line();
  };
  EXPECT_EQ(value("a ${! @k } b ${!this.a.number()}$"), "a v b 1e+06$");
  EXPECT_EQ(value("${! this.o } ${{! this.o }}"), R"({"x":"\u003c"} ${! this.o })");
  EXPECT_EQ(value("costs $5 ${HOME}"), "costs $5 ${HOME}");
  EXPECT_EQ(value("${! this.a"), "line 1 char 11: required: expected end of expression");
  EXPECT_TRUE(Interpolated::compile("${{! x }} $")->is_static());
  EXPECT_EQ(Interpolated::compile("${{! x }} $")->text(), "${! x } $");
  const auto failing = Interpolated::compile("${! this.a.b.not_null() }");
  EXPECT_EQ(failing->eval(batch, 0, scratch).error().message(),
            "field `this.a.b`: value is null");
}

// Programs are shared -----------------------------------------------------------------------------

TEST(Mapping, CountersCountForAllThreads) {
  const Mapping mapping = compile("root = counter()");
  constexpr int kThreads = 4, kCalls = 500;
  std::vector<std::vector<std::string>> seen(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) seen[t].push_back(map(mapping, "{}").text);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& texts : seen) all.insert(texts.begin(), texts.end());
  EXPECT_EQ(all.size(), kThreads * kCalls);
}

// Documentation -----------------------------------------------------------------------------------

std::string shown(const Ran& ran) {
  return ran.what == Mapped::deleted ? std::string(bloblang::Example::kDeleted) : ran.text;
}

/// An example's methods may be in categories that are not part of this build.
void check_examples(const bloblang::Function& entry) {
  for (const bloblang::Example& example : entry.examples) {
    if (example.mapping.empty()) return;
    if (example.is_random) continue;  // it may need the machine to compile, as file() does
    const Mapping mapping = compile(example.mapping);
    for (const auto& row : example.cases) {
      if (row.input.empty()) break;
      const Ran ran = map(mapping, row.input);
      const auto expected = row.error.empty() ? row.output : row.error;
      EXPECT_EQ(ran.what == Mapped::failed, !row.error.empty()) << entry.name << ": " << ran.text;
      EXPECT_EQ(shown(ran), expected) << entry.name << " on " << row.input;
    }
  }
}

TEST(Catalogue, ExamplesAreTrue) {
  for (const bloblang::Function* entry : bloblang::all_functions()) check_examples(*entry);
  for (const bloblang::Function* entry : bloblang::all_methods()) check_examples(*entry);
}

TEST(Catalogue, EntriesAreDescribed) {
  std::set<std::string_view> names;
  for (const bloblang::Function* entry : bloblang::all_functions()) {
    EXPECT_TRUE(names.insert(entry->name).second) << entry->name;
    EXPECT_FALSE(entry->description.empty()) << entry->name;
    EXPECT_TRUE(entry->call) << entry->name;
  }
}

}  // namespace
}  // namespace tollgate
