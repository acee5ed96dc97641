#include "pipeline/batcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <random>
#include <thread>

#include "pipeline/test_support.h"

namespace tollgate {
namespace {

using namespace pipeline_test;
using namespace std::chrono_literals;

Counter& deliveries() {
  static Counter counter;
  return counter;
}

/// Joins a batch into one message and counts what it joins, once delivered.
class Joins final : public Processor {
 public:
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    std::string body;
    std::vector<Receipt> receipts;
    for (Message& message : batch) {
      body += std::string(body.empty() ? "" : ",") + std::string(message.bytes());
      receipts.push_back(std::move(message.receipt));
    }
    DeferredEffects::apply([count = batch.size()] { deliveries().add_count(count); });
    Batch joined(batch.shared_memory());
    Message& message = joined.add();
    message.set_bytes(joined.arena().copy(body));
    message.receipt = Receipt::merge(std::move(receipts));
    out.push_back(std::move(joined));
    return {};
  }
};

/// Counts each message once delivered, and joins nothing.
class Counts final : public Processor {
 public:
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    DeferredEffects::apply([count = batch.size()] { deliveries().add_count(count); });
    out.push_back(std::move(batch));
    return {};
  }
};

class Removes final : public Processor {
 public:
  Result<> process(Batch batch, std::vector<Batch>&) override {
    batch.resolve(Outcome::filtered);
    return {};
  }
};

/// A destination that refuses requests with a culprit in them ("b…"), and remembers what it took.
struct Destination {
  std::atomic<int> requests{0};
  std::atomic<bool> down{false};
  int broken_from = 0, broken_to = 0;  ///< requests by number, of which it refuses everything
  std::size_t largest = std::string::npos;  ///< bytes of a request
  std::mutex lock;
  std::vector<std::string> accepted;  // lock

  void answer(const SharedBatch& batch, Ack ack) {
    const int number = requests++;
    if (number >= broken_from && number < broken_to) {
      return ack(WriteResult::failed(Error(Fault::invalid, "400 for all"), Refusal::content));
    }
    if (down) return ack(WriteResult::failed(Error(Fault::transient, "503")));
    std::vector<std::string> parts;
    std::size_t bytes = 0;
    for (const auto& text : texts_of(*batch)) {
      bytes += text.size();
      for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        parts.push_back(text.substr(at, comma - at));
        at = comma + 1;
      }
    }
    if (bytes > largest) {
      return ack(WriteResult::failed(Error(Fault::invalid, "413"), Refusal::size));
    }
    if (std::ranges::any_of(parts, [](const auto& part) { return part[0] == 'b'; })) {
      return ack(WriteResult::failed(Error(Fault::invalid, "400"), Refusal::content));
    }
    {
      std::lock_guard hold(lock);
      accepted.insert(accepted.end(), parts.begin(), parts.end());
    }
    ack(WriteResult::delivered());
  }
  std::vector<std::string> took() {
    std::lock_guard hold(lock);
    auto sorted = accepted;
    std::ranges::sort(sorted);
    return sorted;
  }
};

class BatcherTest : public testing::Test {
 protected:
  template <typename P>
  static ProcessorFactory each() {
    return [] { return std::make_unique<P>(); };
  }

  std::unique_ptr<Batcher> batcher(BatchPolicy policy) {
    return batcher(std::move(policy),
                   [this](const SharedBatch& batch, Ack ack) { to_.answer(batch, std::move(ack)); });
  }
  std::unique_ptr<Batcher> batcher(BatchPolicy policy, ScriptedOutput::Script script) {
    return std::make_unique<Batcher>(
        std::make_unique<ScriptedOutput>(std::move(script)), std::move(policy),
        Batcher::Counters{&count_, &size_, &period_, &check_, &flush_, &isolated_}, timers_,
        executor_, gate_, Logger(), timing_);
  }

