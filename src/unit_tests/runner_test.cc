#include "unit_tests/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "components/manifest.h"

namespace tollgate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A configuration in a folder of its own.
class RunTest : public testing::Test {
 protected:
  RunTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "unit_tests_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    options_.catalogue = &catalogue_;
  }
  ~RunTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    const auto path = (folder_ / name).string();
    std::ofstream(path) << text;
    return path;
  }

  /// The failures of all its tests, or why they could not be run.
  std::vector<std::string> failures_of(std::string_view config) {
    const auto path = write("config.yaml", config);
    const auto targets = find_tests({path}, catalogue_);
    if (!targets) return {std::string(targets.error().message())};
    std::vector<std::string> reasons;
    for (const TestCase& test : targets->at(path).cases) {
      const auto failures = run_test(test, path, options_);
      if (!failures) return {std::string(failures.error().message())};
      for (const TestFailure& failure : *failures) {
        reasons.push_back(std::to_string(failure.line) + ": " + failure.reason);
      }
    }
    return reasons;
  }

  const Catalogue catalogue_{all_components()};
  SubjectOptions options_;
  std::filesystem::path folder_;
};

TEST_F(RunTest, TargetsProcessorsByPointerLabelAndFile) {
  write("other.yaml", "pipeline: {processors: [{mapping: 'root = \"other\"'}]}");
  EXPECT_THAT(failures_of(R"(pipeline:
  processors:
    - {label: a, mapping: 'root = "a"'}
    - try: [{label: b, mapping: 'root = content() + "b"'}]
tests:
  - {name: all, input_batch: [{content: x}], output_batches: [[{content_equals: ab}]]}
  - {name: first, target_processors: /pipeline/processors/0, input_batch: [{content: x}],
     output_batches: [[{content_equals: a}]]}
  - {name: label, target_processors: b, input_batch: [{content: x}],
     output_batches: [[{content_equals: xb}]]}
  - {name: other, target_processors: 'other.yaml#/pipeline/processors', input_batch: [{content: x}],
     output_batches: [[{content_equals: other}]]}
)"),
              IsEmpty());
}

TEST_F(RunTest, ReplacesWhatIsMocked) {
  EXPECT_THAT(failures_of(R"(pipeline:
  processors: [{label: a, mapping: 'root = "a"'}, {resource: r}, {mapping: 'root = content() + "c"'}]
processor_resources: [{label: r, mapping: 'root = content() + "r"'}]
tests:
  - name: mocks
    mocks: {a: {mapping: 'root = "m"'}, r: {mapping: 'root = content() + "n"'},
            /pipeline/processors/2: {mapping: 'root = content() + "o"'}}
    input_batch: [{content: x}]
    output_batches: [[{content_equals: mno}]]
)"),
              IsEmpty());
}

TEST_F(RunTest, PutsVariablesBack) {
  setenv("UNIT_TESTS_KNOWN", "before", 1);
  EXPECT_THAT(failures_of(R"(pipeline:
  processors: [{mapping: 'root = "${UNIT_TESTS_KNOWN} ${UNIT_TESTS_NEW}" + env("UNIT_TESTS_NEW")'}]
tests:
  - name: variables
    environment: {UNIT_TESTS_KNOWN: a, UNIT_TESTS_NEW: b}
    input_batch: [{content: x}]
    output_batches: [[{content_equals: a bb}]]
)"),
              IsEmpty());
  EXPECT_STREQ(std::getenv("UNIT_TESTS_KNOWN"), "before");
  EXPECT_EQ(std::getenv("UNIT_TESTS_NEW"), nullptr);
  unsetenv("UNIT_TESTS_KNOWN");
}

TEST_F(RunTest, CountsBatchesAndMessages) {
  EXPECT_THAT(failures_of(R"(pipeline: {processors: [{split: {size: 1}}]}
tests:
  - name: too few
    input_batch: [{content: x}]
    output_batches: [[{}], [{}]]
  - name: too many
    input_batch: [{content: x}, {content: y}]
    output_batches: [[{}, {}]]
)"),
              ElementsAre("3: wrong batch count, expected 2, got 1",
                          "6: mismatch of output batch 0 message counts, expected 2, got 1",
                          "6: unexpected batch: [y]"));
}

TEST_F(RunTest, ReadsFilesBesideTheTests) {
  write("in.json", R"({"a":1})");
  write("out.json", R"({"b": 1})");
  write("m.blobl", "root.b = this.a\nroot.c = @k\n");
  EXPECT_THAT(failures_of(R"(tests:
  - name: files
    target_mapping: ./m.blobl
    input_batch: [{file_content: in.json, metadata: {k: 5}}]
    output_batches: [[{file_json_contains: ./out.json, json_equals: {b: 1, c: 5},
                       metadata_equals: {k: 5}, bloblang: 'this.c == 5'}]]
)"),
              IsEmpty());
}

}  // namespace
}  // namespace tollgate
