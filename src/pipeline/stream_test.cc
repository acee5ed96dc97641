#include "pipeline/stream.h"

#include <future>
#include <set>
#include <thread>

#include "component/http_service.h"
#include "component/intake_tools.h"
#include "pipeline/test_support.h"

namespace tollgate {
namespace {

using namespace pipeline_test;
using namespace std::chrono_literals;

// Components that the running test steers.
struct Steering {
  Intake* intake = nullptr;
  std::atomic<bool> stopped{false};
  ScriptedOutput::Script write = [](const SharedBatch&, Ack ack) { ack(WriteResult::delivered()); };
  std::function<Result<>()> start_output = [] { return Result<>(); };
  std::atomic<bool> saturated{false};
  std::atomic<int> flushes{0};
  std::mutex lock;
  std::vector<Ack> held;  // lock
};
Steering* steering = nullptr;

class TestInput final : public Input {
  Result<> start(Intake& intake) override {
    steering->intake = &intake;
    return {};
  }
  void stop() override { steering->stopped = true; }
};

class TestOutput final : public Output {
  Result<> start() override { return steering->start_output(); }
  void write(SharedBatch batch, Ack ack) override { steering->write(batch, std::move(ack)); }
  bool saturated() const override { return steering->saturated; }
  void flush() override { ++steering->flushes; }
  void close(Clock::time_point) override {
    std::vector<Ack> left;
    {
      std::lock_guard hold(steering->lock);
      left.swap(steering->held);
    }
    for (Ack& ack : left) ack(WriteResult::failed(Error(Fault::cancelled, "closed")));
  }
};

/// Removes "gone", doubles "twice", and flags "bad".
class TestProcessor final : public Processor {
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    Batch kept(batch.shared_memory());
    for (Message& message : batch) {
      if (message.bytes() == "gone") {
        message.receipt.resolve(Outcome::filtered);
        continue;
      }
      if (message.bytes() == "bad") message.set_error("is bad");
      if (message.bytes() == "twice") {
        kept.add(message.copy()).receipt = message.receipt.share();
      }
      kept.add(std::move(message));
    }
    if (!kept.empty()) out.push_back(std::move(kept));
    return {};
  }
};

std::vector<FieldSpec> no_fields() { return {}; }
void no_lint(const Node&, ReadContext&) {}

const InputType input_type{{.name = "test"}, no_fields, no_lint,
                           [](const Node&, BuildContext&) -> Result<std::unique_ptr<Input>> {
                             return std::make_unique<TestInput>();
                           }};
const OutputType output_type{
    {.name = "test"}, no_fields, no_lint,
    [](const Node&, BuildContext& context) -> Result<std::unique_ptr<Output>> {
      return context.limited(std::make_unique<TestOutput>(), 4);
    }};
const OutputType batched_type{
    {.name = "batched"}, no_fields, no_lint,
    [](const Node&, BuildContext& context) -> Result<std::unique_ptr<Output>> {
      return context.batched(context.limited(std::make_unique<TestOutput>(), 4),
                             BatchPolicyConfig{.count = 1000});
    }};
const ProcessorType processor_type{{.name = "test"}, no_fields, no_lint,
                                   [](const Node&, BuildContext&) -> Result<ProcessorFactory> {
                                     return [] { return std::make_unique<TestProcessor>(); };
                                   }};
const InputType* const inputs[] = {&input_type};
const OutputType* const outputs[] = {&batched_type, &output_type};
const ProcessorType* const processors[] = {&processor_type};

class NoHttp final : public HttpService {
  void add(std::string, std::string, HttpServer::Handler) override {}
  void add_websocket(std::string, std::string, HttpServer::WebSocketHandler) override {}
  void remove(std::string_view) override {}
};

class StreamTest : public testing::Test {
 protected:
  StreamTest() { steering = &steering_; }
  ~StreamTest() override {
    stream_.reset();
    steering = nullptr;
  }

  Node node(const std::string& yaml) {
    auto parsed = parse_yaml(yaml);
    EXPECT_TRUE(parsed);
    return std::move(*parsed);
  }
  void build(const std::string& output = "test: {}", const std::string& input = "test: {}") {
    StreamConfig config{node(input), {}, node(output), 2, {node("test: {}")}};
    auto built = Stream::build(environment_, resources_, config);
    ASSERT_TRUE(built) << built.error().message();
    stream_ = std::move(*built);
  }
  void start(const std::string& output = "test: {}", const std::string& input = "test: {}") {
    build(output, input);
    ASSERT_TRUE(stream_->start([this] { stream_ended_ = true; }));
  }