  struct Verdicts {
    std::size_t delivered = 0, refused = 0, transient = 0;
  };
  /// One write of messages, "g…" and at `bad` "b…", flushed at once.
  Verdicts isolate(std::size_t n, const std::vector<bool>& bad, ProcessorFactory processor) {
    to_.requests = 0;
    to_.accepted.clear();
    auto made = batcher({.count = n, .processors = {std::move(processor)}});
    std::vector<std::string> payloads;
    for (std::size_t i = 0; i < n; ++i) payloads.push_back((bad[i] ? "b" : "g") + std::to_string(i));
    const WriteResult result = Written(*made, payloads).wait();
    Verdicts verdicts;
    std::vector<std::string> good;
    for (std::uint32_t i = 0; i < n; ++i) {
      const WriteStatus& status = result.of(i);
      if (status.outcome == Outcome::delivered) {
        ++verdicts.delivered;
        EXPECT_FALSE(bad[i]) << i;
      } else if (status.refusal == Refusal::content) {
        ++verdicts.refused;
        EXPECT_TRUE(bad[i]) << i << " of " << n;
      } else {
        ++verdicts.transient;
      }
      if (!bad[i]) good.push_back(payloads[i]);
    }
    std::ranges::sort(good);
    if (verdicts.transient == 0) {
      EXPECT_EQ(to_.took(), good);
    }
    executor_.settle();
    return verdicts;
  }

  static int bound(std::size_t n, std::size_t culprits) {
    return 1 + 2 * static_cast<int>(culprits) * static_cast<int>(std::bit_width(n - 1));
  }

  Counter count_, size_, period_, check_, flush_, isolated_;
  Brake::Timing timing_{.second_look = 2ms};
  Gate gate_;
  Destination to_;
  TimerQueue timers_;
  Executor executor_;
};

TEST_F(BatcherTest, FlushesByCount) {
  auto made = batcher({.count = 3, .processors = {each<Joins>()}});
  Written first(*made, {"a"}), second(*made, {"c"});
  EXPECT_FALSE(first.answered());
  Written third(*made, {"d", "e"});  // all of a write go together
  EXPECT_TRUE(first.wait().ok());
  EXPECT_TRUE(third.wait().ok());
  EXPECT_EQ(to_.took().size(), 4u);
  EXPECT_EQ(to_.requests, 1);
  EXPECT_EQ(count_.value(), 1);
}

TEST_F(BatcherTest, FlushesBySize) {
  auto made = batcher({.byte_size = 10});
  Written first(*made, {"aaaaa"});
  EXPECT_FALSE(first.answered());
  Written second(*made, {"ccccc"});
  EXPECT_TRUE(first.wait().ok());
  EXPECT_EQ(size_.value(), 1);
}

TEST_F(BatcherTest, KeepsPayloadsWhoseBatchIsGone) {
  // Long ones are most of their batch's memory and stay where they are, short ones are copied.
  for (const std::size_t size : {5u, 2000u}) {
    to_.accepted.clear();
    auto made = batcher({.count = 20, .processors = {each<Joins>()}});
    std::vector<std::string> wanted;
    std::vector<std::unique_ptr<Written>> writes;
    for (int i = 0; i < 20; i += 2) {
      wanted.push_back("g" + std::to_string(i) + std::string(size, 'a'));
      wanted.push_back("g" + std::to_string(i + 1) + std::string(size, 'c'));
      writes.push_back(std::make_unique<Written>(
          *made, std::vector<std::string>(wanted.end() - 2, wanted.end())));
      // Memory that was given back is used again.
      batch_of({std::string(2 * size, '!'), std::string(2 * size, '?')});
    }
    for (const auto& write : writes) EXPECT_TRUE(write->wait().ok());
    std::ranges::sort(wanted);
    EXPECT_EQ(to_.took(), wanted);
    executor_.settle();
  }
}

