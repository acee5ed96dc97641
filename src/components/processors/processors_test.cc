#include <gtest/gtest.h>

#include "component/testing.h"
#include "components/manifest.h"

namespace tollgate {
namespace {

Manifest all_components() {
  return {.processors = processors(), .caches = caches(), .rate_limits = rate_limits(),
          .scanners = scanners()};
}

/// "payload" or "payload !error"; batches are separated by " / ", messages by " | ".
std::string print(std::vector<Batch>& batches) {
  std::string text;
  for (Batch& batch : batches) {
    if (!text.empty()) text += " / ";
    bool first = true;
    for (Message& message : batch) {
      if (!first) text += " | ";
      first = false;
      text += message.bytes();
      if (message.error()) text.append(" !").append(message.error()->text);
    }
  }
  return text;
}

constexpr std::string_view kResources = R"(
cache_resources:
  - {label: c, memory: {}}
rate_limit_resources:
  - {label: r, local: {count: 1000}}
processor_resources:
  - {label: up, mapping: 'root = content().uppercase()'}
)";

struct Passage {
  std::vector<Batch> out;
  TransactionResult result;
  bool done = false;
};

/// Runs the processor over the messages and settles what comes out as delivered. The receipts tell
/// whether anything was lost or settled twice.
std::string run(std::string_view yaml, std::initializer_list<std::string_view> messages,
                Passage* details = nullptr) {
  TestBuildContext context(all_components());
  const auto defined = context.define(kResources);
  if (!defined) return "resources: " + std::string(defined.error().message());
  const auto factory = context.processor(yaml);
  if (!factory) return "does not build: " + std::string(factory.error().message());
  const auto processor = (*factory)();
  Passage own;
  Passage& ran = details ? *details : own;
  Batch batch = batch_of(messages);
  add_receipts(batch, [&ran](TransactionResult result) {
    ran.result = std::move(result);
    ran.done = true;
  });
  const auto processed = processor->process(std::move(batch), ran.out);
  EXPECT_TRUE(processed) << yaml;
  std::string text = print(ran.out);
  for (Batch& each : ran.out) each.resolve(Outcome::delivered);
  EXPECT_TRUE(ran.done) << "not all receipts were settled by " << yaml;
  EXPECT_TRUE(ran.result.ok());
  return text;
}

struct Case {
  std::string_view yaml;
  std::vector<std::string_view> messages;
  std::string_view expected;
};

std::string run_case(const Case& each) {
  switch (each.messages.size()) {
    case 0: return run(each.yaml, {});
    case 1: return run(each.yaml, {each.messages[0]});
    case 2: return run(each.yaml, {each.messages[0], each.messages[1]});
    case 3: return run(each.yaml, {each.messages[0], each.messages[1], each.messages[2]});
    default:
      return run(each.yaml,
                 {each.messages[0], each.messages[1], each.messages[2], each.messages[3]});
  }
}

class ProcessorCases : public testing::TestWithParam<Case> {};

TEST_P(ProcessorCases, Process) {
  EXPECT_EQ(run_case(GetParam()), GetParam().expected) << GetParam().yaml;
}

INSTANTIATE_TEST_SUITE_P(Composition, ProcessorCases, testing::ValuesIn(std::vector<Case>{
    {"noop: {}", {"a", "b"}, "a | b"},
    {"processors: [{mapping: 'root = content().uppercase()'}, {split: {}}]", {"a", "b"}, "A / B"},
    {"for_each: [{mapping: 'root = batch_size()'}]", {"a", "b"}, "1 | 1"},
    {"for_each: [{mapping: 'root = deleted()'}]", {"a", "b"}, ""},
    {R"(try:
  - mapping: 'root = if content() == "b" { throw("bad") } else { content() + "1" }'
  - mapping: 'root = content() + "2"')", {"a", "b"},
     "a12 | b !failed assignment (line 1): bad"},
    {R"(processors:
  - mapping: 'root = if content() == "b" { throw("bad") }'
  - catch: [{mapping: 'root = error()'}])", {"a", "b"},
     "a | failed assignment (line 1): bad"},
    {R"(processors:
  - mapping: 'root = throw("bad")'
  - catch: [{mapping: 'root = deleted()'}])", {"a", "b"}, ""},
    {R"(processors:
  - mapping: 'root = throw("bad")'
  - catch: [])", {"a"}, "a"},
    {R"(try_catch:
  processors: [{mapping: 'root = throw("bad")'}]
  catch: [{mapping: 'root = @error.what'}])", {"a"}, "failed assignment (line 1): bad"},
    {"resource: up", {"a"}, "A"},
    {"resource: nope", {"a"}, "does not build: processor resource 'nope' was not found"},
    {"parallel: {processors: [{mapping: 'root = content().uppercase()'}]}", {"a", "b", "c"},
     "A | B | C"},
    {R"(while: {check: 'content().length() < 3', processors: [{mapping: 'root = content() + "x"'}]})",
     {"a"}, "axx"},
    {R"(while: {check: 'true', max_loops: 2, processors: [{mapping: 'root = content() + "x"'}]})",
     {"a"}, "axx"},
    {R"(retry: {max_retries: 2, backoff: {initial_interval: 1ms}, processors: [{mapping: 'root = throw("bad")'}]})",
     {"a"}, "a !failed assignment (line 1): bad"},
    {R"(retry: {parallel: true, processors: [{mapping: 'root = content().uppercase()'}]})",
     {"a", "b"}, "A | B"},
}));

