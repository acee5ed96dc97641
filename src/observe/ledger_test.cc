#include "observe/ledger.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "observe/metrics.h"

namespace tollgate {
namespace {

TransactionResult result_of(std::array<std::uint32_t, kOutcomes> count) {
  TransactionResult result;
  result.count = count;
  for (const auto records : count) result.records += records;
  return result;
}

TEST(Ledger, BalancesFromReceivingToSettling) {
  Ledger ledger;
  EXPECT_TRUE(ledger.totals().balanced());
  ledger.receive(15);
  EXPECT_EQ(ledger.totals().pending, 15);
  EXPECT_TRUE(ledger.totals().balanced());
  ledger.settle(result_of({1, 2, 3, 4, 0}));
  EXPECT_EQ(Ledger::describe(ledger.totals()),
            "received 15 = delivered 2 + dead-lettered 4 + filtered 1 + dropped 3 + failed 0 + "
            "pending 5");
  EXPECT_TRUE(ledger.totals().balanced());
}

TEST(Ledger, TheCheckCanFail) {
  Ledger ledger;
  ledger.receive(1);
  TransactionResult wrong = result_of({0, 1, 0, 0, 0});
  wrong.records = 0;
  ledger.settle(wrong);
  EXPECT_FALSE(ledger.totals().balanced());
  EXPECT_THAT(Ledger::describe(ledger.totals()), ::testing::HasSubstr("received 1 != delivered 1"));

  Ledger early;
  early.settle(result_of({0, 1, 0, 0, 0}));
  EXPECT_FALSE(early.totals().balanced());
}

/// Records received by one thread and settled by another, as in a pipeline; more threads than
/// shards. Whatever moment a reader sees, it balances.
TEST(Ledger, BalancesAtEveryReadWhileThreadsWrite) {
  Ledger ledger;
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> handed_over = 0, received = 0;
  std::uint64_t reads = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(static_cast<unsigned>(t));
        while (!stop) {
          const std::uint32_t records = random() % 100;
          ledger.receive(records);
          received += records;
          handed_over += records;
          std::this_thread::yield();
        }
      });
      threads.emplace_back([&, t] {
        std::mt19937 random(static_cast<unsigned>(100 + t));
        while (!stop || handed_over > 0) {
          const std::uint32_t wanted = 1 + random() % 50;
          if (handed_over.fetch_sub(wanted) < static_cast<std::int64_t>(wanted)) {
            handed_over += wanted;
            if (stop) break;
            std::this_thread::yield();
            continue;
          }
          std::array<std::uint32_t, kOutcomes> count{};
          count[random() % kOutcomes] = wanted;
          ledger.settle(result_of(count));
        }
      });
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    while (std::chrono::steady_clock::now() < end) {
      const Ledger::Totals totals = ledger.totals();
      ASSERT_TRUE(totals.balanced()) << Ledger::describe(totals);
      ++reads;
    }
    stop = true;
  }
  const Ledger::Totals totals = ledger.totals();
  EXPECT_TRUE(totals.balanced()) << Ledger::describe(totals);
  EXPECT_EQ(totals.received, static_cast<std::uint64_t>(received.load()));
  EXPECT_GT(reads, 0u);
}

TEST(Ledger, IsPublishedAsOneMoment) {
  Ledger ledger;
  MetricsRegistry registry{Logger()};
  publish_ledger(ledger, registry);
  std::atomic<bool> stop = false;
  std::jthread writer([&] {
    while (!stop) {
      ledger.receive(3);
      ledger.settle(result_of({1, 1, 1, 0, 0}));
    }
  });
  const auto value_of = [](const std::vector<Series>& all, std::string_view name) {
    for (const Series& series : all) {
      if (series.name == name) return series.value;
    }
    ADD_FAILURE() << name;
    return 0.0;
  };
  for (int i = 0; i < 200; ++i) {
    const auto all = registry.series();
    EXPECT_EQ(value_of(all, "ledger_received"),
              value_of(all, "ledger_delivered") + value_of(all, "ledger_filtered") +
                  value_of(all, "ledger_dropped") + value_of(all, "ledger_dead_lettered") +
                  value_of(all, "ledger_failed") + value_of(all, "ledger_pending"));
  }
  stop = true;
}

class LedgerFile : public testing::Test {
 protected:
  LedgerFile() { std::filesystem::create_directories(directory_); }
  ~LedgerFile() override { std::filesystem::remove_all(directory_); }

  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / fmt::format("tollgate-ledger-{}", ::getpid());
  const std::string file_ = directory_ / "ledger";
};

TEST_F(LedgerFile, GoesOnWhereItWas) {
  {
    Ledger ledger;
    ASSERT_TRUE(ledger.keep_in(file_));
    ledger.receive(10);
    ledger.settle(result_of({1, 2, 3, 1, 0}));
    EXPECT_EQ(Ledger::read(file_)->pending, 3);
    Ledger other;
    EXPECT_THAT(other.keep_in(file_).error().message(), ::testing::HasSubstr("another process"));
  }
  Ledger next;
  ASSERT_TRUE(next.keep_in(file_));
  // The three that were pending were never answered: their senders own them.
  EXPECT_EQ(Ledger::describe(next.totals()),
            "received 10 = delivered 2 + dead-lettered 1 + filtered 1 + dropped 3 + failed 3 + "
            "pending 0");
  next.receive(3);
  next.settle(result_of({0, 3, 0, 0, 0}));
  EXPECT_TRUE(next.totals().balanced());
  EXPECT_EQ(Ledger::to_json(*Ledger::read(file_)),
            R"({"received":13,"delivered":5,"dead_lettered":1,"filtered":1,"dropped":3,"failed":3,)"
            R"("pending":0,"balanced":true})");
}

TEST_F(LedgerFile, IsAsOfTheLastChangeAfterAKill) {
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      Ledger ledger;
      if (!ledger.keep_in(file_)) ::_exit(1);
      while (true) {  // until it is killed
        ledger.receive(5);
        ledger.settle(result_of({1, 2, 0, 1, 1}));
      }
    }
    const auto before = Ledger::read(file_);
    const std::uint64_t counted = before ? before->received : 0;
    Result<Ledger::Totals> now = before;
    do now = Ledger::read(file_);
    while (!now || now->received < counted + 1000);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  Ledger ledger;
  ASSERT_TRUE(ledger.keep_in(file_));
  const auto totals = ledger.totals();
  EXPECT_TRUE(totals.balanced()) << Ledger::describe(totals);
  EXPECT_EQ(totals.pending, 0);
  EXPECT_GE(totals.received, 20'000u);
}

TEST_F(LedgerFile, WhatIsNoLedgerIsRefused) {
  std::ofstream(file_) << "something else";
  Ledger ledger;
  EXPECT_FALSE(ledger.keep_in(file_));
  EXPECT_FALSE(Ledger::read(file_));
  std::ofstream(file_) << std::string(4096, 'x');
  EXPECT_FALSE(ledger.keep_in(file_));
  EXPECT_FALSE(ledger.keep_in("/no/such/folder/ledger"));
  EXPECT_TRUE(ledger.totals().balanced());
}

TEST_F(LedgerFile, AnImbalanceSurvives) {
  {
    Ledger ledger;
    ASSERT_TRUE(ledger.keep_in(file_));
    ledger.settle(result_of({0, 1, 0, 0, 0}));
  }
  Ledger next;
  ASSERT_TRUE(next.keep_in(file_));
  EXPECT_FALSE(next.totals().balanced());
}

}  // namespace
}  // namespace tollgate
