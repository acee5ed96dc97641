#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace tollgate {

/// Where workers wait for room downstream. Whoever makes room calls open(); waiters look again.
class Gate {
 public:
  void open() {
    { std::lock_guard lock(lock_); }
    changed_.notify_all();
  }

  /// Waits until `passable()`; looks again at every open(), and now and then on its own since
  /// some conditions change by time alone.
  template <typename Passable>
  void wait(Passable&& passable) {
    std::unique_lock lock(lock_);
    while (!passable()) changed_.wait_for(lock, std::chrono::milliseconds(20));
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
};

}  // namespace tollgate