INSTANTIATE_TEST_SUITE_P(Switch, ProcessorCases, testing::ValuesIn(std::vector<Case>{
    {R"(switch:
  - check: this.a > 2
    processors: [{mapping: 'root.three = this.a'}]
  - check: this.a == 1
    processors: [{mapping: 'root.one = batch_size()'}])",
     {R"({"a":1})", R"({"a":2})", R"({"a":3})", R"({"a":"x"})"},
     R"({"one":1} | {"a":2} | {"three":3} | {"a":"x"} !failed assignment (line 1): cannot compare types string (from field `this.a`) and number (from number literal))"},
    {R"(switch:
  - check: content() == "a"
    fallthrough: true
    processors: [{mapping: 'root = content() + "1"'}]
  - check: 'false'
    processors: [{mapping: 'root = content() + "2"'}])", {"b", "a"}, "b | a12"},
    {R"(switch:
  - check: content() == "a"
    continue: true
    processors: [{mapping: 'root = content() + "1"'}]
  - check: content() == "a1"
    processors: [{mapping: 'root = content() + "2"'}])", {"b", "a"}, "b | a12"},
    {R"(switch:
  - check: content() == "a"
    fallthrough: true
    processors: [{noop: {}}])", {"a", "b"}, "a | b"},
    {R"(switch:
  - check: content() == "b"
    processors: [{mapping: root = deleted()}])", {"a", "b", "c"}, "a | c"},
    {R"(switch:
  - check: content().length() == 1
    processors:
      - switch:
          - check: content() == "c"
            processors: [{mapping: 'root = "C"'}]
  - processors: [{mapping: 'root = "long"'}])", {"a", "bb", "c"}, "a | long | C"},
    {R"(switch: [{check: 'true', processors: []}])", {"a"},
     "does not build: line 1: case has no processors, in order to have a no-op case use a `noop` "
     "processor"},
}));

INSTANTIATE_TEST_SUITE_P(Branch, ProcessorCases, testing::ValuesIn(std::vector<Case>{
    {R"(branch:
  request_map: |
    root = if this.a == 2 { deleted() } else { {"v": this.a + 1} }
  processors: [{mutation: 'root.w = if this.v == 4 { throw("bad") } else { 5 }'}]
  result_map: 'root.res = this')",
     {R"({"a":1})", R"({"a":2})", R"({"a":3})", R"({"a":"x"})"},
     R"({"a":1,"res":{"v":2,"w":5}} | {"a":2} | {"a":3} !processors failed: failed assignment (line 1): bad | {"a":"x"} !request mapping failed: failed assignment (line 1): failed to resolve 'v' value: cannot add types string (from field `this.a`) and number (from number literal))"},
    {R"(branch: {processors: [{noop: {}}], result_map: 'root.res = throw("aaa")'})", {R"({"a":1})"},
     R"({"a":1} !result mapping failed: failed assignment (line 1): aaa)"},
    {R"(branch: {processors: [{mapping: root = deleted()}], result_map: 'root.res = this'})",
     {R"({"a":1})"}, R"({"a":1} !child processors resulted in zero messages)"},
    {R"(branch: {processors: [{unarchive: {format: json_array}}]})", {"[1,2,3]"},
     "[1,2,3] !message count from branch processors does not match request, started with 3 "
     "messages, finished with 1"},
    {R"(branch: {processors: [{noop: {}}], result_map: 'root = deleted()'})", {R"({"a":1})"},
     R"({"a":1})"},
    {"branch: {processors: []}", {"a"},
     "does not build: line 1: the branch processor requires at least one child processor"},
}));

