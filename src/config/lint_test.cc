#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config/sample_components.h"

namespace tollgate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> lints_of(std::string_view yaml, LintOptions options = {}) {
  options.catalogue = &sample_catalogue();
  options.environment = [](std::string_view) { return std::nullopt; };
  const ConfigFile file = read_config_text("f", yaml, service_schema(), options);
  std::vector<std::string> lines;
  for (const Lint& lint : file.lints) {
    const bool warning = lint.level == Lint::Level::warning;
    lines.push_back(lint_line("f", lint) + (warning ? " (warning)" : ""));
  }
  return lines;
}

TEST(Lint, FindsEverythingAtOnce) {
  EXPECT_THAT(lints_of(R"(input:
  generate: {countt: 3, mapping: "root = 1"}
pipeline:
  processors:
    - log: {messagee: x, level: FOO}
    - label: Bad-
      noop: {}
    - label: dup
      noop: {}
    - label: dup
      log: {}
    - label: foo
      resource: bar
    - type: archive
      plugin: {format: lines}
      meta: {a: 5}
      foo: 6
    - archive: {}
    - archive: {format: bla}
    - noop:
output:
  http_client:
    url: ${FOO} ${BAR}
    retries: x
    timeout: 5
    batching: {perio: 5}
  processors: []
bogus: 1
http: []
logger:
  level: trace
  format: xml
)"),
              ElementsAre("f(2,14) field countt not recognised, did you mean count?",
                          "f(5,13) field messagee not recognised, did you mean message?",
                          "f(6,14) invalid label 'Bad-': should match the regular expression "
                          "/^[a-z0-9_\\-]+$/ and must not start with an underscore",
                          "f(10,14) label 'dup' collides with a previously defined label at line 8",
                          "f(12,14) label field should be omitted when pointing to a resource",
                          "f(17,7) field foo is invalid when the component type is archive "
                          "(processor)",
                          "f(18,16) field format is required",
                          "f(19,25) value bla is not a valid option for this field",
                          "f(20,12) expected object value, got !!null",
                          "f(23,10) required environment variables were not set: [FOO BAR]",
                          "f(24,14) expected int value, got !!str `x`",
                          "f(25,14) time: missing unit in duration \"5\"",
                          "f(26,16) field perio not recognised, did you mean period?",
                          "f(27,15) field processors is empty and can be removed",
                          "f(28,1) field bogus not recognised",
                          "f(29,7) expected object value, got !!seq",
                          "f(32,11) value xml is not a valid option for this field"));
}

TEST(Lint, SaysWhichComponentIsMeant) {
  EXPECT_THAT(lints_of(R"(input: {stdinn: {}}
buffer: null
pipeline:
  processors:
    - {noop: {}, log: {}}
    - {}
    - type: foo
    - log
output: {}
)"),
              ElementsAre("f(1,8) unable to infer input type from candidates: [stdinn], did you "
                          "mean stdin?",
                          "f(2,9) invalid type !!null, expected object",
                          "f(5,7) unable to infer processor type, multiple candidates 'log' and "
                          "'noop'",
                          "f(6,7) an explicit processor type must be specified",
                          "f(7,13) processor type 'foo' was not recognised",
                          "f(8,7) invalid type !!str, expected object",
                          "f(9,9) an explicit output type must be specified"));
}

TEST(Lint, FollowsMergesAndShortForms) {
  EXPECT_THAT(lints_of(R"(input:
  generate: &g {count: 0b11, auto_replay_nacks: Y, mapping: 'root = 1'}
pipeline:
  threads: 4.0
  processors:
    - mapping: root = this
    - try: [{noop: {}}, {switch: [{check: 'true', processors: [{noop: {}}]}]}]
output:
  fallback:
    - drop: {}
    - type: drop
tests:
  - name: foo
    output_batches: [[{content_equals: x}]]
shutdown_timeout: 5s
metrics: {prometheus: {}, mapping: "root = this"}
)"),
              IsEmpty());
  EXPECT_THAT(lints_of("{}"), IsEmpty());
  EXPECT_THAT(lints_of(""), ElementsAre("f(1,1) expected object value, got !!null"));
  EXPECT_THAT(lints_of("# BENTHOS LINT DISABLE\ninput: {foo: {}}\nx: 1\n"), IsEmpty());
}

