#include "component/output.h"

#include <gtest/gtest.h>

#include "component/effects.h"
#include "component/processor.h"
#include "component/testing.h"

namespace tollgate {
namespace {

/// Keeps its writes for the test to answer.
class HeldOutput final : public Output {
 public:
  void write(SharedBatch batch, Ack ack) override {
    batches.push_back(std::move(batch));
    acks.push_back(std::move(ack));
  }
  std::vector<SharedBatch> batches;
  std::vector<Ack> acks;
};

Error error(const char* text, Fault fault = Fault::transient) { return Error(fault, text); }

TEST(Deliver, SettlesReceiptsAsTheOutputSays) {
  HeldOutput output;
  Batch batch = batch_of({"a", "b", "c", "d"});
  std::optional<TransactionResult> ended;
  add_receipts(batch, [&](TransactionResult result) { ended = std::move(result); });
  deliver(output, std::move(batch));
  ASSERT_FALSE(ended);
  WriteResult result;
  result.exceptions.push_back({1, {Outcome::failed, error("full"), Refusal::size}});
  result.exceptions.push_back({2, {Outcome::dropped, error("rule"), Refusal::none}});
  result.exceptions.push_back({3, {Outcome::failed, std::nullopt, Refusal::none}});
  output.acks[0](std::move(result));
  ASSERT_TRUE(ended);
  ASSERT_EQ(ended->outcomes.size(), 4u);
  EXPECT_EQ(ended->outcomes[0], Outcome::delivered);
  EXPECT_EQ(ended->outcomes[1], Outcome::failed);
  EXPECT_EQ(ended->outcomes[2], Outcome::dropped);
  EXPECT_EQ(ended->outcomes[3], Outcome::failed);
  ASSERT_EQ(ended->failures.size(), 3u);
  EXPECT_EQ(ended->failures[0].refusal, Refusal::size);
  EXPECT_NE(ended->failures[2].error.message(), "");
}

TEST(ReceiptsFor, TellsTheAckWhatBecameOfEach) {
  std::optional<WriteResult> told;
  const auto open = [&](std::uint32_t messages) {
    told.reset();
    return receipts_for(messages, Ack([&](WriteResult result) { told = std::move(result); }));
  };
  auto all = open(3);
  for (auto& receipt : all) receipt.resolve(Outcome::delivered);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->status.outcome, Outcome::delivered);
  EXPECT_TRUE(told->exceptions.empty());

  auto mixed = open(3);
  mixed[2].resolve(Outcome::filtered);
  mixed[0].fail(error("down"));
  mixed[1].resolve(Outcome::delivered);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->of(0).error->message(), "down");
  EXPECT_EQ(told->of(1).outcome, Outcome::delivered);
  EXPECT_EQ(told->of(2).outcome, Outcome::filtered);
  EXPECT_FALSE(told->ok());

  auto failed = open(2);
  failed[1].fail(error("second"), Refusal::content);
  failed[0].fail(error("first"));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->status.error->message(), "first");
  EXPECT_EQ(told->of(0).error->message(), "first");
  EXPECT_EQ(told->of(1).error->message(), "second");
  EXPECT_EQ(told->of(1).refusal, Refusal::content);

  EXPECT_TRUE(open(0).empty());
  EXPECT_TRUE(told);
}

TEST(Ack, IsCalledOnce) {
  int calls = 0;
  Ack ack([&](const WriteResult&) { ++calls; });
  Ack moved = std::move(ack);
  EXPECT_TRUE(moved);
  moved(WriteResult::delivered());
  EXPECT_FALSE(moved);
  EXPECT_EQ(calls, 1);
}

TEST(Receipt, TheReasonIsOneForWhatTheRecordEndedWith) {
  const struct {
    const char* what;
    Outcome first, second;
    Refusal first_refusal, second_refusal;
    const char* reason;
    Refusal refusal;
  } cases[] = {
      {"a drop and a failure", Outcome::dropped, Outcome::failed, Refusal::content, Refusal::none,
       "second", Refusal::none},
      {"a refusal and trouble", Outcome::failed, Outcome::failed, Refusal::content, Refusal::none,
       "second", Refusal::none},
      {"trouble and a refusal", Outcome::failed, Outcome::failed, Refusal::none, Refusal::content,
       "first", Refusal::none},
      {"two refusals", Outcome::failed, Outcome::failed, Refusal::content, Refusal::content, "first",
       Refusal::content},
  };
  for (const auto& each : cases) {
    std::optional<TransactionResult> ended;
    auto receipts =
        Transaction::open(1, [&](TransactionResult result) { ended = std::move(result); });
    Receipt share = receipts[0].share();
    receipts[0].resolve(each.first, error("first"), each.first_refusal);
    share.resolve(each.second, error("second"), each.second_refusal);
    ASSERT_TRUE(ended) << each.what;
    ASSERT_EQ(ended->failures.size(), 1u) << each.what;
    EXPECT_EQ(ended->failures[0].error.message(), each.reason) << each.what;
    EXPECT_EQ(ended->failures[0].refusal, each.refusal) << each.what;
  }
}