INSTANTIATE_TEST_SUITE_P(Archive, ProcessorCases, testing::ValuesIn(std::vector<Case>{
    {"archive: {format: json_array}", {"1.0", R"({"z":2,"b":"<é>"})", "null"},
     R"([1.0,{"b":"<é>","z":2},null])"},
    {"archive: {format: json_array}", {"1", "str"},
     "1 !failed to parse message as JSON: invalid character 's' looking for beginning of value | "
     "str !failed to parse message as JSON: invalid character 's' looking for beginning of value"},
    {"processors: [{mapping: 'root.v = this'}, {archive: {format: json_array}}]", {"1", "2"},
     R"([{"v":1},{"v":2}])"},
    {"processors: [{mapping: 'root = \"str\"'}, {archive: {format: json_array}}]", {"1"},
     "str !failed to parse message as JSON: invalid character 's' looking for beginning of value"},
    {"processors: [{unarchive: {format: json_array}}, {archive: {format: json_array}}]",
     {R"(["str",1.0])"}, R"(["str",1.0])"},
    {"archive: {format: lines}", {"a", "b"}, "a\nb"},
    {"archive: {format: concatenate}", {"a", "b"}, "ab"},
    {"processors: [{archive: {format: binary}}, {unarchive: {format: binary}}]", {"a", "", "cc"},
     "a |  | cc"},
    {"processors: [{archive: {format: tar, path: 'f${! batch_index() }'}}, {unarchive: {format: tar}}, {mapping: 'root = @archive_filename + content()'}]",
     {"a", "bb"}, "f0a | f1bb"},
    {"processors: [{archive: {format: zip, path: 'f${! batch_index() }'}}, {unarchive: {format: zip}}, {mapping: 'root = @archive_filename + content()'}]",
     {"a", "bb"}, "f0a | f1bb"},
    {"unarchive: {format: json_array}", {"1", R"(["str",{"a":[]}])"},
     "1 !failed to parse message into JSON array: invalid type 'json.Number' | \"str\" | {\"a\":[]}"},
    {"unarchive: {format: json_array}", {"[]", "[1]"}, "1"},
    {"processors: [{unarchive: {format: json_map}}, {mapping: 'root = @archive_key'}]",
     {R"({"b":1,"a":2})"}, "a | b"},
    {"unarchive: {format: json_documents}", {R"( {"a":1.0}[2] "x" )"}, R"({"a":1} | [2] | "x")"},
    {"unarchive: {format: lines}", {"a\nb\n"}, "a | b | "},
    {"unarchive: {format: csv}", {"a,b\n1,\"x,\"\"y\"\n"}, R"({"a":"1","b":"x,\"y"})"},
    {"unarchive: {format: 'csv:;'}", {"a;b\n1;2"}, R"({"a":"1","b":"2"})"},
    {"unarchive: {format: csv}", {"a,b\n1"},
     "a,b\n1 !failed to parse message as csv: record on line 2: wrong number of fields"},
    {"unarchive: {format: nope}", {"a"},
     "does not build: line 1: archive format not recognised: nope"},
}));

