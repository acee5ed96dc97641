#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/log.h"
#include "pipeline/gate.h"
#include "runtime/executor.h"
#include "runtime/timer_queue.h"

namespace tollgate {

/// What a batcher knows about its destination as a whole: when it last accepted something, which
/// events wait for that knowledge, and whether it refuses everything.
///
/// An event is refused for its own sake or because the destination refuses everything for a while,
/// and one answer cannot tell which. Two refusals with an acceptance between them can. So events that
/// were refused once too few wait here until something that was sent after their refusal is accepted,
/// and are tried again then. If nothing is, the destination is broken: they are given up as
/// transient, writes pause and the output counts as not connected.
///
/// Any thread. Callbacks run on the thread that reports, or on the executor; without a lock held.
class Brake {
 public:
  using Clock = std::chrono::steady_clock;

  struct Timing {
    /// How long events wait for an acceptance before they are given up; while requests are under
    /// way that may bring one, six times as long.
    std::chrono::nanoseconds patience = std::chrono::seconds(5);
    std::chrono::nanoseconds pause = std::chrono::seconds(5);
    /// When nothing else is under way that could bring an acceptance, events of a batch of which a
    /// part was accepted are tried again after this time, and believed then.
    std::chrono::nanoseconds second_look = std::chrono::seconds(1);
  };

  /// Events of one batch that were refused alone and are not believed yet.
  class Suspects {
   public:
    virtual ~Suspects() = default;
    /// Try them again. `evidence`: because something was accepted since.
    virtual void look_again(bool evidence) = 0;
    virtual void give_up() = 0;
    virtual void stopping() = 0;
    virtual std::string reason() const = 0;
  };
  struct Waiting {
    std::shared_ptr<Suspects> suspects;
    std::size_t events = 0;
    Clock::time_point refused;     ///< an acceptance counts if it was sent no earlier
    bool partly_accepted = false;  ///< the destination took another part of their batch
    bool looked_twice = false;
    Clock::time_point since = Clock::now();
  };

  Brake(Timing timing, TimerQueue& timers, Executor& executor, Gate& gate, Logger logger);

  /// A request is under way, and later: it was answered.
  void sending() { ++outstanding_; }
  void answered() { --outstanding_; }
  /// A request that was sent at `sent` was accepted, at least in part.
  void accepted(Clock::time_point sent);
  /// The newest time at which a request was sent that is known to have been accepted.
  Clock::time_point newest_accepted() const;

  void wait(Waiting group);
  /// From now on give_up() and stopping() are the only callbacks.
  void close();

  bool engaged() const;

  /// A batch was refused, and later: it is known why.
  void trouble_began() { ++troubled_; }
  void trouble_ended() { --troubled_; }
  /// No batch but the one that asks is in trouble.
  bool calm() const { return troubled_ <= 1 && !engaged(); }

 private:
  using Groups = std::vector<Waiting>;
  void arm_timer();  // requires lock_
  void on_timer();
  void give_up(Groups groups);

  const Timing timing_;
  TimerQueue& timers_;
  Executor& executor_;
  Gate& gate_;
  const Logger logger_;
  std::atomic<int> troubled_{0}, outstanding_{0};

  mutable std::mutex lock_;
  bool closed_ = false;                   // lock_
  Clock::time_point newest_accepted_{};   // lock_
  Clock::time_point paused_until_{};      // lock_
  Groups groups_;                         // lock_
  std::optional<TimerQueue::Id> timer_;   // lock_
};

}  // namespace tollgate
