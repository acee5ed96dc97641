#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/thread_name.h"

namespace tollgate {

/// Threads that take items from one queue and handle them. The queue itself is unbounded: whoever
/// pushes bounds what is under way.
template <typename Item>
class WorkQueue {
 public:
  /// Called on a worker thread; `worker` is 0 .. threads-1, for state that each thread owns.
  using Handle = std::function<void(std::size_t worker, Item item)>;
  /// Called on a worker after it handled the last item while nothing else is queued or handled.
  using Idle = std::function<void()>;

  WorkQueue(std::size_t threads, Handle handle, Idle idle = [] {})
      : handle_(std::move(handle)), idle_(std::move(idle)) {
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this, i] { loop(i); });
    }
  }
  ~WorkQueue() { stop(); }
  WorkQueue(const WorkQueue&) = delete;

  void push(Item item) {
    {
      std::lock_guard lock(lock_);
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
  }

  /// Whether nothing is queued or being handled.
  bool idle() const {
    std::lock_guard lock(lock_);
    return items_.empty() && busy_ == 0;
  }

  /// Waits until idle; false at the deadline.
  bool wait_idle(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(lock_);
    return became_idle_.wait_until(lock, deadline, [this] { return items_.empty() && busy_ == 0; });
  }

  /// Handles what is queued, then ends the threads.
  void stop() {
    {
      std::lock_guard lock(lock_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  void loop(std::size_t worker) {
    name_thread("worker");
    std::unique_lock lock(lock_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !items_.empty(); });
      if (items_.empty()) return;
      Item item = std::move(items_.front());
      items_.pop_front();
      ++busy_;
      lock.unlock();
      handle_(worker, std::move(item));
      lock.lock();
      --busy_;
      if (busy_ == 0 && items_.empty()) {
        became_idle_.notify_all();
        lock.unlock();
        idle_();
        lock.lock();
      }
    }
  }

  const Handle handle_;
  const Idle idle_;
  mutable std::mutex lock_;
  std::condition_variable changed_, became_idle_;
  std::deque<Item> items_;  // lock_
  std::size_t busy_ = 0;    // lock_; workers inside handle_
  bool stopping_ = false;   // lock_
  std::vector<std::thread> threads_;
};

}  // namespace tollgate