INSTANTIATE_TEST_SUITE_P(Utility, ProcessorCases, testing::ValuesIn(std::vector<Case>{
    {"split: {size: 2}", {"a", "b", "c"}, "a | b / c"},
    {"split: {size: 0, byte_size: 3}", {"aa", "b", "cc", "dddd"}, "aa | b / cc / dddd"},
    {"select_parts: {parts: [-1, 0, 7, 0]}", {"a", "b", "c"}, "c | a | a"},
    {"select_parts: {parts: [5]}", {"a"}, ""},
    {"insert_part: {content: 'n${! content() }'}", {"a", "b"}, "a | b | na"},
    {"insert_part: {index: 0, content: n}", {"a", "b"}, "n | a | b"},
    {"insert_part: {index: -2, content: n}", {"a", "b"}, "a | n | b"},
    {"bounds_check: {}", {"a", "b"}, "a | b"},
    {"bounds_check: {}", {"a", ""}, ""},
    {"bounds_check: {max_parts: 1}", {"a", "b"}, ""},
    {"json_schema: {schema: '{\"required\":[\"a\"]}'}", {R"({"a":1})", "{}", "x"},
     R"({"a":1} | {} !(root) a is required | x !invalid character 'x' looking for beginning of value)"},
    {"json_schema: {}", {"a"},
     "does not build: failed to load JSON schema definition: either schema or schema_path must be "
     "provided"},
    {"log: {message: 'hello ${! content() }', fields_mapping: 'root.a = 1'}", {"a"}, "a"},
    {"metric: {type: counter, name: n}", {"a"}, "a"},
    {"sleep: {duration: 1us}", {"a"}, "a"},
    {"sleep: {duration: nope}", {"a"}, "a"},
    {"dedupe: {cache: c, key: '${! content() }'}", {"a", "b", "a"}, "a | b"},
    {"dedupe: {cache: c, key: '${! throw(\"x\") }'}", {"a"}, ""},
    {"dedupe: {cache: c, key: '${! throw(\"x\") }', drop_on_err: false}", {"a"},
     "a !key interpolation error: x"},
    {"dedupe: {cache: nope, key: a}", {"a"},
     "does not build: cache resource 'nope' was not found"},
    {"processors: [{cache: {resource: c, operator: set, key: k, value: '${! content() }'}}, {mapping: 'root = \"\"'}, {cache: {resource: c, operator: get, key: k}}]",
     {"a"}, "a"},
    {"cache: {resource: c, operator: get, key: k}", {"a"},
     "a !operator failed for key 'k': key does not exist"},
    {"cache: {resource: c, operator: add, key: k, value: v}", {"a", "b"},
     "a | b !key already exists: k"},
    {"cache: {resource: c, operator: exists, key: k}", {"a"}, "false"},
    {"cached: {cache: c, key: k, processors: [{mapping: 'root = content() + \"1\"'}]}", {"a", "b"},
     "a1 | a1"},
    {"group_by: [{check: 'content() == \"b\"', processors: [{mapping: 'root = \"B\"'}]}]",
     {"a", "b", "c", "b"}, "B | B / a | c"},
    {"group_by_value: {value: '${! content() }'}", {"a", "b", "a"}, "a | a / b"},
    {"rate_limit: {resource: r}", {"a"}, "a"},
    {"processors: [{compress: {algorithm: gzip}}, {decompress: {algorithm: gzip}}]", {"hello"}, "hello"},
    {"processors: [{compress: {algorithm: zlib}}, {decompress: {algorithm: zlib}}]", {"hello"}, "hello"},
    {"processors: [{compress: {algorithm: flate}}, {decompress: {algorithm: flate}}]", {"hello"}, "hello"},
    {"processors: [{compress: {algorithm: lz4}}, {decompress: {algorithm: lz4}}]", {"hello"}, "hello"},
    {"processors: [{compress: {algorithm: snappy}}, {decompress: {algorithm: snappy}}]", {"hello"}, "hello"},
    {"decompress: {algorithm: gzip}", {"hello"}, "hello !unexpected EOF"},
    {"sync_response: {}", {"a"}, "a"},
    {"benchmark: {interval: 0s}", {"a"}, "a"},
    {"string_split: {delimiter: ','}", {"a,,b", ""}, R"(["a","","b"] | [""])"},
    {"string_split: {}", {"a\nb\n"}, R"(["a","b",""])"},
    {"string_split: {delimiter: ',', empty_as_null: true}", {"a,,b"}, R"(["a",null,"b"])"},
    {"string_split: {delimiter: ',', emit_bytes: true}", {"a,b"}, R"(["YQ==","Yg=="])"},
    {"string_split: {delimiter: ''}", {"aé", ""}, R"(["a","é"] | [])"},
    {"xml: {operator: to_json}", {"<r a='1'><n>5</n></r>"}, R"({"r":{"-a":"1","n":"5"}})"},
    {"xml: {operator: to_json, cast: true}", {"<r a='1'><n>5</n></r>"},
     R"({"r":{"-a":1,"n":5}})"},
    {"processors: [{msgpack: {operator: from_json}}, {msgpack: {operator: to_json}}]",
     {R"({"a":[1,"x",null,true]})"}, R"({"a":[1,"x",null,true]})"},
    {"processors: [{msgpack: {operator: from_json}}, {msgpack: {operator: to_json}}]", {R"("s")"},
     R"("s")"},
    {"msgpack: {operator: to_json}", {""}, " !converting MsgPack document to JSON: EOF"},
    {"msgpack: {operator: from_json}", {"", "nope"},
     " !parsing message as JSON: target message part does not exist | "
     "nope !parsing message as JSON: invalid character 'o' in literal null (expecting 'u')"},
    {"command: {name: cat}", {"a", ""}, "a | "},
    {"command: {name: tr, args_mapping: '[\"a\", this.to]'}", {R"({"to":"b"})"}, R"({"to":"b"})"},
    {"command: {name: sh, args_mapping: '[\"-c\", \"echo no >&2; exit 3\"]'}", {"a"},
     "a !execution error: exit status 3: no\n"},
    {"command: {name: sh, args_mapping: '[\"-c\", \"kill -9 $$\"]'}", {"a"},
     "a !execution error: signal: killed: "},
    {"command: {name: no-such-program}", {"a"},
     "a !execution error: exec: \"no-such-program\": executable file not found in $PATH: "},
    {"command: {name: cat, args_mapping: '5'}", {"a"},
     "a !args mapping result error: expected array value, got number"},
    {"archive: {format: json_array}", {""},
     " !failed to parse message as JSON: target message part does not exist"},
    {"unarchive: {format: json_array}", {R"({"b":1, "a":2})"},
     R"({"a":2,"b":1} !failed to parse message into JSON array: invalid type )"
     R"('map[string]interface {}')"},
    {"branch: {request_map: 'root = [1,2]', processors: [unarchive: {format: json_array}]}", {"{}"},
     "{} !message count from branch processors does not match request, started with 2 messages, "
     "finished with 1"},
}));

