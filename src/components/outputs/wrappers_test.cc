#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "components/outputs/test_support.h"

namespace tollgate {
namespace {

using namespace outputs_test;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::string client(const Destination& destination) {
  return fmt::format("{{http_client: {{url: '{}', retries: 0}}}}", destination.url());
}

Destination::Script refusing(std::string_view body, int status) {
  return [body = std::string(body), status](int, const ServerRequest& request,
                                            Responder responder) {
    responder.respond(ServerResponse::text(request.body == body ? status : 200, ""));
  };
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(DropOnTest, DropsOnlyWhatFailedForTheReasonNamed) {
  Bench bench;
  Destination destination([](int, const ServerRequest& request, Responder responder) {
    responder.respond(ServerResponse::text(
        request.body == "poison" ? 400 : request.body == "late" ? 503 : 200, ""));
  });
  auto output = bench.output(fmt::format(
      "drop_on: {{error_patterns: [Bad Request], output: {}}}", client(destination)));
  const WriteResult result = Written(*output, batch_of({"a", "poison", "late"})).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(result.of(1).outcome, Outcome::dropped);
  EXPECT_TRUE(result.of(1).error.has_value());
  EXPECT_EQ(result.of(2).outcome, Outcome::failed);
}

TEST(DropOnTest, BackPressure) {
  Bench bench;
  std::mutex lock;
  std::vector<Responder> held;
  Destination destination([&](int, const ServerRequest&, Responder responder) {
    std::lock_guard hold(lock);
    held.push_back(std::move(responder));
  });
  auto output = bench.output(
      fmt::format("drop_on: {{back_pressure: 20ms, output: {}}}", client(destination)));
  const WriteResult first = Written(*output, batch_of({"a"})).wait();
  EXPECT_EQ(first.of(0).outcome, Outcome::failed);
  EXPECT_EQ(reason(first.of(0)), "experienced back pressure beyond: 20ms");
  const std::size_t before = destination.requests().size();
  EXPECT_FALSE(Written(*output, batch_of({"b"})).wait().ok());
  EXPECT_EQ(destination.requests().size(), before) << "rejected without being tried";
  output->close(steady_clock::now());
  std::lock_guard hold(lock);
  held.clear();
}

TEST(FallbackTest, OnlyFailedMessagesMoveOn) {
  Bench bench;
  Destination first(refusing("b", 500)), second(statuses({}));
  auto output = bench.output(fmt::format(
      "fallback: [{}, {{http_client: {{url: '{}', metadata: {{include_prefixes: [fallback]}}}}}}]",
      client(first), second.url()));
  EXPECT_TRUE(Written(*output, batch_of({"a", "b"})).wait().ok());
  EXPECT_THAT(second.bodies(), ElementsAre("b"));
  EXPECT_THAT(*second.requests()[0].header("Fallback_error"), testing::HasSubstr("(500)"));
}

TEST(RetryTest, WritesOnlyFailedMessagesAgain) {
  Bench bench;
  std::atomic<int> failures{3};
  Destination destination([&](int, const ServerRequest& request, Responder responder) {
    const bool fails = request.body == "b" && failures-- > 0;
    responder.respond(ServerResponse::text(fails ? 400 : 200, ""));
  });
  auto output = bench.output(fmt::format(
      "retry: {{backoff: {{initial_interval: 1ms, max_interval: 2ms}}, output: {}}}",
      client(destination)));
  EXPECT_TRUE(Written(*output, batch_of({"a", "b", "c"})).wait().ok());
  EXPECT_THAT(destination.bodies(), UnorderedElementsAre("a", "b", "b", "b", "b", "c"));
  EXPECT_FALSE(output->saturated());
}

TEST(RetryTest, GivesUpAndCloses) {
  Bench bench;
  auto limited = bench.output(
      "retry: {max_retries: 2, backoff: {initial_interval: 1ms}, output: {reject: no}}");
  EXPECT_EQ(reason(Written(*limited, batch_of({"a"})).wait().of(0)),
            "message failed to reach a target destination: no");

  auto endless = bench.output("retry: {backoff: {initial_interval: 1h}, output: {reject: no}}");
  Written waiting(*endless, batch_of({"a"}));
  EXPECT_TRUE(endless->saturated());
  endless->close(steady_clock::now());
  EXPECT_EQ(waiting.wait().of(0).outcome, Outcome::failed);
}

TEST(BrokerOutputTest, FanOutFailFastReportsTheWorst) {
  for (const std::string_view pattern : {"fan_out_fail_fast", "fan_out_sequential_fail_fast"}) {
    Bench bench;
    Destination first(refusing("b", 400)), second(refusing("c", 400));
    auto output = bench.output(fmt::format("broker: {{pattern: {}, outputs: [{}, {}]}}", pattern,
                                           client(first), client(second)));
    const WriteResult result = Written(*output, batch_of({"a", "b", "c"})).wait();
    EXPECT_EQ(result.of(0).outcome, Outcome::delivered) << pattern;
    EXPECT_EQ(result.of(1).outcome, Outcome::failed) << pattern;
    EXPECT_EQ(result.of(2).outcome, Outcome::failed) << pattern;
  }
}

TEST(BrokerOutputTest, FanOutRetriesTheOneThatFailed) {
  Bench bench;
  Destination first(statuses({500})), second(statuses({}));
  auto output = bench.output(
      fmt::format("broker: {{outputs: [{}, {}]}}", client(first), client(second)));
  EXPECT_TRUE(Written(*output, batch_of({"a"})).wait().ok());
  EXPECT_EQ(first.requests().size(), 2u);
  EXPECT_EQ(second.requests().size(), 1u);
}

TEST(BrokerOutputTest, RoundRobin) {
  Bench bench;
  Destination first(statuses({})), second(statuses({}));
  auto output = bench.output(fmt::format("broker: {{pattern: round_robin, outputs: [{}, {}]}}",
                                         client(first), client(second)));
  for (const char* text : {"1", "2", "3", "4"}) {
    EXPECT_TRUE(Written(*output, batch_of({text})).wait().ok());
  }
  EXPECT_THAT(first.bodies(), ElementsAre("1", "3"));
  EXPECT_THAT(second.bodies(), ElementsAre("2", "4"));
}

TEST(SwitchOutputTest, RoutesEachMessage) {
  Bench bench;
  Destination first(statuses({})), second(statuses({}));
  const auto with = [&](std::string_view strict) {
    return bench.output(fmt::format(
        "switch: {{strict_mode: {}, cases: [{{check: 'content() == \"a\"', continue: true, "
        "output: {}}}, {{check: 'content() == \"a\"', output: {}}}]}}",
        strict, client(first), client(second)));
  };
  const WriteResult loose = Written(*with("false"), batch_of({"a", "x"})).wait();
  EXPECT_EQ(loose.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(loose.of(1).outcome, Outcome::dropped);
  EXPECT_THAT(first.bodies(), ElementsAre("a"));
  EXPECT_THAT(second.bodies(), ElementsAre("a"));
  const WriteResult strict = Written(*with("true"), batch_of({"x"})).wait();
  EXPECT_EQ(strict.of(0).outcome, Outcome::failed);
}

TEST(RejectErroredTest, RejectsFlaggedMessages) {
  Bench bench;
  auto output = bench.output("reject_errored: {drop: {}}");
  Batch batch = batch_of({"a", "b"});
  batch[1].set_error("bad");
  const WriteResult result = Written(*output, std::move(batch)).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(reason(result.of(1)), "rejecting due to failed processing: bad");
}

TEST(SyncResponseOutputTest, AnswersEachStore) {
  Bench bench;
  auto output = bench.output("sync_response: {}");
  Batch batch = batch_of({"a", "b", "c"});
  auto one = std::make_shared<ResponseStore>(), two = std::make_shared<ResponseStore>();
  batch[0].response = one;
  batch[1].response = two;
  const WriteResult result = Written(*output, std::move(batch)).wait();
  EXPECT_EQ(reason(result.of(2)), "result store not found within batch context");
  EXPECT_EQ((*one->take().at(0))[0].bytes(), "a");
  EXPECT_EQ((*two->take().at(0))[0].bytes(), "b");
}

TEST(FileOutputTest, Codecs) {
  const auto folder = std::filesystem::temp_directory_path() /
                      fmt::format("tollgate_file_output_{}", ::getpid());
  Bench bench;
  const auto write = [&](std::string_view name, std::string_view codec) {
    const auto path = folder / "deep" / name;
    auto output =
        bench.output(fmt::format("file: {{path: '{}', codec: '{}'}}", path.string(), codec));
    EXPECT_TRUE(Written(*output, batch_of({"a", "b\n"})).wait().ok());
    EXPECT_TRUE(Written(*output, batch_of({"c"})).wait().ok());
    return contents(path);
  };
  EXPECT_EQ(write("lines", "lines"), "a\nb\nc\n");
  EXPECT_EQ(write("append", "append"), "ab\nc");
  EXPECT_EQ(write("delim", "delim:|"), "a|b\n|c|");
  EXPECT_EQ(write("all", "all-bytes"), "c");
  auto refused = bench.output("file: {path: /proc/none/x}");
  EXPECT_FALSE(Written(*refused, batch_of({"a"})).wait().ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tollgate
