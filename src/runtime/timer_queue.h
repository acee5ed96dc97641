#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace tollgate {

/// Runs functions at their time on one thread of its own. They must be short: hand longer work on.
/// Any thread may schedule and cancel, also from inside a function that runs.
class TimerQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Id = std::uint64_t;

  TimerQueue();
  ~TimerQueue();  ///< functions that did not run yet never will
  TimerQueue(const TimerQueue&) = delete;

  Id after(std::chrono::nanoseconds delay, std::move_only_function<void()> run);
  /// Removes it if it did not run yet; waits for it if it runs now, unless called from inside it.
  /// Afterwards it neither runs nor will.
  void cancel(Id id);

 private:
  void loop();

  std::mutex lock_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, std::pair<Id, std::move_only_function<void()>>> due_;  // lock_
  Id next_id_ = 1;                                                                        // lock_
  Id running_ = 0;                                                                        // lock_
  bool stopping_ = false;                                                                 // lock_
  std::thread thread_;
};

}  // namespace tollgate
