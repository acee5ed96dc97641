#include "pipeline/in_flight_limit.h"

#include <thread>

#include "pipeline/memory_budget.h"
#include "pipeline/test_support.h"

namespace tollgate {
namespace {

using namespace pipeline_test;

struct Held {
  std::mutex lock;
  std::vector<std::string> order;  // lock
  std::vector<Ack> acks;           // lock

  std::unique_ptr<Output> output() {
    return std::make_unique<ScriptedOutput>([this](const SharedBatch& batch, Ack ack) {
      std::lock_guard hold(lock);
      order.push_back(texts_of(*batch)[0]);
      acks.push_back(std::move(ack));
    });
  }
  std::size_t size() {
    std::lock_guard hold(lock);
    return acks.size();
  }
};

TEST(InFlightLimit, KeepsOrderAndBound) {
  Gate gate;
  Held held;
  InFlightLimit limit(held.output(), 2, gate);
  std::vector<Written> writes;
  for (int i = 0; i < 5; ++i) writes.emplace_back(limit, std::vector{std::to_string(i)});
  EXPECT_EQ(held.size(), 2u);
  EXPECT_TRUE(limit.saturated());
  for (std::size_t i = 0; i < 5; ++i) {
    held.acks[i](WriteResult::delivered());
    EXPECT_TRUE(writes[i].answered());
    EXPECT_EQ(held.size(), std::min<std::size_t>(5, i + 3));
  }
  EXPECT_EQ(held.order, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  EXPECT_FALSE(limit.saturated());
}

TEST(InFlightLimit, AChildThatAcksFromInsideDoesNotRecurse) {
  Gate gate;
  Ack first;
  int depth = 0, deepest = 0;
  InFlightLimit limit(std::make_unique<ScriptedOutput>([&](const SharedBatch& batch, Ack ack) {
                        if (texts_of(*batch)[0] == "first") {
                          first = std::move(ack);
                          return;
                        }
                        deepest = std::max(deepest, ++depth);
                        ack(WriteResult::delivered());
                        --depth;
                      }),
                      1, gate);
  Written begun(limit, {"first"});
  std::vector<Written> writes;
  for (int i = 0; i < 10'000; ++i) writes.emplace_back(limit, std::vector<std::string>{"x"});
  first(WriteResult::delivered());
  for (auto& write : writes) EXPECT_TRUE(write.answered());
  EXPECT_EQ(deepest, 1);
}

TEST(InFlightLimit, CloseAnswersWhatWaits) {
  Gate gate;
  Held held;
  InFlightLimit limit(held.output(), 1, gate);
  Written under_way(limit, {"a"}), waiting(limit, {"b"});
  limit.close(Clock::now());
  EXPECT_EQ(waiting.wait().status.error->fault(), Fault::cancelled);
  Written late(limit, {"c"});
  EXPECT_EQ(late.wait().status.error->fault(), Fault::cancelled);
  held.acks[0](WriteResult::delivered());
  EXPECT_TRUE(under_way.answered());
}

using Texts = std::vector<std::string>;

TEST(InFlightLimit, AWriteThatWaitsGivesItsPlaceAway) {
  Gate gate;
  Held held;
  InFlightLimit limit(held.output(), 2, gate);
  std::vector<Written> writes;
  for (const char* text : {"a", "b", "c", "d"}) writes.emplace_back(limit, Texts{text});
  held.acks[0].slot()->pause();
  EXPECT_EQ(held.order, (Texts{"a", "b", "c"}));
  EXPECT_TRUE(limit.saturated());
  bool again = false;
  held.acks[0].slot()->resume([&] { again = true; });
  EXPECT_FALSE(again) << "b and c are under way";
  held.acks[1](WriteResult::delivered());
  EXPECT_TRUE(again);
  EXPECT_EQ(held.size(), 3u) << "before new ones";
  held.acks[0](WriteResult::delivered());
  EXPECT_EQ(held.order, (Texts{"a", "b", "c", "d"}));
  held.acks[2](WriteResult::delivered());
  EXPECT_FALSE(limit.saturated());
  held.acks[3](WriteResult::delivered());
  for (auto& write : writes) EXPECT_TRUE(write.answered());
}

TEST(InFlightLimit, ABoundOfOneKeepsTheOrder) {
  Gate gate;
  Held held;
  InFlightLimit limit(held.output(), 1, gate);
  Written first(limit, {"a"}), second(limit, {"b"});
  for (int attempt = 0; attempt < 3; ++attempt) {
    held.acks[0].slot()->pause();
    EXPECT_EQ(held.order, Texts{"a"});
    bool again = false;
    held.acks[0].slot()->resume([&] { again = true; });
    EXPECT_TRUE(again);
  }
  held.acks[0](WriteResult::delivered());
  EXPECT_EQ(held.order, (Texts{"a", "b"}));
  held.acks[1](WriteResult::delivered());
}

TEST(InFlightLimit, ADestinationThatTakesNothingIsNotAskedByMore) {
  Gate gate;
  Held held;
  InFlightLimit limit(held.output(), 2, gate);
  std::vector<Written> writes;
  for (int i = 0; i < 20; ++i) writes.emplace_back(limit, Texts{std::to_string(i)});
  // Two may give their place away untested; whoever fails from then on keeps it.
  for (std::size_t i = 0; i < held.size(); ++i) held.acks[i].slot()->pause();
  EXPECT_EQ(held.size(), 4u);
  int again = 0;
  for (std::size_t i : {0u, 1u}) held.acks[i].slot()->resume([&] { ++again; });
  EXPECT_EQ(again, 0);
  held.acks[2].slot()->resume([&] { ++again; });
  EXPECT_EQ(again, 1) << "it kept its place";
  held.acks[2](WriteResult::delivered());
  // One was accepted: those that waited longest go on, and the one that still waits makes room.
  EXPECT_EQ(again, 3);
  EXPECT_EQ(held.size(), 4u);
  held.acks[3].slot()->resume([&] { ++again; });
  for (std::size_t i : {0u, 1u}) held.acks[i](WriteResult::delivered());
  EXPECT_EQ(again, 4);
  held.acks[3](WriteResult::delivered());
  for (std::size_t i = 4; i < 20; ++i) held.acks[i](WriteResult::delivered());
  for (auto& write : writes) EXPECT_TRUE(write.answered());
}

TEST(InFlightLimit, AFailureThatEndsAWriteEarnsNothing) {
  Gate gate;
  Held held;
  InFlightLimit limit(held.output(), 2, gate);
  std::vector<Written> writes;
  for (int i = 0; i < 8; ++i) writes.emplace_back(limit, Texts{std::to_string(i)});
  for (std::size_t i = 0; i < 4; ++i) held.acks[i].slot()->pause();
  held.acks[0](WriteResult::failed(Error(Fault::transient, "given up")));  // while it was away
  held.acks[2](WriteResult::failed(Error(Fault::transient, "given up")));  // while it kept its place
  EXPECT_EQ(held.size(), 5u);
  held.acks[4].slot()->pause();
  EXPECT_EQ(held.size(), 5u);
  held.acks[0].slot()->resume([] { FAIL() << "it ended"; });
  for (std::size_t i : {1u, 3u, 4u, 5u, 6u, 7u}) held.acks[i](WriteResult::delivered());
  for (auto& write : writes) EXPECT_TRUE(write.answered());
}

TEST(InFlightLimit, CloseWaitsForWritesThatAreAway) {
  Gate gate;
  Held held;
  InFlightLimit limit(held.output(), 2, gate);
  Written away(limit, {"a"});
  held.acks[0].slot()->pause();
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    held.acks[0].slot()->resume([&] { held.acks[0](WriteResult::delivered()); });
  });
  limit.close(Clock::now() + std::chrono::seconds(60));
  EXPECT_TRUE(away.answered());
  EXPECT_TRUE(away.wait().ok());
  later.join();
}

TEST(InFlightLimit, CloseSendsNothingMoreAfterItsDeadline) {
  Gate gate;
  Held held;
  InFlightLimit limit(held.output(), 2, gate);
  std::vector<Written> writes;
  for (const char* text : {"a", "b", "c"}) writes.emplace_back(limit, Texts{text});
  const auto kept = std::make_shared<int>();
  held.acks[0].slot()->pause();
  held.acks[0].slot()->resume([kept] { FAIL() << "sent after the deadline"; });
  EXPECT_EQ(kept.use_count(), 2);
  limit.close(Clock::now());
  EXPECT_EQ(kept.use_count(), 1) << "whoever asked is let go";
  held.acks[1].slot()->pause();
  held.acks[1].slot()->resume([] { FAIL() << "sent after the deadline"; });
  for (Ack& ack : held.acks) ack(WriteResult::failed(Error(Fault::cancelled, "closed")));
  for (auto& write : writes) EXPECT_TRUE(write.answered());
}

TEST(InFlightLimit, MayGoInsideOfTheLastAck) {
  Gate gate;
  Held held;
  auto limit = std::make_unique<InFlightLimit>(held.output(), 1, gate);
  auto batch = std::make_shared<const Batch>(pipeline_test::batch_of({"a"}));
  limit->write(batch, Ack([&](const WriteResult&) { limit.reset(); }));
  auto ack = std::move(held.acks[0]);
  ack(WriteResult::delivered());
  EXPECT_EQ(limit, nullptr);
}

/// Counts one more in flight and keeps the most there ever were.
void enter(std::atomic<int>& in_flight, std::atomic<int>& most) {
  const int now = ++in_flight;
  for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
  }
}

/// 2,000 writes by four threads, each of which waits for room; `done` counts those acked.
void write_from_many_threads(InFlightLimit& limit, Gate& gate, std::atomic<int>& done) {
  const auto batch = std::make_shared<const Batch>(pipeline_test::batch_of({"a"}));
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        limit.write(batch, Ack([&](const WriteResult&) { ++done; }));
        gate.wait([&] { return !limit.saturated(); });
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_TRUE(eventually([&] { return done == 2000; }));
}

TEST(InFlightLimit, BoundHoldsUnderThreads) {
  Gate gate;
  Executor executor;
  std::atomic<int> in_flight{0}, most{0}, done{0};
  InFlightLimit limit(std::make_unique<ScriptedOutput>([&](const SharedBatch&, Ack ack) {
                        enter(in_flight, most);
                        executor.post([&, ack = std::move(ack)]() mutable {
                          --in_flight;
                          ack(WriteResult::delivered());
                        });
                      }),
                      3, gate);
  write_from_many_threads(limit, gate, done);
  executor.settle();
  EXPECT_LE(most, 3);
}

TEST(InFlightLimit, BoundHoldsWhileSomeAreAway) {
  Gate gate;
  TimerQueue timers;
  Executor executor;
  std::atomic<int> in_flight{0}, most{0}, done{0}, attempts{0};
  std::function<void(std::shared_ptr<Ack>)> attempt = [&](std::shared_ptr<Ack> ack) {
    enter(in_flight, most);
    executor.post([&, ack] {
      --in_flight;
      if (++attempts % 3 > 0) return (*ack)(WriteResult::delivered());
      ack->slot()->pause();
      timers.after(std::chrono::microseconds(200),
                   [&, ack] { ack->slot()->resume([&, ack] { attempt(ack); }); });
    });
  };
  InFlightLimit limit(std::make_unique<ScriptedOutput>([&](const SharedBatch&, Ack ack) {
                        attempt(std::make_shared<Ack>(std::move(ack)));
                      }),
                      3, gate);
  write_from_many_threads(limit, gate, done);
  EXPECT_GT(attempts, 2900);
  limit.close(Clock::now() + std::chrono::seconds(60));
  executor.settle();
  EXPECT_LE(most, 3);
}

TEST(MemoryBudget, WaitsForRoomAndLetsOneLargePass) {
  MemoryBudget budget(100);
  std::atomic<bool> closed{false};
  EXPECT_TRUE(budget.try_acquire(1000));  // alone: it must pass at all
  EXPECT_FALSE(budget.try_acquire(1));
  std::atomic<bool> taken{false};
  std::thread waiter([&] { taken = budget.acquire(60, closed); });
  budget.release(1000);
  waiter.join();
  EXPECT_TRUE(taken);
  EXPECT_EQ(budget.used(), 60u);
  budget.charge(100);  // more than fits: others wait for it
  EXPECT_FALSE(budget.try_acquire(1));
  std::thread refused([&] { EXPECT_FALSE(budget.acquire(10, closed)); });
  closed = true;
  budget.wake();
  refused.join();
  budget.release(160);
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace tollgate