  using Ended = std::shared_future<TransactionResult>;
  static Delivery delivery(const std::vector<std::string>& payloads, Ended& ended) {
    auto promise = std::make_shared<std::promise<TransactionResult>>();
    ended = promise->get_future().share();
    return Delivery::of(pipeline_test::batch_of(payloads), [promise](TransactionResult result) {
      promise->set_value(std::move(result));
    });
  }
  Ended submit(const std::vector<std::string>& payloads) {
    Ended ended;
    EXPECT_TRUE(steering_.intake->submit(delivery(payloads, ended)));
    return ended;
  }
  void hold_writes() {
    steering_.write = [](const SharedBatch&, Ack ack) {
      std::lock_guard hold(steering->lock);
      steering->held.push_back(std::move(ack));
    };
  }
  std::size_t held() {
    std::lock_guard hold(steering_.lock);
    return steering_.held.size();
  }

  Steering steering_;
  NoHttp http_;
  MetricsRegistry metrics_{Logger()};
  const Catalogue catalogue_{Manifest{.inputs = inputs, .processors = processors, .outputs = outputs}};
  Environment environment_{catalogue_, Logger(), metrics_, http_, 100'000};
  Resources resources_{environment_, {}};
  std::unique_ptr<Stream> stream_;
  std::atomic<bool> stream_ended_{false};
};

TEST_F(StreamTest, CarriesBatchesAndSettlesThem) {
  std::mutex lock;
  std::multiset<std::string> arrived;
  steering_.write = [&](const SharedBatch& batch, Ack ack) {
    {
      std::lock_guard hold(lock);
      for (const auto& text : texts_of(*batch)) arrived.insert(text);
    }
    ack(WriteResult::delivered());
  };
  start();
  std::vector<Ended> all;
  for (int i = 0; i < 200; ++i) all.push_back(submit({std::to_string(i), "gone", "twice"}));
  for (auto& ended : all) {
    const TransactionResult result = ended.get();
    EXPECT_EQ(result.records, 3u);
    EXPECT_EQ(result.count[static_cast<std::size_t>(Outcome::filtered)], 1u);
    EXPECT_EQ(result.count[static_cast<std::size_t>(Outcome::delivered)], 2u);
  }
  EXPECT_EQ(arrived.count("twice"), 400u);
  EXPECT_EQ(arrived.count("gone"), 0u);
  EXPECT_TRUE(stream_->stop(Clock::now() + 10s));
  EXPECT_TRUE(steering_.stopped);
  const auto totals = environment_.ledger.totals();
  EXPECT_TRUE(totals.balanced());
  EXPECT_EQ(totals.received, 600u);
  EXPECT_EQ(totals.pending, 0);
  EXPECT_EQ(environment_.budget.used(), 0u);
  EXPECT_EQ(metrics_.timer("input_latency_ns", {{"label", ""}, {"path", "root.input"}}).count(), 200u);
}

TEST_F(StreamTest, FullBudgetRefusesAndLeavesTheDeliveryWhole) {
  hold_writes();
  start();
  const std::string large(90'000, 'x');
  Ended first = submit({large}), second;
  Delivery refused = delivery({large}, second);
  const std::size_t stages = refused.stages.size();
  EXPECT_FALSE(steering_.intake->try_submit(refused));
  EXPECT_EQ(refused.stages.size(), stages);
  ASSERT_TRUE(refused.done);
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  std::thread waiter([&] { EXPECT_TRUE(steering_.intake->submit(std::move(refused))); });
  steering_.held[0](WriteResult::delivered());
  waiter.join();
  first.get();
  ASSERT_TRUE(eventually([&] { return held() == 2; }));
  steering_.held[1](WriteResult::delivered());
  EXPECT_EQ(second.get().records, 1u);
  steering_.held.clear();
  Ended third;
  Delivery taken = delivery({"a"}, third);
  EXPECT_TRUE(steering_.intake->try_submit(taken));
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  EXPECT_TRUE(stream_->stop(Clock::now()) || true);
  EXPECT_EQ(third.get().failures[0].error.fault(), Fault::cancelled);
  EXPECT_EQ(metrics_.timer("input_latency_ns", {{"label", ""}, {"path", "root.input"}}).count(), 3u);
}

TEST_F(StreamTest, WhatDecodesLargerThanAnnouncedIsCharged) {
  hold_writes();
  start();
  Ended ended;
  Delivery bomb = delivery({std::string(400'000, 'x')}, ended);
  bomb.bytes = 10;
  ASSERT_TRUE(steering_.intake->try_submit(bomb));
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  EXPECT_GT(environment_.budget.used(), 400'000u);
  steering_.held[0](WriteResult::delivered());
  ended.get();
  steering_.held.clear();
  EXPECT_TRUE(eventually([&] { return environment_.budget.used() == 0; }));
  stream_->stop(Clock::now() + 10s);
}

TEST_F(StreamTest, WhatCannotBeOpenedFailsOnce) {
  start();
  Ended ended;
  Delivery broken = delivery({"a"}, ended);
  broken.open = [] { return Result<Batch>(invalid("not readable")); };
  ASSERT_TRUE(steering_.intake->submit(std::move(broken)));
  EXPECT_EQ(ended.get().failures[0].error.message(), "not readable");
  EXPECT_EQ(environment_.ledger.totals().received, 0u);
  EXPECT_TRUE(stream_->stop(Clock::now() + 10s));
  EXPECT_EQ(environment_.budget.used(), 0u);
}

TEST_F(StreamTest, StopFlushesAndWaits) {
  start("batched: {}");
  Ended ended = submit({"a", "c"});
  EXPECT_TRUE(stream_->stop(Clock::now() + 10s));
  EXPECT_EQ(ended.get().count[static_cast<std::size_t>(Outcome::delivered)], 2u);
}

TEST_F(StreamTest, StopAnswersTheRestAsCancelled) {
  hold_writes();
  start();
  std::vector<Ended> all;
  for (int i = 0; i < 10; ++i) all.push_back(submit({"a"}));  // more than may be in flight
  ASSERT_TRUE(eventually([&] { return held() == 4; }));
  EXPECT_FALSE(stream_->stop(Clock::now()));
  for (auto& ended : all) EXPECT_EQ(ended.get().failures[0].error.fault(), Fault::cancelled);
  Ended late;
  EXPECT_FALSE(steering_.intake->submit(delivery({"a"}, late)));
  EXPECT_TRUE(environment_.ledger.totals().balanced());
  EXPECT_EQ(environment_.ledger.totals().pending, 0);
}

TEST_F(StreamTest, StopWithAnOutputThatTakesNothing) {
  steering_.saturated = true;
  start();
  std::vector<Ended> all;
  for (int i = 0; i < 10; ++i) all.push_back(submit({"a"}));
  EXPECT_FALSE(stream_->stop(Clock::now()));
  for (auto& ended : all) EXPECT_FALSE(ended.get().ok());
}

TEST_F(StreamTest, EndsWhenItsInputEnds) {
  start("batched: {}");
  Ended ended = submit({"a"});
  steering_.intake->exhausted();
  EXPECT_EQ(ended.get().count[static_cast<std::size_t>(Outcome::delivered)], 1u);
  EXPECT_FALSE(stream_ended_);
  steering_.intake->ended();
  EXPECT_TRUE(stream_ended_);
  EXPECT_TRUE(stream_->stop(Clock::now() + 10s));
}

TEST_F(StreamTest, AFailedStartMayBeStopped) {
  steering_.start_output = [] { return Result<>(invalid("no")); };
  build();
  EXPECT_FALSE(stream_->start([] {}));
  EXPECT_TRUE(stream_->stop(Clock::now()));
}

TEST_F(StreamTest, MessagesThatCarryReceiptsPassThrough) {
  start();
  std::promise<TransactionResult> settled;
  Batch batch = pipeline_test::batch_of({"a", "gone"});
  add_receipts(batch, [&](TransactionResult result) { settled.set_value(std::move(result)); });
  Delivery bare;
  bare.open = [batch = std::move(batch)]() mutable -> Result<Batch> { return std::move(batch); };
  ASSERT_TRUE(steering_.intake->submit(std::move(bare)));  // no `done` at all
  const auto result = settled.get_future().get();
  EXPECT_EQ(result.outcomes[0], Outcome::delivered);
  EXPECT_EQ(result.outcomes[1], Outcome::filtered);
  EXPECT_EQ(environment_.ledger.totals().received, 0u);
  EXPECT_TRUE(stream_->stop(Clock::now() + 10s));
}

TEST_F(StreamTest, InputAndOutputProcessorsRun) {
  std::atomic<int> messages{0};
  steering_.write = [&](const SharedBatch& batch, Ack ack) {
    messages += static_cast<int>(batch->size());
    ack(WriteResult::delivered());
  };
  start("{test: {}, processors: [{test: {}}]}", "{test: {}, processors: [{test: {}}]}");
  EXPECT_TRUE(submit({"twice", "gone"}).get().ok());
  EXPECT_EQ(messages, 8);  // doubled thrice
  EXPECT_TRUE(stream_->stop(Clock::now() + 10s));
}

TEST_F(StreamTest, StrictRefusesFailedMessages) {
  environment_.strict = true;
  start();
  const auto result = submit({"a", "bad"}).get();
  EXPECT_EQ(result.outcomes[0], Outcome::delivered);
  EXPECT_EQ(result.outcomes[1], Outcome::failed);
  EXPECT_EQ(result.failures[0].error.message(), "rejecting message due to failed processing: is bad");
  EXPECT_TRUE(stream_->stop(Clock::now() + 10s));
}

}  // namespace
}  // namespace tollgate
