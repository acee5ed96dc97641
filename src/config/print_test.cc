#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/component_docs.h"
#include "config/create.h"
#include "config/listing.h"
#include "config/normalise.h"
#include "config/sample_components.h"
#include "config/set_path.h"

namespace tollgate {
namespace {

using testing::HasSubstr;

std::string echo_of(std::string_view yaml, std::string_view from, std::string_view to) {
  const auto root = parse_yaml(yaml);
  if (!root) return std::string(root.error().message());
  const auto normal = normalise_config(*root, sample_catalogue());
  if (!normal) return std::string(normal.error().message());
  const std::string text = print_yaml(*normal);
  const std::size_t begin = text.find(from);
  return text.substr(begin, text.find(to) - begin);
}

TEST(Echo, PrintsTheServiceWithDefaults) {
  EXPECT_EQ(echo_of("http: {address: x}\npipeline:\n  threads: 4\n", "", "zzz"), R"(http:
  enabled: true
  address: x
  root_path: /benthos
  debug_endpoints: false
  cert_file: ""
  key_file: ""
  cors:
    enabled: false
    allowed_origins: []
  basic_auth:
    enabled: false
    realm: restricted
    username: ""
    password_hash: ""
    algorithm: sha256
    salt: ""
)"
            R"(input:
  stdin: {}
buffer:
  none: {}
pipeline:
  threads: 4
  processors: []
output:
  stdout: {}
input_resources: []
processor_resources: []
output_resources: []
cache_resources: []
rate_limit_resources: []
logger:
  level: INFO
  format: logfmt
  add_timestamp: true
  level_name: level
  timestamp_name: time
  message_name: msg
  static_fields:
    '@service': benthos
  file:
    path: ""
    rotate: false
    rotate_max_age_days: 0
metrics:
  prometheus: {}
  mapping: ""
tracer:
  none: {}
shutdown_delay: 0s
shutdown_timeout: 20s
error_handling:
  strict: false
tests: []
parallel: true
)");
}

TEST(Echo, OrdersAndScrubsComponents) {
  EXPECT_EQ(echo_of(R"(
input:
  type: generate
  generate: {interval: 1s, count: 3, mapping: 'root = 1'}
  label: foo # comment
  processors: [ {mapping: 'root = "x"'} ]
pipeline:
  processors:
    - mapping: |
        root = this

        # more
        root.a = 1
    - label: bar
      noop: {}
      meta: {a: b}
    - log:
        message: "a\nb"
        zzz: 4
        level: INFO
output:
  http_client:
    url: 'x'
    oauth2: {client_secret: foo, enabled: true}
)",
                    "input:", "input_res"),
            R"(input:
  label: foo
  generate: {mapping: 'root = 1', interval: 1s, count: 3}
  processors: [{mapping: 'root = "x"'}]
buffer:
  none: {}
pipeline:
  threads: -1
  processors:
    - mapping: |
        root = this

        # more
        root.a = 1
    - label: bar
      noop: {}
      meta: {a: b}
    - log:
        level: INFO
        message: "a\nb"
output:
  http_client:
    url: 'x'
    oauth2: {enabled: true, client_secret: '!!!SECRET_SCRUBBED!!!'}
)");
}

TEST(Echo, MovesAnAdoptedChildInside) {
  EXPECT_EQ(echo_of("output:\n  label: 'x'\n  drop_on:\n    error: false\n"
                    "  output:\n    drop: {}\n",
                    "output:", "input_res"),
            "output:\n  label: 'x'\n  drop_on:\n    error: false\n    output:\n      drop: {}\n");
  EXPECT_EQ(echo_of("output: {type: bogus}\n", "", "zzz"),
            "(1,16) output type 'bogus' was not recognised");
}

