#include <gmock/gmock.h>

#include <filesystem>
#include <future>
#include <map>

#include "components/inputs/test_support.h"

namespace tollgate {
namespace {

using namespace inputs_test;

// What both durable buffers promise.
class DurableBufferTest : public testing::TestWithParam<const char*> {
 protected:
  DurableBufferTest() {
    char name[] = "/tmp/tollgate_durable_XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~DurableBufferTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Buffer> buffer(const std::string& more = "") {
    for (const BufferType* type : buffers()) {
      if (type->info.name != GetParam()) continue;
      auto node = parse_yaml("{path: " + folder_ + "/kept" + more + "}");
      auto made = type->build(*node, context_);
      EXPECT_TRUE(made) << made.error().message();
      return made ? std::move(*made) : nullptr;
    }
    ADD_FAILURE() << "no such buffer";
    return nullptr;
  }

  /// Writes a batch and waits until its sender is answered.
  static TransactionResult write(Buffer& buffer, Batch batch) {
    std::promise<TransactionResult> promise;
    add_receipts(batch, [&](TransactionResult result) { promise.set_value(std::move(result)); });
    (void)buffer.write(std::move(batch));
    return promise.get_future().get();
  }

  TestBuildContext context_{all_components()};
  std::string folder_;
};

TEST_P(DurableBufferTest, DeliversWhatItAcknowledged) {
  auto made = buffer();
  Collector collector;
  ASSERT_TRUE(made->start(collector));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(write(*made, batch_of({std::to_string(i), "x"})).ok());
  }
  made->end_of_input();
  EXPECT_TRUE(collector.wait_ended());
  EXPECT_EQ(collector.texts().size(), 40u);
  made->stop();
}

TEST_P(DurableBufferTest, KeepsIdentitiesAndWhatFailedAcrossARestart) {
  std::map<std::string, Identity> first, second;
  {
    auto made = buffer();
    Collector refusing([&](Message& message) -> std::optional<Error> {
      first[std::string(message.bytes())] = message.identity;
      if (message.bytes() == "good") return std::nullopt;
      return Error(Fault::transient, "no");
    });
    ASSERT_TRUE(made->start(refusing));
    Batch batch = batch_of({"good", "bad"});
    for (Message& message : batch) message.identity = Identity::random();
    EXPECT_TRUE(write(*made, std::move(batch)).ok());
    EXPECT_TRUE(refusing.wait_batches(2));
    const auto batches = refusing.batches();
    EXPECT_THAT(batches[1], testing::ElementsAre("bad")) << "only what failed comes again";
    made->stop();
  }
  auto made = buffer();
  Collector collector([&](Message& message) -> std::optional<Error> {
    second[std::string(message.bytes())] = message.identity;
    return std::nullopt;
  });
  ASSERT_TRUE(made->start(collector));
  made->end_of_input();
  EXPECT_TRUE(collector.wait_ended());
  ASSERT_EQ(second.count("bad"), 1u);
  EXPECT_EQ(second["bad"].high, first["bad"].high);
  EXPECT_EQ(second["bad"].low, first["bad"].low);
  made->stop();
}

TEST_P(DurableBufferTest, RefusesWhatNeverFits) {
  auto made = buffer(", max_bytes: 65536");
  Collector collector;
  ASSERT_TRUE(made->start(collector));
  const std::string large(70'000, 'x');
  const auto result = write(*made, batch_of({large}));
  EXPECT_FALSE(result.ok());
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].refusal, Refusal::size);
  made->stop();
}

TEST_P(DurableBufferTest, TellsSendersToWaitWhenFull) {
  auto made = buffer(", max_bytes: 65536");
  Collector collector(
      [](Message&) -> std::optional<Error> { return Error(Fault::transient, "no"); });
  ASSERT_TRUE(made->start(collector));
  std::optional<Error> refused;
  for (int i = 0; i < 100 && !refused; ++i) {
    const auto result = write(*made, batch_of({std::string(1000, 'x')}));
    if (!result.ok()) refused = result.failures[0].error;
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->fault(), Fault::transient);
  made->stop();
}

