#include "runtime/timer_queue.h"

#include "base/thread_name.h"

namespace tollgate {

TimerQueue::TimerQueue() : thread_([this] { loop(); }) {}

TimerQueue::~TimerQueue() {
  {
    std::lock_guard lock(lock_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

TimerQueue::Id TimerQueue::after(std::chrono::nanoseconds delay,
                                 std::move_only_function<void()> run) {
  const auto when = Clock::now() + delay;
  Id id = 0;
  bool is_first = false;
  {
    std::lock_guard lock(lock_);
    id = next_id_++;
    const auto placed = due_.emplace(when, std::make_pair(id, std::move(run)));
    is_first = placed == due_.begin();
  }
  if (is_first) changed_.notify_all();
  return id;
}

void TimerQueue::cancel(Id id) {
  if (id == 0) return;  // never given out: the caller scheduled nothing
  std::move_only_function<void()> dropped;  // destroyed outside the lock
  std::unique_lock lock(lock_);
  for (auto it = due_.begin(); it != due_.end(); ++it) {
    if (it->second.first != id) continue;
    dropped = std::move(it->second.second);
    due_.erase(it);
    lock.unlock();
    return;
  }
  if (std::this_thread::get_id() == thread_.get_id()) return;
  changed_.wait(lock, [&] { return running_ != id; });
}

void TimerQueue::loop() {
  name_thread("timers");
  std::unique_lock lock(lock_);
  while (!stopping_) {
    if (due_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = due_.begin();
    if (first->first > Clock::now()) {
      const auto when = first->first;  // cancel() may erase it while this thread waits
      changed_.wait_until(lock, when);
      continue;
    }
    running_ = first->second.first;
    auto run = std::move(first->second.second);
    due_.erase(first);
    lock.unlock();
    run();
    run = nullptr;
    lock.lock();
    running_ = 0;
    changed_.notify_all();
  }
}

}  // namespace tollgate
