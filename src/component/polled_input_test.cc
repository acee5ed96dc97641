#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "component/input.h"
#include "component/intake_tools.h"

namespace tollgate {
namespace {

/// Gives the texts "0" … "n-1", each a batch.
class Numbers final : public PolledInput {
 public:
  Numbers(int count, bool replay) : PolledInput({.replay_failed = replay}), count_(count) {}
  ~Numbers() override { stop(); }
  std::atomic<int> settled_calls{0};

 protected:
  Result<> connect() override {
    next_ = 0;
    return {};
  }
  Result<std::optional<Batch>> read() override {
    if (next_ == count_) return std::nullopt;
    Batch batch;
    batch.add().set_bytes(batch.arena().copy(std::to_string(next_++)));
    return batch;
  }
  void settled() override { ++settled_calls; }

 private:
  const int count_;
  int next_ = 0;
};

/// Fails each payload as often as it is told, then accepts it.
class Picky final : public Intake {
 public:
  explicit Picky(int failures) : failures_(failures) {}

  Result<> submit(Delivery delivery) override {
    for (Batch& batch : open_fully(std::move(delivery))) {
      for (Message& message : batch) {
        std::unique_lock lock(lock_);
        const std::string text(message.bytes());
        identities_[text].push_back(message.identity.high);
        const bool fails = tries_[text]++ < failures_;
        lock.unlock();
        if (fails) {
          message.receipt.fail(Error(Fault::transient, "not yet"));
        } else {
          message.receipt.resolve(Outcome::delivered);
        }
      }
    }
    return {};
  }
  bool try_submit(Delivery& delivery) override { return submit(std::move(delivery)).has_value(); }
  void ended() override {
    std::lock_guard lock(lock_);
    ended_ = true;
    changed_.notify_all();
  }
  bool wait_ended() {
    std::unique_lock lock(lock_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return ended_; });
  }

  std::map<std::string, int> tries_;
  std::map<std::string, std::vector<std::uint64_t>> identities_;

 private:
  const int failures_;
  std::mutex lock_;
  std::condition_variable changed_;
  bool ended_ = false;
};

TEST(PolledInputTest, ReplaysFailuresUntilAccepted) {
  Picky intake(5);
  Numbers input(200, true);
  ASSERT_TRUE(input.start(intake));
  ASSERT_TRUE(intake.wait_ended());
  input.stop();
  EXPECT_EQ(intake.tries_.size(), 200u);
  for (const auto& [text, tries] : intake.tries_) {
    EXPECT_EQ(tries, 6) << text;
    const auto& seen = intake.identities_[text];
    EXPECT_NE(seen.front(), 0u);
    EXPECT_EQ(std::ranges::count(seen, seen.front()), 6) << "a replay keeps its identity";
  }
  EXPECT_GE(input.settled_calls, 1);
}

TEST(PolledInputTest, WithoutReplayAFailureIsFinal) {
  Picky intake(1);
  Numbers input(10, false);
  ASSERT_TRUE(input.start(intake));
  ASSERT_TRUE(intake.wait_ended());
  for (const auto& [text, tries] : intake.tries_) EXPECT_EQ(tries, 1) << text;
}

TEST(PolledInputTest, StopsWhileReplaying) {
  Picky intake(1'000'000);
  Numbers input(10, true);
  ASSERT_TRUE(input.start(intake));
  input.stop();
  // It may be started again and begins anew.
  ASSERT_TRUE(input.start(intake));
  input.stop();
}

}  // namespace
}  // namespace tollgate
