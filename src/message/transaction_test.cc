#include "message/transaction.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <random>
#include <thread>

namespace tollgate {
namespace {

using ::testing::ElementsAre;

std::uint32_t count_of(const TransactionResult& result, Outcome outcome) {
  return result.count[static_cast<std::size_t>(outcome)];
}

/// Opens a transaction whose result lands in `result`; a second call of `done` fails the test.
std::vector<Receipt> open(std::uint32_t records, std::optional<TransactionResult>& result) {
  return Transaction::open(records, [&result](TransactionResult r) {
    EXPECT_FALSE(result.has_value());
    result = std::move(r);
  });
}

TEST(Transaction, WithoutRecordsIsDoneAtOnce) {
  std::optional<TransactionResult> result;
  EXPECT_TRUE(open(0, result).empty());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->records, 0u);
  EXPECT_TRUE(result->ok());
}

TEST(Transaction, IsDoneWithTheLastRecord) {
  std::optional<TransactionResult> result;
  auto receipts = open(3, result);
  receipts[2].resolve(Outcome::delivered);
  receipts[0].resolve(Outcome::filtered);
  EXPECT_FALSE(result);
  EXPECT_FALSE(receipts[0]);
  EXPECT_TRUE(receipts[1]);
  receipts[1].resolve(Outcome::dropped);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->ok());
  EXPECT_THAT(result->count, ElementsAre(1, 1, 1, 0, 0));
}

TEST(Transaction, ReportsFailuresByRecordInOrder) {
  std::optional<TransactionResult> result;
  auto receipts = open(3, result);
  receipts[2].fail(Error(Fault::transient, "two"));
  receipts[1].resolve(Outcome::delivered);
  receipts[0].fail(Error(Fault::invalid, "zero"));
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->ok());
  ASSERT_EQ(result->failures.size(), 2u);
  EXPECT_EQ(result->failures[0].record, 0u);
  EXPECT_EQ(result->failures[0].error.message(), "zero");
  EXPECT_EQ(result->failures[1].error.fault(), Fault::transient);
}

TEST(Transaction, DoneMayOpenAnother) {
  int done = 0;
  auto receipts = Transaction::open(1, [&](TransactionResult) {
    ++done;
    Transaction::open(1, [&](TransactionResult) { ++done; })[0].resolve(Outcome::delivered);
  });
  receipts[0].resolve(Outcome::delivered);
  EXPECT_EQ(done, 2);
}

TEST(Settlement, CountsEachTransactionsRecordsOff) {
  std::optional<TransactionResult> first, second, grouped;
  auto a = open(3, first), b = open(2, second), c = open(2, grouped);
  Receipt share = b[1].share();
  Receipt group = Receipt::merge(std::move(c));
  Receipt empty;
  {
    Settlement settlement(Outcome::delivered);
    settlement.resolve(a[0]);
    settlement.resolve(b[0]);
    settlement.resolve(empty);
    settlement.resolve(a[1]);
    settlement.resolve(group);
    EXPECT_TRUE(grouped);
    settlement.resolve(b[1]);  // its share is still out
    settlement.resolve(a[2]);
    EXPECT_FALSE(first) << "before it is told";
  }
  ASSERT_TRUE(first);
  EXPECT_THAT(first->count, ElementsAre(0, 3, 0, 0, 0));
  EXPECT_FALSE(second);
  share.fail(Error(Fault::transient, "late"));
  ASSERT_TRUE(second);
  EXPECT_THAT(second->count, ElementsAre(0, 1, 0, 0, 1));
}

TEST(Receipt, OutcomesOfSharesCombineToTheGreatest) {
  struct {
    Outcome first, second, record;
  } const rows[] = {
      {.first = Outcome::filtered, .second = Outcome::delivered, .record = Outcome::delivered},
      {.first = Outcome::dead_lettered, .second = Outcome::delivered,
       .record = Outcome::dead_lettered},
      {.first = Outcome::dropped, .second = Outcome::dead_lettered,
       .record = Outcome::dead_lettered},
      {.first = Outcome::delivered, .second = Outcome::dropped, .record = Outcome::dropped},
      {.first = Outcome::filtered, .second = Outcome::filtered, .record = Outcome::filtered},
  };
  for (const auto& row : rows) {
    std::optional<TransactionResult> result;
    auto receipts = open(1, result);
    Receipt share = receipts[0].share();
    receipts[0].resolve(row.first);
    EXPECT_FALSE(result);
    share.resolve(row.second);
    ASSERT_TRUE(result);
    EXPECT_EQ(count_of(*result, row.record), 1u);
  }
}

