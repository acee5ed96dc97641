#include <gmock/gmock.h>

#include <thread>

#include "components/inputs/test_support.h"

namespace tollgate {
namespace {

using namespace inputs_test;
using namespace std::chrono_literals;

std::unique_ptr<Buffer> make_buffer(TestBuildContext& context, std::string_view body) {
  for (const BufferType* type : buffers()) {
    if (type->info.name != "system_window") continue;
    auto node = parse_yaml(std::string(body));
    auto made = type->build(*node, context);
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
  }
  return nullptr;
}

struct Sent {
  std::atomic<bool> done{false};
  TransactionResult result;

  Batch batch(std::initializer_list<std::string_view> texts) {
    Batch made = batch_of(texts);
    add_receipts(made, [this](TransactionResult ended) {
      result = std::move(ended);
      done = true;
    });
    return made;
  }
  bool wait() const {
    for (int i = 0; i < 500 && !done; ++i) std::this_thread::sleep_for(10ms);
    return done;
  }
  std::uint32_t count(Outcome outcome) const {
    return result.count[static_cast<std::size_t>(outcome)];
  }
};

TEST(SystemWindowTest, AWindowIsOneBatchAndAcknowledgedWhenDelivered) {
  TestBuildContext context(all_components());
  int failures = 2;
  Collector collector([&](Message& message) -> std::optional<Error> {
    EXPECT_NE(message.metadata("window_end_timestamp"), nullptr);
    if (failures-- > 0) return Error(Fault::transient, "not yet");
    return std::nullopt;
  });
  Sent sent;
  auto buffer = make_buffer(context, "{size: 300ms}");
  ASSERT_TRUE(buffer->start(collector));
  ASSERT_TRUE(buffer->write(sent.batch({"a", "b"})));
  EXPECT_FALSE(sent.done) << "acknowledged before its window was delivered";
  ASSERT_TRUE(sent.wait());
  EXPECT_EQ(sent.count(Outcome::delivered), 2u);
  EXPECT_EQ(collector.texts().size(), 4u) << "what failed was tried again";
  buffer->end_of_input();
  EXPECT_TRUE(collector.wait_ended());
  buffer->stop();
}

TEST(SystemWindowTest, MessagesThatAreTooLateAreDropped) {
  TestBuildContext context(all_components());
  Collector collector;
  auto buffer =
      make_buffer(context, "{size: 300ms, timestamp_mapping: 'root = content().string()'}");
  ASSERT_TRUE(buffer->start(collector));
  std::this_thread::sleep_for(50ms);
  Sent late, broken;
  ASSERT_TRUE(buffer->write(late.batch({"2001-01-01T00:00:00Z"})));
  ASSERT_TRUE(late.wait());
  EXPECT_EQ(late.count(Outcome::dropped), 1u);
  EXPECT_FALSE(buffer->write(broken.batch({"no time"})));
  ASSERT_TRUE(broken.wait());
  EXPECT_EQ(broken.count(Outcome::failed), 1u);
  EXPECT_TRUE(collector.texts().empty());
  buffer->stop();
}

TEST(SystemWindowTest, OpenWindowsGoBackToTheirSenders) {
  TestBuildContext context(all_components());
  Collector collector;
  Sent sent;
  auto buffer = make_buffer(context, "{size: 1h}");
  ASSERT_TRUE(buffer->start(collector));
  ASSERT_TRUE(buffer->write(sent.batch({"a"})));
  buffer->stop();
  ASSERT_TRUE(sent.wait());
  EXPECT_EQ(sent.count(Outcome::failed), 1u);
  EXPECT_TRUE(collector.texts().empty());
}

TEST(SystemWindowTest, WindowsThatOverlapShareTheirMessages) {
  TestBuildContext context(all_components());
  Collector collector;
  Sent sent;
  auto buffer = make_buffer(context, "{size: 600ms, slide: 200ms}");
  ASSERT_TRUE(buffer->start(collector));
  ASSERT_TRUE(buffer->write(sent.batch({"a"})));
  ASSERT_TRUE(sent.wait());
  EXPECT_EQ(sent.count(Outcome::delivered), 1u);
  EXPECT_EQ(collector.texts().size(), 3u) << "each message is of three windows";
  buffer->stop();
}

struct Mistake {
  std::string_view body;
  std::string_view complaint;
};

TEST(SystemWindowTest, Mistakes) {
  TestBuildContext context(all_components());
  for (const Mistake& each : {Mistake{"{size: 0s}", "size must be longer than 0s"},
                              Mistake{"{size: 1s, slide: 1s}", "slide must be shorter than the size"},
                              Mistake{"{size: 1s, offset: 2s}", "offset must be shorter than the size"},
                              Mistake{"{size: 1s, allowed_lateness: 1s}",
                                      "allowed_lateness must be shorter than the size"}}) {
    for (const BufferType* type : buffers()) {
      if (type->info.name != "system_window") continue;
      const auto made = type->build(*parse_yaml(std::string(each.body)), context);
      ASSERT_FALSE(made) << each.body;
      EXPECT_THAT(std::string(made.error().message()), testing::HasSubstr(std::string(each.complaint)));
    }
  }
}

}  // namespace
}  // namespace tollgate
