#include "pipeline/in_flight_limit.h"

namespace tollgate {

void InFlightLimit::write(SharedBatch batch, Ack ack) {
  {
    std::unique_lock lock(state_->lock);
    if (state_->closed) {
      lock.unlock();
      return ack(WriteResult::failed(Error(Fault::cancelled, "the collector is stopping")));
    }
    if (state_->in_flight >= state_->max || !state_->waiting.empty()) {
      state_->waiting.push_back({std::move(batch), std::move(ack)});
      return;
    }
    ++state_->in_flight;
  }
  forward(state_, {std::move(batch), std::move(ack)});
}

bool InFlightLimit::saturated() const {
  {
    std::lock_guard lock(state_->lock);
    if (state_->in_flight >= state_->max) return true;
  }
  return child_->saturated();
}

void InFlightLimit::forward(const std::shared_ptr<State>& state, Waiting write) {
  state->child.write(std::move(write.batch),
                     Ack([state, ack = std::move(write.ack)](WriteResult result) mutable {
                       ack(std::move(result));
                       settled(state);
                     }));
}

void InFlightLimit::settled(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->lock);
  --state->in_flight;
  // A child that acks from inside write() would recurse once for each waiting batch: the outermost
  // call takes them all instead.
  if (!state->forwarding) {
    state->forwarding = true;
    while (state->in_flight < state->max && !state->waiting.empty()) {
      Waiting next = std::move(state->waiting.front());
      state->waiting.pop_front();
      ++state->in_flight;
      lock.unlock();
      forward(state, std::move(next));
      lock.lock();
    }
    state->forwarding = false;
  }
  if (state->in_flight == 0) state->idle.notify_all();
  lock.unlock();
  state->gate.open();
}

void InFlightLimit::close(std::chrono::steady_clock::time_point deadline) {
  std::deque<Waiting> left;
  {
    std::unique_lock lock(state_->lock);
    state_->idle.wait_until(lock, deadline, [this] { return state_->in_flight == 0; });
    // Before the child closes: what it answers then would make room for writes it never answers.
    state_->closed = true;
    left.swap(state_->waiting);
  }
  for (Waiting& write : left) {
    write.ack(WriteResult::failed(Error(Fault::cancelled, "the collector is stopping")));
  }
  child_->close(deadline);
}

}  // namespace tollgate
