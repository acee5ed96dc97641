#include "pipeline/in_flight_limit.h"

#include <algorithm>

namespace tollgate {

namespace {

/// How many writes may give their place away for each one that was accepted: enough for full
/// throughput while four requests of five fail, and a bound on what a destination in trouble is
/// asked beyond `max_in_flight`.
constexpr int kCreditOfAcceptance = 4;

Error stopping() { return Error(Fault::cancelled, "the collector is stopping"); }

bool accepted_any(const WriteResult& result) {
  const auto delivered = [](const WriteStatus& status) {
    return status.outcome == Outcome::delivered;
  };
  return delivered(result.status) ||
         std::ranges::any_of(result.exceptions, [&](const auto& e) { return delivered(e.second); });
}

}  // namespace

class InFlightLimit::Place final : public Slot, public std::enable_shared_from_this<Place> {
 public:
  explicit Place(std::shared_ptr<State> state) : state_(std::move(state)) {}

  void pause() override {
    State& state = *state_;
    std::unique_lock lock(state.lock);
    if (phase_ != Phase::sending) return;
    if (state.credit == 0) {
      phase_ = Phase::holding;
      state.holding.insert(this);
      return;
    }
    go_away();
    fill(state, std::move(lock));
  }

  void resume(std::move_only_function<void()> go_on) override {
    State& state = *state_;
    std::unique_lock lock(state.lock);
    if (phase_ == Phase::holding) {
      state.holding.erase(this);
      phase_ = Phase::sending;
      lock.unlock();
      return go_on();
    }
    if (phase_ != Phase::away || state.closed) return;
    state.resuming.push_back({shared_from_this(), std::move(go_on)});
    fill(state, std::move(lock));
  }

  // All of these require the lock of the state.

  void go_away() {
    phase_ = Phase::away;
    --state_->credit;
    --state_->in_flight;
    ++state_->away;
  }
  /// False if the write ended meanwhile.
  bool come_back() {
    if (phase_ != Phase::away) return false;
    phase_ = Phase::sending;
    ++state_->in_flight;
    --state_->away;
    return true;
  }
  void end() {
    if (phase_ == Phase::holding) state_->holding.erase(this);
    --(phase_ == Phase::away ? state_->away : state_->in_flight);
    phase_ = Phase::ended;
  }

 private:
  enum class Phase : unsigned char {
    sending,
    holding,  // waits for its next attempt and keeps the place
    away,     // waits, and has no place
    ended,
  };
  const std::shared_ptr<State> state_;
  Phase phase_ = Phase::sending;  // guarded by the state's lock
};

void InFlightLimit::write(SharedBatch batch, Ack ack) {
  {
    std::unique_lock lock(state_->lock);
    if (state_->closed) {
      lock.unlock();
      return ack(WriteResult::failed(stopping()));
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
  auto place = std::make_shared<Place>(state);
  auto ended = [state, place, ack = std::move(write.ack)](WriteResult result) mutable {
    const bool accepted = accepted_any(result);
    ack(std::move(result));
    settled(*state, *place, accepted);
  };
  state->child.write(std::move(write.batch), Ack(std::move(ended), place));
}

void InFlightLimit::settled(State& state, Place& place, bool accepted) {
  std::unique_lock lock(state.lock);
  place.end();
  if (accepted && state.max > 1) {
    state.credit = std::min(state.max, state.credit + kCreditOfAcceptance);
    while (state.credit > 0 && !state.holding.empty()) {
      Place* waits = *state.holding.begin();
      state.holding.erase(state.holding.begin());
      waits->go_away();
    }
  }
  fill(state, std::move(lock));
}

/// Gives the free places to those who wait for one.
void InFlightLimit::fill(State& state, std::unique_lock<std::mutex> lock) {
  // A child that acks from inside write() would recurse once for each waiting batch: the outermost
  // call takes them all instead.
  if (!state.forwarding) {
    state.forwarding = true;
    while (state.in_flight < state.max) {
      if (!state.resuming.empty()) {
        Resuming next = std::move(state.resuming.front());
        state.resuming.pop_front();
        const bool alive = next.place->come_back();
        lock.unlock();
        if (alive) next.go_on();
        next = {};  // not under the lock: it may be the last to know the write
        lock.lock();
      } else if (!state.waiting.empty()) {
        Waiting next = std::move(state.waiting.front());
        state.waiting.pop_front();
        ++state.in_flight;
        lock.unlock();
        forward(state.shared_from_this(), std::move(next));
        lock.lock();
      } else {
        break;
      }
    }
    state.forwarding = false;
  }
  if (state.in_flight == 0 && state.away == 0) state.idle.notify_all();
  lock.unlock();
  state.gate.open();
}

void InFlightLimit::close(std::chrono::steady_clock::time_point deadline) {
  std::deque<Waiting> left;
  std::deque<Resuming> unsent;
  {
    std::unique_lock lock(state_->lock);
    state_->idle.wait_until(lock, deadline,
                            [this] { return state_->in_flight == 0 && state_->away == 0; });
    // Before the child closes: what it answers then would make room for writes it never answers.
    state_->closed = true;
    left.swap(state_->waiting);
    unsent.swap(state_->resuming);
  }
  for (Waiting& write : left) write.ack(WriteResult::failed(stopping()));
  unsent.clear();  // nobody asks for them to be sent any more, and the child answers them
  child_->close(deadline);
}

}  // namespace tollgate