TEST_F(BatcherTest, FlushesByPeriod) {
  auto made = batcher({.count = 1000, .period = 20ms});
  for (int round = 0; round < 3; ++round) {
    Written write(*made, {"a"});
    EXPECT_TRUE(write.wait().ok());
  }
  EXPECT_EQ(period_.value(), 3);
}

TEST_F(BatcherTest, AnIdlePeriodDoesNotFlushTheFirstAlone) {
  auto made = batcher({.count = 2, .period = 400ms});
  const auto begun = Clock::now();
  EXPECT_TRUE(eventually([&] { return Clock::now() > begun + 410ms; }));
  Written first(*made, {"a"});
  Written second(*made, {"c"});
  EXPECT_TRUE(second.wait().ok());
  EXPECT_EQ(count_.value() + period_.value(), to_.requests);
  EXPECT_EQ(count_.value(), 1);
}

TEST_F(BatcherTest, FlushesByCheck) {
  auto check = Mapping::compile("content() == \"end\"");
  ASSERT_TRUE(check);
  auto made = batcher({.check = std::make_shared<const Mapping>(std::move(*check))});
  Written first(*made, {"a"});
  EXPECT_FALSE(first.answered());
  Written second(*made, {"end"});
  EXPECT_TRUE(first.wait().ok());
  EXPECT_EQ(check_.value(), 1);
}

TEST_F(BatcherTest, HoldsNothingBackOnceFlushed) {
  auto made = batcher({.count = 100});
  Written first(*made, {"a"});
  made->flush();
  EXPECT_TRUE(first.wait().ok());
  EXPECT_TRUE(Written(*made, {"c"}).wait().ok());
  EXPECT_EQ(flush_.value(), 2);
  EXPECT_TRUE(Written(*made, Batch()).wait().ok());
}

TEST_F(BatcherTest, GathersManyWriters) {
  auto made = batcher({.count = 100, .processors = {each<Joins>()}});
  std::vector<std::vector<Written>> writes(4);
  std::vector<std::thread> writers;
  for (std::size_t t = 0; t < writes.size(); ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < 250; ++i) {
        writes[t].emplace_back(*made, std::vector{fmt::format("g{}-{}", t, i)});
      }
    });
  }
  for (auto& writer : writers) writer.join();
  for (auto& mine : writes) {
    for (auto& write : mine) EXPECT_TRUE(write.wait().ok());
  }
  EXPECT_EQ(to_.took().size(), 1000u);
  EXPECT_EQ(to_.requests, 10);
}

TEST_F(BatcherTest, ProcessorsMaySettleEverything) {
  auto made = batcher({.count = 2, .processors = {each<Removes>()}});
  const auto result = Written(*made, {"a", "c"}).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::filtered);
  EXPECT_EQ(result.of(1).outcome, Outcome::filtered);
  EXPECT_EQ(to_.requests, 0);
}

TEST_F(BatcherTest, ProcessorsThatRunOnceDoNotRunOnParts) {
  auto made = batcher({.count = 4, .processors = {each<Counts>(), each<Joins>()}, .run_once = 1});
  const double before = deliveries().value();
  const auto result = Written(*made, {"g1", "b1", "g2", "g3"}).wait();
  executor_.settle();
  EXPECT_EQ(result.of(1).refusal, Refusal::content);
  EXPECT_EQ(to_.took().size(), 3u);
  EXPECT_EQ(deliveries().value() - before, 4 + 3);  // Counts at once for all, Joins as delivered
}

// Poison ------------------------------------------------------------------------------------------