TEST(Receipt, FailedSharesGiveOneFailureWithTheFirstReason) {
  std::optional<TransactionResult> result;
  auto receipts = open(1, result);
  Receipt share = receipts[0].share();
  Receipt third = share.share();
  receipts[0].fail(Error(Fault::transient, "first"));
  share.fail(Error(Fault::invalid, "second"));
  third.resolve(Outcome::delivered);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->failures.size(), 1u);
  EXPECT_EQ(result->failures[0].error.message(), "first");
  EXPECT_EQ(count_of(*result, Outcome::failed), 1u);
}

TEST(Receipt, EmptyOnesSettleNothing) {
  Receipt empty;
  EXPECT_FALSE(empty);
  EXPECT_EQ(empty.records(), 0u);
  EXPECT_FALSE(empty.share());
  EXPECT_FALSE(Receipt::merge({}));
  empty.resolve(Outcome::delivered);
  empty.fail(Error(Fault::invalid, "x"));
}

TEST(Receipt, SettlesOnlyOnce) {
  std::optional<TransactionResult> result;
  auto receipts = open(2, result);
  receipts[0].resolve(Outcome::delivered);
  receipts[0].fail(Error(Fault::invalid, "late"));
  EXPECT_FALSE(result);
  receipts[1].resolve(Outcome::delivered);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->ok());
}

TEST(Receipt, MovesWithoutSettling) {
  std::optional<TransactionResult> result;
  auto receipts = open(1, result);
  Receipt moved = std::move(receipts[0]);
  receipts.clear();
  EXPECT_FALSE(result);
  Receipt assigned;
  assigned = std::move(moved);
  Receipt& self = assigned;
  assigned = std::move(self);
  EXPECT_TRUE(assigned);
  assigned.resolve(Outcome::delivered);
  EXPECT_TRUE(result);
}

TEST(Receipt, GroupsSettleAllTheirRecords) {
  std::optional<TransactionResult> first, second;
  auto a = open(2, first);
  auto b = open(1, second);
  std::vector<Receipt> together;
  together.push_back(std::move(a[0]));
  together.push_back(Receipt());
  together.push_back(std::move(b[0]));
  Receipt group = Receipt::merge(std::move(together));
  EXPECT_EQ(group.records(), 2u);

  std::vector<Receipt> nested;
  nested.push_back(std::move(group));
  nested.push_back(std::move(a[1]));
  Receipt outer = Receipt::merge(std::move(nested));
  EXPECT_EQ(outer.records(), 3u);
  Receipt share = outer.share();
  outer.resolve(Outcome::delivered);
  EXPECT_FALSE(first);
  EXPECT_FALSE(second);
  share.fail(Error(Fault::transient, "down"));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->failures.size(), 2u);
  EXPECT_EQ(second->failures.size(), 1u);
}

TEST(Receipt, GroupOfOneIsThatOne) {
  std::optional<TransactionResult> result;
  Receipt merged = Receipt::merge(open(1, result));
  EXPECT_EQ(merged.records(), 1u);
  merged.resolve(Outcome::delivered);
  EXPECT_TRUE(result);
}

#ifdef NDEBUG
TEST(Receipt, DroppedUnresolvedFailsItsRecord) {
  std::optional<TransactionResult> result;
  open(1, result).clear();
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->ok());
  EXPECT_THAT(std::string(result->failures[0].error.message()), ::testing::HasSubstr("unresolved"));
}
#else
TEST(ReceiptDeathTest, DroppedUnresolvedAsserts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Transaction::open(1, [](TransactionResult) {}).clear(), "unresolved");
}
#endif

/// Random shares, merges, moves and settlements against a plain model of what must come out.
class Model {
 public:
  explicit Model(std::uint32_t seed) : random_(seed) {}

