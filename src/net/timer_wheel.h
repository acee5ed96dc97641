#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace tollgate {

/// A place in a TimerWheel, embedded in what it wakes. Not scheduled until the wheel is told so;
/// leaves the wheel when it is destroyed.
class Timer {
 public:
  using Fire = void (*)(Timer&);

  explicit Timer(Fire fire) : fire_(fire) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool scheduled() const { return next_ != nullptr; }
  void cancel() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  friend class TimerWheel;

  Timer* next_ = nullptr;
  Timer* prev_ = nullptr;
  std::uint64_t tick_ = 0;
  Fire fire_;
};

/// A timer that calls owner.on_timer().
template <typename Owner>
class OwnedTimer : public Timer {
 public:
  explicit OwnedTimer(Owner& owner)
      : Timer([](Timer& timer) { static_cast<OwnedTimer&>(timer).owner_.on_timer(); }),
        owner_(owner) {}

 private:
  Owner& owner_;
};

/// Many timers, most of which are cancelled before they fire: both cost a few instructions.
///
/// Resolution is 16 ms, rounded up. Timers beyond the 16 s of one turn stay in their slot and are
/// passed over until their turn. One thread.
class TimerWheel {
 public:
  using Clock = std::chrono::steady_clock;

  explicit TimerWheel(Clock::time_point now) : origin_(now) {
    for (auto& slot : slots_) slot.next_ = slot.prev_ = &slot;
  }

  void schedule(Timer& timer, Clock::time_point when) {
    timer.cancel();
    timer.tick_ = std::max(tick_of(when) + 1, current_ + 1);
    auto& slot = slots_[timer.tick_ % slot_count];
    timer.prev_ = slot.prev_;
    timer.next_ = &slot;
    slot.prev_->next_ = &timer;
    slot.prev_ = &timer;
    auto index = timer.tick_ % slot_count;
    used_[index / 64] |= std::uint64_t{1} << (index % 64);
  }

  /// Runs every timer that is due.
  void advance(Clock::time_point now) {
    auto target = tick_of(now);
    // After a long sleep one turn visits every slot.
    if (target > current_ + slot_count) current_ = target - slot_count;
    while (current_ < target) {
      ++current_;
      if (is_used(current_ % slot_count)) fire_slot(current_ % slot_count, target);
    }
  }

  /// How long nothing can be due; -1 when there are no timers.
  int wait_ms(Clock::time_point now) const {
    for (std::uint64_t ahead = 1; ahead <= slot_count; ++ahead) {
      auto index = (current_ + ahead) % slot_count;
      if (used_[index / 64] == 0) {
        ahead += 63 - index % 64;
      } else if (is_used(index)) {
        auto due = origin_ + (current_ + ahead) * tick;
        auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now).count();
        return left > 0 ? static_cast<int>(left) : 0;
      }
    }
    return -1;
  }

 private:
  static constexpr std::uint64_t slot_count = 1024;
  static constexpr std::chrono::milliseconds tick{16};

  struct Slot : Timer {
    Slot() : Timer(nullptr) {}
    ~Slot() {
      while (next_ != nullptr && next_ != this) next_->cancel();
      next_ = nullptr;
    }
    using Timer::next_;
    using Timer::prev_;
  };

  std::uint64_t tick_of(Clock::time_point when) const {
    return when <= origin_ ? 0 : static_cast<std::uint64_t>((when - origin_) / tick);
  }
  bool is_used(std::uint64_t index) const { return (used_[index / 64] >> (index % 64) & 1) != 0; }

  void fire_slot(std::uint64_t index, std::uint64_t target) {
    auto& slot = slots_[index];
    // What is due moves to a list of its own first: firing may schedule and cancel anything.
    Slot due;
    due.next_ = due.prev_ = &due;
    for (Timer* timer = slot.next_; timer != &slot;) {
      Timer* following = timer->next_;
      if (timer->tick_ <= target) {
        timer->cancel();
        timer->prev_ = due.prev_;
        timer->next_ = &due;
        due.prev_->next_ = timer;
        due.prev_ = timer;
      }
      timer = following;
    }
    if (slot.next_ == &slot) used_[index / 64] &= ~(std::uint64_t{1} << (index % 64));
    while (due.next_ != &due) {
      Timer* timer = due.next_;
      timer->cancel();
      timer->fire_(*timer);
    }
  }

  Clock::time_point origin_;
  std::uint64_t current_ = 0;
  std::array<std::uint64_t, slot_count / 64> used_{};
  std::array<Slot, slot_count> slots_;
};

}  // namespace tollgate