TEST_F(BatcherTest, EverySubsetOfCulpritsIsIsolated) {
  for (std::size_t n = 2; n <= 10; ++n) {
    for (std::uint32_t subset = 0; subset + 1 < 1u << n; ++subset) {
      std::vector<bool> bad(n);
      for (std::size_t i = 0; i < n; ++i) bad[i] = subset >> i & 1;
      const auto culprits = static_cast<std::size_t>(std::popcount(subset));
      const double before = deliveries().value();
      const Verdicts verdicts = isolate(n, bad, each<Joins>());
      EXPECT_EQ(verdicts.refused, culprits) << n << " " << subset;
      EXPECT_EQ(verdicts.delivered, n - culprits) << n << " " << subset;
      EXPECT_EQ(deliveries().value() - before, static_cast<double>(n - culprits));
      EXPECT_LE(to_.requests, bound(n, culprits)) << n << " " << subset;
    }
  }
}

TEST_F(BatcherTest, CulpritsOfLargerBatchesAreIsolated) {
  std::mt19937 random(11);
  const auto run = [&](std::size_t n, std::size_t culprits) {
    std::vector<bool> bad(n);
    std::fill_n(bad.begin(), culprits, true);
    std::shuffle(bad.begin(), bad.end(), random);
    const Verdicts verdicts = isolate(n, bad, each<Joins>());
    EXPECT_EQ(verdicts.refused, culprits) << n;
    EXPECT_EQ(verdicts.delivered, n - culprits) << n;
    EXPECT_LE(to_.requests, bound(n, culprits)) << n << " " << culprits;
  };
  for (std::size_t n = 9; n <= 64; ++n) {
    for (std::size_t culprits = 0; culprits < n; culprits += 1 + n / 8) run(n, culprits);
  }
  for (int round = 0; round < 12; ++round) {
    const std::size_t n = 65 + random() % 9'936;
    run(n, random() % 12);
    run(65 + random() % 200, random() % 60);
  }
  run(10'000, 1);
  run(10'000, 100);
  run(300, 299);
}

TEST_F(BatcherTest, MessagesThatShareARequestWithoutBeingJoinedAreIsolatedToo) {
  for (std::size_t n = 2; n <= 32; ++n) {
    std::vector<bool> bad(n);
    bad[n / 3] = true;
    const double before = deliveries().value();
    const Verdicts verdicts = isolate(n, bad, each<Counts>());
    EXPECT_EQ(verdicts.refused, 1u) << n;
    EXPECT_EQ(verdicts.delivered, n - 1) << n;
    EXPECT_EQ(deliveries().value() - before, static_cast<double>(n - 1)) << n;
  }
}

TEST_F(BatcherTest, EffectsOfAPartAreOfThatPart) {
  const double before = deliveries().value();
  auto made = batcher({.count = 3, .processors = {each<Counts>()}},
                      [](const SharedBatch&, Ack ack) {
                        WriteResult result;
                        result.exceptions.push_back(
                            {1, {Outcome::failed, Error(Fault::transient, "reset"), Refusal::none}});
                        ack(std::move(result));
                      });
  EXPECT_FALSE(Written(*made, {"a", "c", "d"}).wait().ok());
  EXPECT_EQ(deliveries().value() - before, 2);
}

TEST_F(BatcherTest, TooLargeIsHalvedAndNothingIsDropped) {
  to_.largest = 30;
  auto made = batcher({.count = 64, .processors = {each<Joins>()}});
  std::vector<std::string> payloads;
  for (int i = 0; i < 64; ++i) payloads.push_back(fmt::format("g{:04}", i));
  EXPECT_TRUE(Written(*made, payloads).wait().ok());
  EXPECT_EQ(to_.took(), payloads);
  EXPECT_EQ(isolated_.value(), 0);
}

TEST_F(BatcherTest, OneThatIsItselfTooLargeIsACulprit) {
  to_.largest = 30;
  auto made = batcher({.count = 4, .processors = {each<Joins>()}});
  const auto result = Written(*made, {"g1", "g2", "g" + std::string(40, 'x'), "g3"}).wait();
  EXPECT_EQ(result.of(2).refusal, Refusal::content);
  EXPECT_EQ(to_.took().size(), 3u);
  EXPECT_EQ(isolated_.value(), 1);
}

TEST_F(BatcherTest, TroubleIsNoPoison) {
  to_.down = true;
  auto made = batcher({.count = 4, .processors = {each<Joins>()}});
  const auto result = Written(*made, {"b1", "g1", "g2", "g3"}).wait();
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(result.of(i).refusal, Refusal::none);
    EXPECT_EQ(result.of(i).outcome, Outcome::failed);
  }
  EXPECT_EQ(to_.requests, 1);
}

TEST_F(BatcherTest, ADestinationThatRefusesEverythingLosesNothing) {
  auto made = batcher({.count = 16, .processors = {each<Joins>()}});
  const auto result = Written(*made, std::vector<std::string>(16, "b")).wait();
  for (std::uint32_t i = 0; i < 16; ++i) {
    EXPECT_EQ(result.of(i).outcome, Outcome::failed);
    EXPECT_EQ(result.of(i).refusal, Refusal::none);
    EXPECT_EQ(result.of(i).error->fault(), Fault::transient);
    EXPECT_EQ(result.of(i).error->message().find("400"), std::string::npos);
  }
  EXPECT_TRUE(made->saturated());
  EXPECT_FALSE(made->connected());
  // Braked, it does not ask for each again.
  const int before = to_.requests;
  Written(*made, std::vector<std::string>(16, "b")).wait();
  EXPECT_EQ(to_.requests, before + 1);
  // Whatever is accepted releases the brake.
  EXPECT_TRUE(Written(*made, std::vector<std::string>(16, "g")).wait().ok());
  EXPECT_FALSE(made->saturated());
}

TEST_F(BatcherTest, ALoneCulpritIsBelievedOnceSomethingIsAccepted) {
  auto made = batcher({.byte_size = 1, .processors = {each<Joins>()}});
  Written lone(*made, {"b1"});
  EXPECT_FALSE(lone.answered());
  EXPECT_TRUE(Written(*made, {"g1"}).wait().ok());
  EXPECT_EQ(lone.wait().of(0).refusal, Refusal::content);
  Written first(*made, {"b2"}), second(*made, {"b3"});
  EXPECT_EQ(first.wait().of(0).refusal, Refusal::none);
  EXPECT_EQ(second.wait().of(0).refusal, Refusal::none);
  EXPECT_TRUE(made->saturated());
}

// A destination that begins or ends to refuse everything at any moment of an isolation. Other
// traffic flows on. Who is innocent may be given back, but is never called a culprit.
TEST_F(BatcherTest, AnOutageInTheMiddleCondemnsNoInnocent) {
  std::mt19937 random(5);
  timing_ = {.patience = 1h, .pause = 1ms, .second_look = 1h};
  for (int round = 0; round < 1500; ++round) {
    const std::size_t n = 3 + random() % (round % 3 ? 12 : 60);
    std::vector<std::string> payloads(n, "g");
    for (std::size_t culprits = random() % 4; culprits > 0; --culprits) {
      payloads[random() % n] = "b";
    }
    to_.requests = 0;
    to_.broken_from = static_cast<int>(random() % (2 * std::bit_width(n) + 2));
    to_.broken_to = to_.broken_from + static_cast<int>(random() % 12);
    auto made = batcher({.count = 1000, .processors = {each<Joins>()}});
    made->flush();  // every write is a batch
    Written main(*made, payloads);
    std::vector<Written> traffic;  // some of it waits for the rest
    while (!main.answered()) {
      traffic.emplace_back(*made, std::vector<std::string>(3, "g"));
      executor_.settle();
    }
    const WriteResult result = main.wait();
    for (std::uint32_t i = 0; i < n; ++i) {
      const WriteStatus& status = result.of(i);
      if (payloads[i] == "b") {
        EXPECT_EQ(status.outcome, Outcome::failed);
      } else {
        EXPECT_EQ(status.refusal, Refusal::none)
            << "round " << round << ": " << i << " of " << n << ", broken from " << to_.broken_from
            << " to " << to_.broken_to;
      }
    }
  }
}

TEST_F(BatcherTest, SuspectsOfAnOutageAreKeptUntilItIsOver) {
  timing_ = {.patience = 1h, .second_look = 1h};
  auto made = batcher({.count = 1000, .processors = {each<Joins>()}});
  made->flush();
  to_.broken_from = 3;  // all, left and right half were answered
  to_.broken_to = 1000;
  std::vector<std::string> payloads(16, "g");
  payloads[0] = "b";
  Written main(*made, payloads);
  EXPECT_TRUE(eventually([&] { return to_.requests >= 3 + 2 + 4 + 8; }));
  executor_.settle();
  EXPECT_FALSE(main.answered());
  EXPECT_FALSE(made->saturated());
  to_.broken_to = 0;
  EXPECT_TRUE(Written(*made, {"g"}).wait().ok());
  const WriteResult result = main.wait();
  for (std::uint32_t i = 1; i < 16; ++i) EXPECT_EQ(result.of(i).outcome, Outcome::delivered) << i;
  EXPECT_EQ(result.of(0).refusal, Refusal::content);
}

TEST_F(BatcherTest, ASecondLookBelievesOnlyWhileNoOtherBatchIsRefused) {
  timing_ = {.patience = 400ms, .second_look = 100ms};
  auto made = batcher({.count = 1000, .processors = {each<Joins>()}});
  made->flush();
  Written main(*made, {"b", "b", "g", "g"});
  EXPECT_TRUE(eventually([&] { return to_.requests == 5; }));
  executor_.settle();
  Written lone(*made, {"b"});
  EXPECT_EQ(main.wait().of(0).refusal, Refusal::none);
  EXPECT_EQ(main.wait().of(3).outcome, Outcome::delivered);
  EXPECT_EQ(lone.wait().of(0).refusal, Refusal::none);
  EXPECT_TRUE(made->saturated());
}

TEST_F(BatcherTest, CloseGivesBackWhatIsOpen) {
  std::vector<Ack> acks;
  std::mutex lock;
  auto made = batcher({.count = 2, .period = 1h, .processors = {each<Joins>()}},
                      [&](const SharedBatch& batch, Ack ack) {
                        if (texts_of(*batch)[0][0] == 'b') {
                          return ack(WriteResult::failed(Error(Fault::invalid, "400"),
                                                         Refusal::content));
                        }
                        ack(WriteResult::failed(Error(Fault::cancelled, "closed")));
                      });
  Written pending(*made, {"g"});
  made->close(Clock::now());
  EXPECT_EQ(pending.wait().status.error->fault(), Fault::cancelled);
  auto other = batcher({.byte_size = 1}, [](const SharedBatch&, Ack ack) {
    ack(WriteResult::failed(Error(Fault::invalid, "400"), Refusal::content));
  });
  Written suspect(*other, {"b"});
  other->close(Clock::now());
  EXPECT_EQ(suspect.wait().status.error->fault(), Fault::cancelled);
  EXPECT_EQ(suspect.wait().status.refusal, Refusal::none);
}

TEST_F(BatcherTest, MayGoWhileAcksComeIn) {
  for (int round = 0; round < 200; ++round) {
    Executor network;
    auto made = batcher({.count = 8, .period = 1ms, .processors = {each<Joins>()}},
                        [&](const SharedBatch& batch, Ack ack) {
                          network.post([&, batch, ack = std::move(ack)]() mutable {
                            to_.answer(batch, std::move(ack));
                          });
                        });
    std::vector<Written> writes;
    for (int i = 0; i < 20; ++i) {
      writes.emplace_back(*made, std::vector<std::string>{i % 7 ? "g" : "b", "g"});
    }
    made->close(Clock::now() + 1s);
    made.reset();
    for (auto& write : writes) EXPECT_TRUE(write.answered());
  }
}

}  // namespace
}  // namespace tollgate
