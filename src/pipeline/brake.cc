#include "pipeline/brake.h"

#include <algorithm>
#include <string>

namespace tollgate {

namespace {

constexpr int kPatienceWhileSending = 6;

}  // namespace

Brake::Brake(Timing timing, TimerQueue& timers, Executor& executor, Gate& gate, Logger logger)
    : timing_(timing),
      timers_(timers),
      executor_(executor),
      gate_(gate),
      logger_(std::move(logger)) {}

void Brake::accepted(Clock::time_point sent) {
  Groups ripe;
  bool was_paused = false;
  {
    std::lock_guard lock(lock_);
    newest_accepted_ = std::max(newest_accepted_, sent);
    was_paused = std::exchange(paused_until_, {}) != Clock::time_point{};
    const auto first = std::ranges::partition(
        groups_, [&](const Waiting& group) { return group.refused > newest_accepted_; });
    std::ranges::move(first, std::back_inserter(ripe));
    groups_.erase(first.begin(), first.end());
  }
  if (was_paused) gate_.open();
  for (Waiting& group : ripe) group.suspects->look_again(true);
}

Brake::Clock::time_point Brake::newest_accepted() const {
  std::lock_guard lock(lock_);
  return newest_accepted_;
}

void Brake::wait(Waiting group) {
  Groups hopeless;
  bool stopping = false, ripe = false;
  {
    std::lock_guard lock(lock_);
    stopping = closed_;
    ripe = group.refused <= newest_accepted_;
    if (!stopping && !ripe) {
      // Of a batch of which nothing was accepted: two such events are no coincidence.
      std::size_t unexplained = group.partly_accepted ? 0 : group.events;
      for (const Waiting& each : groups_) unexplained += each.partly_accepted ? 0 : each.events;
      groups_.push_back(group);
      if (unexplained > 1 && !group.partly_accepted) {
        hopeless.swap(groups_);
      } else {
        arm_timer();
      }
    }
  }
  if (stopping) return group.suspects->stopping();
  if (ripe) return group.suspects->look_again(true);
  give_up(std::move(hopeless));
}

void Brake::arm_timer() {
  if (timer_ || groups_.empty() || closed_) return;
  auto next = Clock::time_point::max();
  for (const Waiting& group : groups_) {
    const bool look = group.partly_accepted && !group.looked_twice;
    next = std::min(next, group.since + (look ? timing_.second_look : timing_.patience));
  }
  // One that is overdue already waits for requests under way: it is looked at now and then.
  const auto now = Clock::now();
  const auto left = next > now ? next - now : timing_.second_look;
  timer_ = timers_.after(left, [this] { executor_.post([this] { on_timer(); }); });
}

void Brake::on_timer() {
  Groups hopeless, second_look;
  {
    std::lock_guard lock(lock_);
    timer_.reset();
    const auto now = Clock::now();
    Groups kept;
    for (Waiting& group : groups_) {
      const auto age = now - group.since;
      if (age >= timing_.patience * (outstanding_ > 0 ? kPatienceWhileSending : 1)) {
        hopeless.push_back(std::move(group));
      } else if (group.partly_accepted && !group.looked_twice &&
                 age >= timing_.second_look) {
        group.looked_twice = true;
        const bool calm = troubled_ <= 1 && now >= paused_until_;
        (calm ? second_look : kept).push_back(std::move(group));
      } else {
        kept.push_back(std::move(group));
      }
    }
    groups_ = std::move(kept);
    arm_timer();
  }
  for (Waiting& group : second_look) group.suspects->look_again(false);
  give_up(std::move(hopeless));
}

void Brake::give_up(Groups groups) {
  if (groups.empty()) return;
  {
    std::lock_guard lock(lock_);
    paused_until_ = Clock::now() + timing_.pause;
  }
  logger_.error(
      "The destination refuses every event, one by one, so the events are not to blame: pausing {} s "
      "and keeping them with their senders. Check its URL and credentials. It said: {}",
      std::chrono::duration_cast<std::chrono::seconds>(timing_.pause).count(),
      groups.front().suspects->reason());
  for (Waiting& group : groups) group.suspects->give_up();
}

void Brake::close() {
  Groups left;
  std::optional<TimerQueue::Id> timer;
  {
    std::lock_guard lock(lock_);
    closed_ = true;
    left.swap(groups_);
    timer = std::exchange(timer_, std::nullopt);
  }
  if (timer) timers_.cancel(*timer);
  for (Waiting& group : left) group.suspects->stopping();
}

bool Brake::engaged() const {
  std::lock_guard lock(lock_);
  return Clock::now() < paused_until_;
}

}  // namespace tollgate