TEST(Receipt, AFailureElsewhereNeedsNoReasonFromADelivery) {
  std::optional<TransactionResult> ended;
  auto receipts = Transaction::open(1, [&](TransactionResult r) { ended = std::move(r); });
  Receipt share = receipts[0].share();
  receipts[0].resolve(Outcome::dropped, error("rule"));
  share.resolve(Outcome::dead_lettered, error("poison"));
  ASSERT_TRUE(ended);
  ASSERT_EQ(ended->failures.size(), 1u);
  EXPECT_EQ(ended->failures[0].error.message(), "poison");
}

TEST(Subset, KeepsOrderAndMemory) {
  Batch batch = batch_of({"a", "b", "c"});
  batch.encode();
  const auto shared = std::make_shared<const Batch>(std::move(batch));
  EXPECT_EQ(subset(shared, {0, 1, 2}), shared);
  const auto part = subset(shared, {0, 2});
  ASSERT_EQ(part->size(), 2u);
  EXPECT_EQ((*part)[1].bytes(), "c");
}

// Processors --------------------------------------------------------------------------------------

class Removes final : public MessageProcessor {
  Result<Verdict> transform(Batch& batch, std::size_t index) override {
    if (batch[index].bytes() == "bad") return invalid("is bad");
    return batch[index].bytes() == "gone" ? Verdict::remove : Verdict::keep;
  }
};

class Splits final : public Processor {
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    for (Message& message : batch) {
      Batch one(batch.shared_memory());
      one.add(std::move(message));
      out.push_back(std::move(one));
    }
    return {};
  }
};

class Breaks final : public Processor {
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (batch[0].bytes() != "b") {
      out.push_back(std::move(batch));
      return {};
    }
    batch.fail(error("stopped", Fault::cancelled));
    return cancelled("stopped");
  }
};

TEST(ProcessorChain, FlagsAndFilters) {
  ProcessorChain chain({[] { return std::make_unique<Removes>(); }});
  Batch batch = batch_of({"a", "gone", "bad"});
  std::optional<TransactionResult> ended;
  add_receipts(batch, [&](TransactionResult result) { ended = std::move(result); });
  std::vector<Batch> out;
  ASSERT_TRUE(chain.process(std::move(batch), out));
  ASSERT_EQ(out.size(), 1u);
  ASSERT_EQ(out[0].size(), 2u);
  EXPECT_EQ(out[0][1].error()->text, "is bad");
  out[0].resolve(Outcome::delivered);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->outcomes[1], Outcome::filtered);
}

TEST(ProcessorChain, AnErrorFailsWhatTheOthersHold) {
  ProcessorChain chain({[] { return std::make_unique<Splits>(); },
                        [] { return std::make_unique<Breaks>(); }});
  Batch batch = batch_of({"a", "b", "c"});
  std::optional<TransactionResult> ended;
  add_receipts(batch, [&](TransactionResult result) { ended = std::move(result); });
  std::vector<Batch> out;
  EXPECT_FALSE(chain.process(std::move(batch), out));
  EXPECT_TRUE(out.empty());
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->count[static_cast<std::size_t>(Outcome::failed)], 3u);
}

TEST(DeferredEffects, AreCollectedByTheInnermost) {
  int happened = 0;
  const auto effect = [&] { ++happened; };
  DeferredEffects::apply(effect);
  EXPECT_EQ(happened, 1);
  {
    DeferredEffects outer;
    {
      DeferredEffects inner;
      DeferredEffects::apply(effect);
      EXPECT_EQ(inner.take().size(), 1u);
    }
    DeferredEffects::apply(effect);
    for (const auto& each : outer.take()) each();
  }
  EXPECT_EQ(happened, 2);
  DeferredEffects::apply(effect);
  EXPECT_EQ(happened, 3);
}

}  // namespace
}  // namespace tollgate
