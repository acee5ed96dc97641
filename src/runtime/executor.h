#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "base/thread_name.h"

namespace tollgate {

/// Runs functions one after another on one thread of its own; for work that timers and network
/// threads must not do themselves. Destruction runs what was posted before it.
class Executor {
 public:
  Executor() : thread_([this] { loop(); }) {}
  ~Executor() {
    {
      std::lock_guard lock(lock_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Executor(const Executor&) = delete;

  void post(std::move_only_function<void()> run) {
    std::lock_guard lock(lock_);
    posted_.push_back(std::move(run));
    // Before the lock is given up: what was posted may let somebody destroy this.
    changed_.notify_one();
  }

  /// Waits until everything posted before ran; returns at once on the executor's own thread.
  void settle() {
    if (std::this_thread::get_id() == thread_.get_id()) return;
    std::promise<void> reached;
    post([&reached] { reached.set_value(); });
    reached.get_future().wait();
  }

 private:
  void loop() {
    name_thread("executor");
    std::unique_lock lock(lock_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !posted_.empty(); });
      if (posted_.empty()) return;
      auto run = std::move(posted_.front());
      posted_.pop_front();
      lock.unlock();
      run();
      run = nullptr;
      lock.lock();
    }
  }

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> posted_;  // lock_
  bool stopping_ = false;                               // lock_
  std::thread thread_;
};

}  // namespace tollgate
