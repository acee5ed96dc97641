#pragma once

#include <chrono>
#include <functional>
#include <mutex>

#include "runtime/timer_queue.h"

namespace tollgate {

/// Runs a short function at an interval on the timer thread, from start() to stop() or destruction.
class Periodic {
 public:
  Periodic(TimerQueue& timers, std::chrono::nanoseconds interval, std::function<void()> run)
      : timers_(timers), interval_(interval), run_(std::move(run)) {}
  Periodic(const Periodic&) = delete;
  ~Periodic() { stop(); }

  void start() {
    std::lock_guard lock(lock_);
    schedule();
  }

  /// Afterwards the function neither runs nor will. Not from inside it.
  void stop() {
    TimerQueue::Id last;
    {
      std::lock_guard lock(lock_);
      stopped_ = true;
      last = std::exchange(next_, 0);
    }
    if (last != 0) timers_.cancel(last);
  }

 private:
  void schedule() {  // requires lock_
    next_ = timers_.after(interval_, [this] {
      run_();
      std::lock_guard lock(lock_);
      if (!stopped_) schedule();
    });
  }

  TimerQueue& timers_;
  const std::chrono::nanoseconds interval_;
  const std::function<void()> run_;
  std::mutex lock_;
  TimerQueue::Id next_ = 0;  // guarded by lock_
  bool stopped_ = false;     // guarded by lock_
};

}  // namespace tollgate
