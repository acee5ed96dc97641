#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "components/inputs/test_support.h"

namespace tollgate {
namespace {

using namespace inputs_test;
using testing::ElementsAre;

class InputsTest : public testing::Test {
 protected:
  InputsTest() { std::filesystem::create_directories(folder_ / "a" / "b"); }
  ~InputsTest() override { std::filesystem::remove_all(folder_); }

  std::string file(std::string_view name, std::string_view content) {
    const auto path = folder_ / name;
    std::ofstream(path) << content;
    return path.string();
  }

  std::unique_ptr<Input> input(const std::string& yaml) {
    auto made = context_.input(yaml);
    if (!made) {
      ADD_FAILURE() << made.error().message();
      std::abort();
    }
    return std::move(*made);
  }

  /// Reads to the end.
  void run(const std::string& yaml, Collector& collector) {
    auto made = input(yaml);
    ASSERT_TRUE(made->start(collector));
    EXPECT_TRUE(collector.wait_ended()) << yaml;
    made->stop();
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / fmt::format("tollgate_inputs_{}", ::getpid());
  TestBuildContext context_{all_components()};
};

TEST_F(InputsTest, FileReadsPatternsInOrder) {
  file("a/2.txt", "c\nd");
  file("a/b/1.txt", "e\n");
  const auto first = file("x.log", "a\nb\n");
  Collector collector;
  run(fmt::format("file: {{paths: ['{}', '{}/**/*.txt']}}", first, folder_.string()), collector);
  EXPECT_THAT(collector.batches(), ElementsAre(ElementsAre("a"), ElementsAre("b"), ElementsAre("c"),
                                               ElementsAre("d"), ElementsAre("e")));
  EXPECT_EQ(collector.metadata("a.path"), first);
  EXPECT_TRUE(std::filesystem::exists(first));
}

TEST_F(InputsTest, FileIsDeletedOnceDelivered) {
  const auto path = file("x.log", "a\nb\n");
  int failures = 3;
  bool early = false;
  Collector collector([&](Message& message) -> std::optional<Error> {
    early = early || !std::filesystem::exists(path);
    if (message.bytes() != "b" || failures-- <= 0) return std::nullopt;
    return Error(Fault::transient, "not yet");
  });
  {
    auto made = input(fmt::format("file: {{paths: ['{}'], delete_on_finish: true}}", path));
    ASSERT_TRUE(made->start(collector));
    EXPECT_TRUE(collector.wait_ended());
    made->stop();
  }
  EXPECT_FALSE(early);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(InputsTest, FileThatFailedForGoodStays) {
  const auto path = file("x.log", "a\nb\n");
  Collector collector([](Message&) { return Error(Fault::transient, "no"); });
  {
    auto made = input(fmt::format(
        "file: {{paths: ['{}'], delete_on_finish: true, auto_replay_nacks: false}}", path));
    ASSERT_TRUE(made->start(collector));
    EXPECT_TRUE(collector.wait_ended());
    made->stop();
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(InputsTest, Csv) {
  const auto path = file("x.csv", "a,b\n1,2\n3\n4,\"x \"\"y\"\"\"\n");
  Collector collector;
  run(fmt::format("csv: {{paths: ['{}'], batch_count: 2}}", path), collector);
  EXPECT_THAT(collector.batches(),
              ElementsAre(ElementsAre(R"({"a":"1","b":"2"})", R"({"a":"3"})"),
                          ElementsAre(R"({"a":"4","b":"x \"y\""})")));
}

TEST_F(InputsTest, GenerateCounts) {
  Collector collector;
  run("generate: {count: 5, batch_size: 2, interval: '', mapping: 'root = \"made\"'}", collector);
  EXPECT_EQ(collector.batches().size(), 3u);
  EXPECT_EQ(collector.texts().size(), 5u);
}

TEST_F(InputsTest, BrokerEndsWithTheLast) {
  const auto one = file("1", "a\n"), two = file("2", "b\nc\n");
  Collector collector;
  run(fmt::format("broker: {{inputs: [{{file: {{paths: ['{}']}}}}, {{file: {{paths: ['{}']}}}}]}}",
                  one, two),
      collector);
  EXPECT_THAT(collector.texts(), testing::UnorderedElementsAre("a", "b", "c"));
}

TEST_F(InputsTest, SequenceKeepsTheOrder) {
  const auto one = file("1", "a\nb\n"), two = file("2", "c\n");
  Collector collector;
  run(fmt::format(
          "sequence: {{inputs: [{{file: {{paths: ['{}']}}}}, {{file: {{paths: ['{}']}}}}]}}", one,
          two),
      collector);
  EXPECT_THAT(collector.texts(), ElementsAre("a", "b", "c"));
}

TEST_F(InputsTest, ReadUntilCheck) {
  const auto path = file("1", "a\nb\nc\nd\n");
  Collector collector;
  run(fmt::format("read_until: {{check: 'content() == \"b\"', input: {{file: {{paths: ['{}']}}}}}}",
                  path),
      collector);
  EXPECT_THAT(collector.texts(), ElementsAre("a", "b"));
  EXPECT_EQ(collector.metadata("b.benthos_read_until"), "final");
  EXPECT_EQ(collector.metadata("a.benthos_read_until"), "");
}

TEST_F(InputsTest, ReadUntilIdleAndRestart) {
  const auto path = file("1", "a\n");
  Collector idle;
  run("read_until: {idle_timeout: 30ms, input: {generate: {interval: 1h, mapping: 'root = 1'}}}",
      idle);
  EXPECT_EQ(idle.texts().size(), 1u);

  Collector again;
  auto restarting = input(fmt::format(
      "read_until: {{check: 'content() == \"z\"', restart_input: true, input: {{file: {{paths: "
      "['{}']}}}}}}",
      path));
  ASSERT_TRUE(restarting->start(again));
  EXPECT_TRUE(again.wait_batches(3));
  restarting->stop();
}

TEST_F(InputsTest, ScheduleLetsOneThroughATick) {
  const auto path = file("1", "a\nb\nc\n");
  Collector collector;
  const auto begun = std::chrono::steady_clock::now();
  run(fmt::format("schedule: {{interval: 20ms, input: {{file: {{paths: ['{}']}}}}}}", path),
      collector);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(60));
  EXPECT_EQ(collector.metadata("a.schedule_interval"), "20ms");
}

TEST_F(InputsTest, StopIsPrompt) {
  Collector collector;
  for (const char* yaml :
       {"generate: {interval: 1h, mapping: 'root = 1'}", "generate: {interval: '@yearly', mapping: 'root = 1'}",
        "file: {paths: [/nowhere/at/all]}",
        "schedule: {interval: 1h, input: {generate: {mapping: 'root = 1', interval: ''}}}",
        "sequence: {inputs: [{generate: {interval: 1h, mapping: 'root = 1'}}]}"}) {
    auto made = input(yaml);
    ASSERT_TRUE(made->start(collector)) << yaml;
    made->stop();
  }
}

}  // namespace
}  // namespace tollgate
