#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace tollgate {

/// Bounds the bytes of all deliveries between ingress and their last ack. Any thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) : limit_(limit) {}

  /// Takes `bytes` if they fit; a delivery larger than the whole limit fits when nothing else is
  /// held, so that it can pass at all.
  bool try_acquire(std::size_t bytes) {
    std::size_t used = used_.load();  // ordered after acquire()'s ++waiters_
    do {
      if (used > 0 && used + bytes > limit_) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    return true;
  }

  /// Waits until they fit; false if `closed` became true meanwhile (see wake()).
  bool acquire(std::size_t bytes, const std::atomic<bool>& closed) {
    if (try_acquire(bytes)) return true;
    std::unique_lock lock(lock_);
    bool taken = false;
    ++waiters_;
    freed_.wait(lock, [&] { return closed || (taken = try_acquire(bytes)); });
    --waiters_;
    return taken;
  }

  /// Takes `bytes` whether they fit or not: for what turned out larger than it was announced. New
  /// takers wait the longer for it.
  void charge(std::size_t bytes) { used_.fetch_add(bytes); }

  void release(std::size_t bytes) {
    used_.fetch_sub(bytes);
    if (waiters_.load() > 0) wake();
  }

  void wake() {
    { std::lock_guard lock(lock_); }
    freed_.notify_all();
  }

  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  std::size_t limit() const { return limit_; }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
  std::atomic<int> waiters_{0};
  std::mutex lock_;
  std::condition_variable freed_;
};

}  // namespace tollgate