TEST_P(DurableBufferTest, LetsGoOfItsFilesThoughDeliveriesAreUnderWay) {
  std::vector<Delivery> held;
  class Holder final : public Intake {
   public:
    explicit Holder(std::vector<Delivery>& all) : all_(all) {}
    Result<> submit(Delivery delivery) override {
      std::lock_guard lock(lock_);
      all_.push_back(std::move(delivery));
      changed_.notify_all();
      return {};
    }
    bool try_submit(Delivery& delivery) override { return submit(std::move(delivery)).has_value(); }
    void ended() override {}
    void wait() {
      std::unique_lock lock(lock_);
      changed_.wait(lock, [this] { return !all_.empty(); });
    }

   private:
    std::vector<Delivery>& all_;
    std::mutex lock_;
    std::condition_variable changed_;
  } holder(held);
  {
    auto made = buffer();
    ASSERT_TRUE(made->start(holder));
    EXPECT_TRUE(write(*made, batch_of({"a", "b"})).ok());
    holder.wait();
    made->stop();
  }
  auto made = buffer();
  Collector collector;
  ASSERT_TRUE(made->start(collector));
  // What ends now ends for nobody.
  for (Batch& batch : open_fully(std::move(held[0]))) batch.resolve(Outcome::delivered);
  held.clear();
  made->end_of_input();
  EXPECT_TRUE(collector.wait_ended());
  EXPECT_EQ(collector.texts().size(), 2u);
  made->stop();
}

TEST_P(DurableBufferTest, CountsWhatPasses) {
  auto made = buffer();
  int failures = 3;
  Collector collector([&](Message&) -> std::optional<Error> {
    if (failures-- > 0) return Error(Fault::transient, "not yet");
    return std::nullopt;
  });
  ASSERT_TRUE(made->start(collector));
  EXPECT_TRUE(write(*made, batch_of({"a", "b"})).ok());
  made->end_of_input();
  EXPECT_TRUE(collector.wait_ended());
  EXPECT_EQ(context_.counter("buffer_received").value(), 2u);
  EXPECT_EQ(context_.counter("buffer_batch_received").value(), 1u);
  EXPECT_EQ(context_.counter("buffer_sent").value(), 5u) << "each attempt: 2, 2, 1";
  EXPECT_EQ(context_.counter("buffer_batch_sent").value(), 3u);
  made->stop();
}

using SqliteBufferTest = DurableBufferTest;

TEST_P(SqliteBufferTest, RunsItsProcessors) {
  auto made = buffer(
      ", pre_processors: [{mapping: 'root = content().uppercase()'}]"
      ", post_processors: [{mapping: 'root = if content() == \"B\" { deleted() }'},"
      " {unarchive: {format: lines}}]");
  Collector collector;
  ASSERT_TRUE(made->start(collector));
  EXPECT_TRUE(write(*made, batch_of({"a\nb\nc", "b"})).ok());
  made->end_of_input();
  EXPECT_TRUE(collector.wait_ended());
  EXPECT_THAT(collector.texts(), testing::ElementsAre("A", "B", "C"));
  made->stop();
  made = buffer();
  Collector nothing;
  ASSERT_TRUE(made->start(nothing));
  made->end_of_input();
  EXPECT_TRUE(nothing.wait_ended());
  EXPECT_THAT(nothing.texts(), testing::IsEmpty()) << "the row went with its last message";
}

INSTANTIATE_TEST_SUITE_P(All, DurableBufferTest, testing::Values("journal", "sqlite"),
                         [](const auto& test) { return std::string(test.param); });

INSTANTIATE_TEST_SUITE_P(All, SqliteBufferTest, testing::Values("sqlite"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace tollgate