TEST(Create, PrintsSamples) {
  const auto small =
      create_config("generate/mapping,archive/drop_on,drop", true, sample_catalogue());
  ASSERT_TRUE(small);
  EXPECT_EQ(*small, R"(input:
  generate:
    mapping: "" # No default (required)
    interval: 1s
    count: 0
    auto_replay_nacks: true
buffer:
  none: {}
pipeline:
  threads: -1
  processors:
    - mapping: "" # No default (required)
    - archive:
        format: "" # No default (required)
        path: ""
output:
  broker:
    outputs:
      - drop_on:
          error: false
          error_patterns: [] # No default (optional)
          back_pressure: "" # No default (optional)
          output: null # No default (required)
      - drop: {}
)");
  const auto client = create_config("//http_client", false, sample_catalogue());
  ASSERT_TRUE(client);
  EXPECT_THAT(*client, HasSubstr("      period: \"\"\n"));
  EXPECT_THAT(*client, Not(HasSubstr("own:"))) << "a field that only this program knows";
  const auto full = create_config("", false, sample_catalogue());
  ASSERT_TRUE(full);
  EXPECT_THAT(*full, HasSubstr("http:\n  enabled: true\n"));
  EXPECT_THAT(*full, Not(HasSubstr("parallel")));
  EXPECT_EQ(create_config("foo/", true, sample_catalogue()).error().message(),
            "unrecognised input type 'foo'");
  EXPECT_EQ(create_config("a/b/c/d", true, sample_catalogue()).error().message(),
            "more component separators than expected");
}

TEST(List, PrintsNames) {
  const auto lists = list_components(sample_catalogue());
  EXPECT_THAT(print_list_text(lists),
              HasSubstr("Inputs:\n  - generate\n  - resource\n  - stdin\n\nProcessors:\n"));
  EXPECT_EQ(print_list_json({lists.back(), lists[5]}), R"({"scanners":[],"buffers":["none"]})");
  EXPECT_THAT(print_full_json(sample_catalogue(), "1"),
              HasSubstr(R"({"name":"client_secret","type":"string","kind":"scalar",)"
                        R"("description":"The secret.","is_secret":true,"default":""})"));
  EXPECT_THAT(print_full_json(sample_catalogue(), "1", true),
              HasSubstr(R"({"status":"stable","name":"uuid_v5","params":{"named":[{"name":"ns",)"
                        R"("type":"string","no_dynamic":false,"scalars_to_literal":false,)"));
  const auto schema = parse_yaml(print_json_schema(sample_catalogue()));
  ASSERT_TRUE(schema);
  const Node drop_on = (*schema)["definitions"]["output"]["properties"]["drop_on"];
  EXPECT_EQ(drop_on["properties"]["output"]["$ref"].text(), "#/definitions/output");
  EXPECT_EQ(drop_on["required"].items().size(), 1);
}

TEST(Docs, DescribeAComponent) {
  const auto* spec = sample_catalogue().find(ComponentKind::output, "http_client");
  const std::string page = component_page(*spec);
  EXPECT_THAT(page, testing::StartsWith("# http_client (output)\n\nA component.\n"));
  EXPECT_THAT(page, HasSubstr("| `oauth2.client_secret` | `string` | `\"\"` | secret |\n"));
  EXPECT_THAT(page, HasSubstr("### `url`\n\nWhere to.\n\nType: `string`; required; may hold "));
}

TEST(SetPath, SplitsAtCommasBeforeAPath) {
  EXPECT_THAT(split_set_expressions({"a.b=1,c=[x,y],d-1=,e", "f={g: 1, h=2}"}),
              testing::ElementsAre("a.b=1", "c=[x,y]", "d-1=,e", "f={g: 1, h=2}"));
}

TEST(SetPath, ChangesOneValue) {
  struct Row {
    std::string_view expression;
    std::string_view out;
  };
  const Row rows[]{
      {"a.b=5", "a:\n  b: 5\nl:\n  - x\n"},
      {"l.0=y", "a:\n  b: 1\nl:\n  - y\n"},
      {"l.1=y", "failed to set config field override: l.1: target index greater than array length"},
      {"l.-={z: 1}", "a:\n  b: 1\nl:\n  - x\n  - {z: 1}\n"},
      {"q.m=true", "a:\n  b: 1\nl:\n  - x\nq:\n  m: true\n"},
      {"l.5=1", "failed to set config field override: l.5: target index greater than array length"},
      {"a.b.c=1", "failed to set config field override: a.b.c: the value above it is neither an "
                  "object nor a list"},
      {"=x", "invalid set expression '=x': expected foo=bar syntax"},
      {"a=", "invalid set expression 'a=': expected foo=bar syntax"},
      {"a=[1", "invalid set expression 'a=[1': yaml: line 1: did not find expected ',' or ']'"},
  };
  const auto root = parse_yaml("a:\n  b: 1\nl:\n  - x\n");
  for (const Row& row : rows) {
    const auto changed = set_by_expression(*root, row.expression);
    EXPECT_EQ(changed ? print_yaml(*changed) : std::string(changed.error().message()), row.out)
        << row.expression;
  }
}

}  // namespace
}  // namespace tollgate