TEST(Lint, AsksForLabelsOfResources) {
  EXPECT_THAT(lints_of("cache_resources:\n  - memory: {}\n  - label: ''\n    memory: {}\n"),
              ElementsAre("f(2,5) the label field for resources must be unique and not empty",
                          "f(3,5) the label field for resources must be unique and not empty"));
  LintOptions options;
  options.require_labels = true;
  options.report_deprecated = true;
  EXPECT_THAT(lints_of("output:\n  http_client: {url: x, legacy: true}\n", options),
              ElementsAre("f(2,3) label is required for http_client",
                          "f(2,33) field legacy is deprecated"));
}

TEST(Lint, WarnsOfVariablesWithoutBraces) {
  EXPECT_THAT(lints_of("output:\n  http_client:\n    url: x\n    headers:\n"
                       "      Authorization: 'Bearer $KONNECT_SYSTEM_ACCESS_TOKEN'\n"),
              ElementsAre("f(5,22) $KONNECT_SYSTEM_ACCESS_TOKEN is sent literally; write "
                          "${KONNECT_SYSTEM_ACCESS_TOKEN} for the variable (warning)"));
}

TEST(Lint, ReportsWhatIsNoYaml) {
  EXPECT_THAT(lints_of("input: [\n"), ElementsAre("f(2,1) yaml: line 1: did not find expected "
                                                  "node content"));
}

TEST(Lint, AdoptsAnOutputBesideItsWrapper) {
  EXPECT_THAT(lints_of(R"(output:
  label: 'openmeter'
  drop_on:
    error: false
    error_patterns:
      - Bad Request
  output:
    http_client:
      url: '${OPENMETER_URL:https://us.api.konghq.com}/v3/openmeter/events'

      verb: POST
)"),
              ElementsAre("f(7,3) field output stands beside drop_on (line 3) but belongs inside "
                          "it, and is taken as if it were written there:" R"(
    drop_on:
      error: false
      error_patterns:
        - Bad Request
      output:
        http_client:
          url: '${OPENMETER_URL:https://us.api.konghq.com}/v3/openmeter/events'

          verb: POST (warning))"));
  EXPECT_THAT(lints_of("output: {drop_on: {error: true}, output: {drop: {}}}\n"),
              ElementsAre("f(1,34) field output stands beside drop_on (line 1) but belongs inside "
                          "it, and is taken as if it were written there:" R"(
    drop_on:
      error: …
      output:
        drop: … (warning))"));
  // It adopts only where it lacks one.
  EXPECT_THAT(lints_of("output:\n  drop_on: {output: {drop: {}}}\n  output: {drop: {}}\n"),
              ElementsAre("f(3,3) field output is invalid when the component type is drop_on "
                          "(output)"));
  EXPECT_THAT(lints_of("output:\n  drop: {}\n  output: {drop: {}}\n"),
              ElementsAre("f(3,3) field output is invalid when the component type is drop "
                          "(output)"));
}

TEST(Read, FillsTheConfig) {
  LintOptions options{.catalogue = &sample_catalogue()};
  const ConfigFile file = read_config_text(
      "f", "http: {address: ':80'}\npipeline: {threads: 2}\nshutdown_timeout: 1m\n",
      service_schema(), options, {"logger.level=DEBUG", "pipeline.processors.-={noop: {}}"});
  EXPECT_THAT(file.lints, IsEmpty());
  EXPECT_EQ(file.config.http.address, ":80");
  EXPECT_EQ(file.config.http.root_path, "/benthos");
  EXPECT_EQ(file.config.pipeline.threads, 2);
  EXPECT_EQ(file.config.pipeline.processors.size(), 1);
  EXPECT_EQ(file.config.shutdown_timeout.value, std::chrono::minutes(1));
  EXPECT_EQ(file.config.logger.level, "DEBUG");
  EXPECT_EQ(file.config.input.node.entries().front().key, "stdin");
}

}  // namespace
}  // namespace tollgate
