#include "journal/commit_queue.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

#include "journal/test_support.h"

namespace tollgate {
namespace {

using namespace journal_test;

// The commit thread -----------------------------------------------------------------------------------

class Pushes {
 public:
  CommitQueue::Done done() {
    return [this](const Result<>& result) {
      std::lock_guard lock(lock_);
      ++(result ? stored_ : failed_);
      changed_.notify_all();
    };
  }
  void wait(int all) {
    std::unique_lock lock(lock_);
    changed_.wait(lock, [&] { return stored_ + failed_ >= all; });
  }
  int stored() {
    std::lock_guard lock(lock_);
    return stored_;
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  int stored_ = 0, failed_ = 0;  // lock_
};

TEST(CommitQueueTest, OneSyncServesMany) {
  FaultyFileSystem files(1);
  auto journal = open_journal(files, 4096);
  constexpr int writers = 4, each = 250;
  std::set<std::string> given;
  Pushes pushes;
  {
    std::mutex lock;
    std::condition_variable changed;
    bool news = false;
    CommitQueue queue(*journal, {}, logger(), [&] {
      std::lock_guard hold(lock);
      news = true;
      changed.notify_all();
    });
    std::thread reader([&] {
      while (given.size() < writers * each) {
        for (auto& text : drain(*journal, true)) {
          EXPECT_TRUE(given.insert(std::move(text)).second);
        }
        EXPECT_TRUE(journal->save_progress());
        std::unique_lock hold(lock);
        changed.wait_for(hold, std::chrono::milliseconds(20), [&] { return std::exchange(news, false); });
      }
    });
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&, writer] {
        for (int i = 0; i < each; ++i) {
          auto done = pushes.done();
          EXPECT_TRUE(queue.push(entry_of(fmt::format("{}/{}", writer, i)), done));
        }
      });
    }
    for (auto& thread : threads) thread.join();
    pushes.wait(writers * each);
    reader.join();
  }
  EXPECT_EQ(pushes.stored(), writers * each);
  EXPECT_EQ(given.size(), static_cast<std::size_t>(writers * each));
}

TEST(CommitQueueTest, RefusesWhenFullAndTakesAgain) {
  FaultyFileSystem files(1);
  auto journal = open_journal(files, 2048);
  Pushes pushes;
  CommitQueue queue(*journal,
                    {.max_bytes = 8192, .wait_for_room = std::chrono::milliseconds(5)}, logger(),
                    [] {});
  int taken = 0;
  std::optional<Error> refused;
  while (!refused && taken < 100) {
    auto done = pushes.done();
    auto pushed = queue.push(entry_of(std::string(500, 'x')), done);
    pushed ? void(++taken) : void(refused = pushed.error());
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->fault(), Fault::transient);
  EXPECT_GT(taken, 10);
  auto done = pushes.done();
  const auto never = queue.push(entry_of(std::string(9000, 'x')), done);
  EXPECT_EQ(never.error().fault(), Fault::invalid);
  pushes.wait(taken);
  for (int i = 0; i < 1000 && journal->figures().segments > 0; ++i) {
    drain(*journal, true);
    ASSERT_TRUE(journal->save_progress());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the writer ends its segment
  }
  EXPECT_EQ(journal->figures().segments, 0u);
  queue.room_made();
  EXPECT_TRUE(queue.push(entry_of("again"), done));
  queue.stop();
  EXPECT_THAT(drain(*journal), testing::ElementsAre("again"));
}

TEST(CommitQueueTest, LateSyncLosesNothingToAFailingDisk) {
  FaultyFileSystem files(3);
  auto journal = open_journal(files);
  Pushes pushes;
  CommitQueue queue(*journal, {.sync_interval = std::chrono::milliseconds(1)}, logger(), [] {});
  files.fail_at_random(0, 0.7);
  int stored = 0;
  for (int i = 0; i < 50; ++i) {
    auto done = pushes.done();
    ASSERT_TRUE(queue.push(entry_of(std::to_string(i)), done));
    pushes.wait(i + 1);
  }
  stored = pushes.stored();
  files.fail_at_random(0, 0);
  queue.stop();
  EXPECT_EQ(drain(*journal).size(), static_cast<std::size_t>(stored));
}

