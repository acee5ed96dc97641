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

INSTANTIATE_TEST_SUITE_P(All, DurableBufferTest, testing::Values("journal", "sqlite"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace tollgate