TEST(Processors, ArchiveKeepsTheFirstMessagesIdentityAndCountsAll) {
  Passage ran;
  EXPECT_EQ(run("archive: {format: lines}", {"a", "b", "c"}, &ran), "a\nb\nc");
  EXPECT_EQ(ran.out[0][0].collapsed, 3u);
  EXPECT_EQ(ran.out[0][0].identity.low, 1u);
  EXPECT_EQ(ran.result.count[static_cast<std::size_t>(Outcome::delivered)], 3u);
}

TEST(Processors, ChildrenOfAMessageHaveIdentitiesOfTheirOwn) {
  Passage ran;
  run("unarchive: {format: json_array}", {"[1,2]"}, &ran);
  EXPECT_NE(ran.out[0][0].identity.low, ran.out[0][1].identity.low);
  EXPECT_EQ(ran.result.records, 1u);
}

TEST(Processors, RemovedMessagesAreFiltered) {
  Passage ran;
  run("select_parts: {parts: [0]}", {"a", "b"}, &ran);
  EXPECT_EQ(ran.result.count[static_cast<std::size_t>(Outcome::filtered)], 1u);
  EXPECT_EQ(ran.result.count[static_cast<std::size_t>(Outcome::delivered)], 1u);
}

TEST(Processors, BatchProcessorsNameThemselvesAsTheSourceOfErrors) {
  Passage ran;
  run("{label: foo, cache: {resource: c, operator: get, key: k}}", {"a"}, &ran);
  const MessageError* error = ran.out[0][0].error();
  ASSERT_TRUE(error && error->has_source);
  EXPECT_EQ(error->source_name, "cache");
  EXPECT_EQ(error->source_label, "foo");
  EXPECT_EQ(error->source_path, "processor");
}

TEST(Processors, MetricsCountByLabel) {
  TestBuildContext context(all_components());
  const auto factory = context.processor(
      "{label: m, metric: {type: counter_by, name: n, labels: {l: '${! content() }'}, value: '2'}}");
  ASSERT_TRUE(factory) << factory.error().message();
  std::vector<Batch> out;
  ASSERT_TRUE((*factory)()->process(batch_of({"a", "b", "a"}), out));
  const auto value = [&](std::string_view l) {
    return context.metrics()
        .counter("n", {{"l", std::string(l)}, {"label", "m"}, {"path", "root.processor"}})
        .value();
  };
  EXPECT_EQ(value("a"), 4);
  EXPECT_EQ(value("b"), 2);
}

}  // namespace
}  // namespace tollgate