TEST(CommitQueueTest, TakesNoMoreWhileWhatItConfirmedCannotBeSynced) {
  FaultyFileSystem files(3);
  auto journal = open_journal(files);
  Pushes pushes;
  CommitQueue queue(*journal, {.sync_interval = std::chrono::milliseconds(1)}, logger(), [] {});
  int pushed = 0;
  const auto push = [&] {
    auto done = pushes.done();
    EXPECT_TRUE(queue.push(entry_of(std::to_string(pushed)), done));
    pushes.wait(++pushed);
  };
  push();  // into a segment that exists from then on
  files.fail_at_random(0, 1);
  while (pushes.stored() == pushed && pushed < 10'000) push();
  const int stored = pushes.stored();
  EXPECT_LT(stored, pushed);
  for (int i = 0; i < 5; ++i) push();
  EXPECT_EQ(pushes.stored(), stored);
  files.fail_at_random(0, 0);
  push();
  EXPECT_EQ(pushes.stored(), stored + 1);
  queue.stop();
  EXPECT_EQ(drain(*journal).size(), static_cast<std::size_t>(stored) + 1);
}

// Prints what a real disk does: JOURNAL_BENCH=directory.
TEST(JournalBench, DurableBatchesPerSecond) {
  const char* where = std::getenv("JOURNAL_BENCH");
  if (!where) GTEST_SKIP() << "set JOURNAL_BENCH to a directory";
  for (const std::size_t bytes : {300u, 50'000u}) {
    for (const int writers : {1, 16, 64, 256}) {
      const std::string directory = std::string(where) + "/bench";
      std::filesystem::remove_all(directory);
      auto journal = open_journal(posix_file_system(), std::uint64_t{64} << 20, directory);
      std::atomic<int> stored{0};
      const auto start = std::chrono::steady_clock::now();
      const auto end = start + std::chrono::seconds(2);
      {
        CommitQueue queue(*journal, {.max_bytes = std::uint64_t{8} << 30}, logger(), [] {});
        std::vector<std::thread> threads;
        for (int writer = 0; writer < writers; ++writer) {
          threads.emplace_back([&] {  // a sender with one export under way
            while (std::chrono::steady_clock::now() < end) {
              Pushes push;
              auto done = push.done();
              if (!queue.push(entry_of(std::string(bytes, 'x')), done)) continue;
              push.wait(1);
              ++stored;
            }
          });
        }
        for (auto& thread : threads) thread.join();
      }
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      fmt::print("{} bytes, {} senders: {:.0f} batches/s, {:.0f} syncs/s, {:.1f} MB/s\n", bytes,
                 writers, stored / took.count(),
                 static_cast<double>(journal->figures().syncs) / took.count(),
                 static_cast<double>(stored) * static_cast<double>(bytes) / took.count() / 1e6);
      std::filesystem::remove_all(directory);
    }
  }
}

TEST(JournalBench, RecoversAGigabyte) {
  const char* where = std::getenv("JOURNAL_BENCH");
  if (!where) GTEST_SKIP() << "set JOURNAL_BENCH to a directory";
  const std::string directory = std::string(where) + "/recovery";
  std::filesystem::remove_all(directory);
  constexpr std::size_t record = 60'000;  // about 100 access log records
  auto start = std::chrono::steady_clock::now();
  const auto seconds = [&start] {
    const auto before = std::exchange(start, std::chrono::steady_clock::now());
    return std::chrono::duration<double>(start - before).count();
  };
  {
    auto journal = open_journal(posix_file_system(), std::uint64_t{64} << 20, directory);
    std::string text(record, 'x');
    for (std::size_t written = 0; written < (std::size_t{1} << 30); written += 64 * record) {
      std::vector<Journal::Entry> group;
      for (int i = 0; i < 64; ++i) group.push_back(entry_of(text, 100));
      ASSERT_TRUE(journal->append(std::move(group)));
      ASSERT_TRUE(journal->sync());
    }
  }
  const double writing = seconds();
  auto journal = open_journal(posix_file_system(), std::uint64_t{64} << 20, directory);
  const double opening = seconds();
  ASSERT_TRUE(*journal->next());
  const double first = seconds();
  std::size_t records = 1;
  while (*journal->next()) ++records;
  fmt::print("1 GiB in {} records: written in {:.2f} s, opened in {:.3f} s, first record {:.3f} s "
             "later, read and verified in {:.2f} s\n", records, writing, opening, first, seconds());
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace tollgate