  void run() {
    for (int i = 0; i < 8; ++i) open_one();
    for (int step = 0; step < 400 && !live_.empty(); ++step) do_something();
    while (!live_.empty()) settle(live_.size() - 1);
    for (const auto& expected : records_) {
      ASSERT_TRUE(expected->result);
      TransactionResult& result = *expected->result;
      std::array<std::uint32_t, kOutcomes> count{};
      for (const auto worst : expected->worst) ++count[static_cast<std::size_t>(worst)];
      EXPECT_EQ(result.count, count);
      EXPECT_EQ(result.failures.size(), count[static_cast<std::size_t>(Outcome::failed)]);
      EXPECT_TRUE(std::ranges::is_sorted(result.failures, {}, &TransactionResult::Failure::record));
    }
  }

 private:
  struct Expected {
    std::vector<Outcome> worst;
    std::vector<int> shares;
    std::optional<TransactionResult> result;
    bool done() const {
      return std::ranges::all_of(shares, [](int n) { return n == 0; });
    }
  };
  struct Live {
    Receipt receipt;
    std::vector<std::pair<Expected*, std::uint32_t>> stands_for;
  };

  void open_one() {
    const std::uint32_t records = 1 + random_() % 5;
    auto& expected = *records_.emplace_back(std::make_unique<Expected>());
    expected.worst.assign(records, Outcome::filtered);
    expected.shares.assign(records, 1);
    auto receipts = open(records, expected.result);
    for (std::uint32_t i = 0; i < records; ++i) {
      live_.push_back({std::move(receipts[i]), {{&expected, i}}});
    }
  }

  void do_something() {
    const std::size_t at = random_() % live_.size();
    switch (random_() % 4) {
      case 0: {
        Live copy{live_[at].receipt.share(), live_[at].stands_for};
        for (auto& [expected, index] : copy.stands_for) ++expected->shares[index];
        live_.push_back(std::move(copy));
        break;
      }
      case 1: {
        std::swap(live_[at], live_.back());
        Live other = take();
        if (live_.empty()) return live_.push_back(std::move(other));
        Live& into = live_[random_() % live_.size()];
        std::vector<Receipt> both;
        both.push_back(std::move(into.receipt));
        both.push_back(std::move(other.receipt));
        into.receipt = Receipt::merge(std::move(both));
        into.stands_for.insert(into.stands_for.end(), other.stands_for.begin(),
                               other.stands_for.end());
        break;
      }
      default: settle(at);
    }
  }

  Live take() {
    Live last = std::move(live_.back());
    live_.pop_back();
    return last;
  }

  void settle(std::size_t at) {
    std::swap(live_[at], live_.back());
    Live one = take();
    EXPECT_EQ(one.receipt.records(), one.stands_for.size());
    const auto outcome = static_cast<Outcome>(random_() % kOutcomes);
    for (auto& [expected, index] : one.stands_for) {
      EXPECT_FALSE(expected->result);
      --expected->shares[index];
      expected->worst[index] = std::max(expected->worst[index], outcome);
    }
    if (outcome == Outcome::failed) {
      one.receipt.fail(Error(Fault::transient, "no"));
    } else {
      one.receipt.resolve(outcome);
    }
    for (auto& [expected, index] : one.stands_for) {
      EXPECT_EQ(expected->result.has_value(), expected->done());
    }
  }

  std::mt19937 random_;
  std::vector<std::unique_ptr<Expected>> records_;
  std::vector<Live> live_;
};

TEST(Receipt, RandomOperationsMatchTheModel) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Model(seed).run();
    if (HasFailure()) return;
  }
}

TEST(Transaction, ReceiptsMaySettleOnAnyThread) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> done = 0;
    TransactionResult result;
    std::vector<Receipt> parts[3];
    for (Receipt& receipt : Transaction::open(100, [&](TransactionResult r) {
           result = std::move(r);
           ++done;
         })) {
      parts[1].push_back(receipt.share());
      parts[2].push_back(receipt.share());
      parts[0].push_back(std::move(receipt));
    }
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&part = parts[t], t] {
          for (std::size_t i = 0; i < part.size(); ++i) {
            if (t == 1 && i % 10 == 0) {
              part[i].fail(Error(Fault::transient, "no"));
            } else {
              part[i].resolve(t == 2 ? Outcome::delivered : Outcome::filtered);
            }
          }
        });
      }
    }
    ASSERT_EQ(done, 1);
    EXPECT_THAT(result.count, ElementsAre(0, 90, 0, 0, 10));
    EXPECT_EQ(result.failures.size(), 10u);
  }
}

}  // namespace
}  // namespace tollgate
