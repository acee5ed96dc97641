#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <future>
#include <latch>
#include <random>

#include "runtime/child_process.h"
#include "runtime/executor.h"
#include "runtime/timer_queue.h"
#include "runtime/work_queue.h"

namespace tollgate {
namespace {

using namespace std::chrono_literals;

TEST(ChildProcess, OneThatEndsBeforeItReadDoesNotEndUs) {
  // In a process of its own, where nothing ignores the signal before.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::signal(SIGPIPE, SIG_DFL);
        auto child = ChildProcess::start("true", {});
        if (!child) std::exit(1);
        std::string how;
        child->wait(how);  // from here on nobody reads
        const ssize_t written = ::write(child->input(), "x", 1);
        std::exit(written < 0 && errno == EPIPE ? 0 : 2);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(ChildProcess, InputThatIsNotReadIsNoError) {
  const std::string more_than_a_pipe_holds(4 << 20, 'x');
  const auto result =
      run_command("sh", {"-c", "echo done"}, more_than_a_pipe_holds, 1000, std::stop_token());
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->output, "done\n");
  EXPECT_EQ(result->how, "exit status 0");
}

TEST(TimerQueue, RunsInOrderOfTime) {
  TimerQueue timers;
  std::promise<void> last;
  std::string order;
  timers.after(300ms, [&] { order += 'c'; last.set_value(); });
  timers.after(100ms, [&] { order += 'a'; });
  timers.after(200ms, [&] { order += 'b'; });
  last.get_future().wait();
  EXPECT_EQ(order, "abc");
}

TEST(TimerQueue, CancelledNeverRuns) {
  TimerQueue timers;
  std::atomic<bool> ran{false};
  timers.cancel(timers.after(10ms, [&] { ran = true; }));
  std::promise<void> later;
  timers.after(20ms, [&] { later.set_value(); });
  later.get_future().wait();
  EXPECT_FALSE(ran);
  timers.cancel(4711);  // unknown: nothing happens
}

TEST(TimerQueue, CancelWaitsForTheOneThatRuns) {
  TimerQueue timers;
  std::promise<void> started, go_on;
  std::atomic<bool> done{false};
  const auto id = timers.after(0ms, [&] {
    started.set_value();
    go_on.get_future().wait();
    done = true;
  });
  started.get_future().wait();
  std::thread canceller([&] {
    timers.cancel(id);
    EXPECT_TRUE(done);
  });
  go_on.set_value();
  canceller.join();
}

TEST(TimerQueue, MayBeUsedFromInside) {
  TimerQueue timers;
  std::promise<void> done;
  TimerQueue::Id id = 0;
  std::promise<void> stored;
  id = timers.after(0ms, [&] {
    stored.get_future().wait();
    timers.cancel(id);  // itself: must not wait for itself
    timers.cancel(timers.after(1ms, [] { ADD_FAILURE(); }));
    timers.after(1ms, [&] { done.set_value(); });
  });
  stored.set_value();
  done.get_future().wait();
}

TEST(TimerQueue, CancelTheFirstWhileItIsWaitedFor) {
  TimerQueue timers;
  for (int round = 0; round < 200; ++round) {
    std::promise<void> done;
    const auto first = timers.after(1ms, [] {});
    timers.after(2ms, [&] { done.set_value(); });
    timers.cancel(first);
    done.get_future().wait();
  }
}

TEST(TimerQueue, DestructionDropsWhatDidNotRun) {
  auto token = std::make_shared<int>();
  {
    TimerQueue timers;
    timers.after(1h, [token] { ADD_FAILURE(); });
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Executor, RunsInOrderAndAllBeforeItGoes) {
  std::vector<int> order;
  {
    Executor executor;
    for (int i = 0; i < 100; ++i) {
      executor.post([&order, &executor, i] {
        order.push_back(i);
        if (i == 99) executor.post([&order] { order.push_back(100); });
      });
    }
  }
  ASSERT_EQ(order.size(), 101u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Executor, SettleWaitsForWhatWasPosted) {
  Executor executor;
  int ran = 0;
  for (int i = 0; i < 50; ++i) executor.post([&ran] { ++ran; });
  executor.settle();
  EXPECT_EQ(ran, 50);
  executor.post([&] { executor.settle(); });  // on its own thread: does not wait for itself
  executor.settle();
}

TEST(WorkQueue, HandlesEachItemOnce) {
  std::vector<std::atomic<int>> handled(10'000);
  std::atomic<int> idle{0};
  {
    WorkQueue<std::unique_ptr<std::size_t>> queue(
        4, [&](std::size_t worker, std::unique_ptr<std::size_t> item) {
          EXPECT_LT(worker, 4u);
          ++handled[*item];
        },
        [&] { ++idle; });
    std::vector<std::thread> writers;
    for (std::size_t w = 0; w < 4; ++w) {
      writers.emplace_back([&, w] {
        for (std::size_t i = w; i < handled.size(); i += 4) {
          queue.push(std::make_unique<std::size_t>(i));
        }
      });
    }
    for (auto& writer : writers) writer.join();
    EXPECT_TRUE(queue.wait_idle(std::chrono::steady_clock::now() + 60s));
    EXPECT_TRUE(queue.idle());
    queue.stop();
    queue.stop();  // again: nothing happens
  }
  for (const auto& times : handled) EXPECT_EQ(times, 1);
  EXPECT_GE(idle, 1);
}

TEST(WorkQueue, WaitIdleEndsAtItsDeadlineAndStopFinishes) {
  std::promise<void> go_on;
  int handled = 0;
  auto gate = go_on.get_future().share();
  WorkQueue<int> queue(1, [&](std::size_t, int) {
    gate.wait();
    ++handled;
  });
  queue.push(1);
  queue.push(2);
  EXPECT_FALSE(queue.wait_idle(std::chrono::steady_clock::now() + 1ms));
  go_on.set_value();
  queue.stop();
  EXPECT_EQ(handled, 2);
}

}  // namespace
}  // namespace tollgate
