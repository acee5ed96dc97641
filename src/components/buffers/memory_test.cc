#include <gmock/gmock.h>

#include <thread>

#include "components/inputs/test_support.h"

namespace tollgate {
namespace {

using namespace inputs_test;

std::unique_ptr<Buffer> make_buffer(TestBuildContext& context, const std::string& body) {
  for (const BufferType* type : buffers()) {
    if (type->info.name != "memory") continue;
    auto node = parse_yaml(body);
    auto made = type->build(*node, context);
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
  }
  return nullptr;
}

Batch receipted(std::string_view text, TransactionResult& result) {
  Batch batch = batch_of({text});
  add_receipts(batch, [&result](TransactionResult ended) { result = std::move(ended); });
  return batch;
}

TEST(MemoryBufferTest, AcknowledgesAndTriesAgain) {
  TestBuildContext context(all_components());
  int failures = 4;
  Collector collector([&](Message&) -> std::optional<Error> {
    if (failures-- > 0) return Error(Fault::transient, "not yet");
    return std::nullopt;
  });
  auto buffer = make_buffer(context, "{}");
  ASSERT_TRUE(buffer->start(collector));
  TransactionResult first;
  ASSERT_TRUE(buffer->write(receipted("a", first)));
  EXPECT_EQ(first.records, 1u);
  EXPECT_TRUE(first.ok());
  buffer->end_of_input();
  EXPECT_TRUE(collector.wait_ended());
  EXPECT_EQ(collector.texts().size(), 5u);
  buffer->stop();
}

TEST(MemoryBufferTest, RefusesWhatCannotFit) {
  TestBuildContext context(all_components());
  Collector collector;
  auto buffer = make_buffer(context, "{limit: 4}");
  ASSERT_TRUE(buffer->start(collector));
  TransactionResult large, small;
  EXPECT_FALSE(buffer->write(receipted("12345", large)));
  EXPECT_FALSE(large.ok());
  ASSERT_EQ(large.failures.size(), 1u);
  EXPECT_EQ(large.failures[0].refusal, Refusal::size);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(buffer->write(receipted("1234", small)));
  buffer->end_of_input();
  EXPECT_TRUE(collector.wait_ended());
  EXPECT_EQ(collector.texts().size(), 10u);
  buffer->stop();
}

TEST(MemoryBufferTest, StopGoesOnUntilAllIsDelivered) {
  TestBuildContext context(all_components());
  int failures = 20;
  Collector collector([&](Message&) -> std::optional<Error> {
    if (failures-- > 0) return Error(Fault::transient, "not yet");
    return std::nullopt;
  });
  auto buffer = make_buffer(context, "{}");
  ASSERT_TRUE(buffer->start(collector));
  TransactionResult ended;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(buffer->write(receipted("a", ended)));
  buffer->stop();
  EXPECT_EQ(failures, -10) << "all ten were taken in the end";
  EXPECT_EQ(context.counter("buffer_received").value(), 10);
  EXPECT_EQ(context.counter("buffer_sent").value(), 30) << "each attempt";
  EXPECT_FALSE(buffer->write(receipted("late", ended)));
  EXPECT_FALSE(ended.ok());
}

TEST(MemoryBufferTest, StopEndsWhenTheStreamTakesNoMore) {
  TestBuildContext context(all_components());
  Collector collector(
      [](Message&) -> std::optional<Error> { return Error(Fault::transient, "no"); });
  auto buffer = make_buffer(context, "{limit: 1}");
  ASSERT_TRUE(buffer->start(collector));
  TransactionResult first, second;
  ASSERT_TRUE(buffer->write(receipted("a", first)));
  std::thread waits([&] { EXPECT_FALSE(buffer->write(receipted("b", second))); });
  std::thread stops([&] { buffer->stop(); });
  waits.join();
  collector.closed = true;
  stops.join();
  EXPECT_TRUE(first.ok());
  EXPECT_FALSE(second.ok());
}

}  // namespace
}  // namespace tollgate
