#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "component/output.h"
#include "pipeline/gate.h"

namespace tollgate {

/// Bounds the writes of an output that are under way at once. Writes beyond the bound wait inside, in
/// order; nobody is blocked. Any thread.
///
/// A write that waits for its next attempt (Slot) gives its place to others, so that back-off costs
/// no throughput, and is served before new writes when it comes back. Two limits to that:
/// 1. With a bound of one it keeps its place: writes stay in order.
/// 2. Each place given away must be paid for by writes that the destination accepted. A destination
///    that takes nothing sees no more writes trying than the bound, and nothing piles up here for it.
///
/// An ack may be what the owner of the output waits for before it destroys it, so acks touch only
/// the state that they share, and the child only while something waits for it.
class InFlightLimit final : public Output {
 public:
  InFlightLimit(std::unique_ptr<Output> child, int max_in_flight, Gate& gate)
      : child_(std::move(child)),
        state_(std::make_shared<State>(*child_, max_in_flight < 1 ? 1 : max_in_flight, gate)) {}

  Result<> start() override { return child_->start(); }
  void write(SharedBatch batch, Ack ack) override;
  bool saturated() const override;
  bool connected() const override { return child_->connected(); }
  void flush() override { child_->flush(); }
  void close(std::chrono::steady_clock::time_point deadline) override;

 private:
  class Place;
  struct Waiting {
    SharedBatch batch;
    Ack ack;
  };
  struct Resuming {
    std::shared_ptr<Place> place;
    std::move_only_function<void()> go_on;
  };

  struct State : std::enable_shared_from_this<State> {
    State(Output& output, int most, Gate& opened)
        : child(output), max(most), gate(opened), credit(most > 1 ? most : 0) {}

    Output& child;
    const int max;
    Gate& gate;
    std::mutex lock;
    std::condition_variable idle;  // nothing is under way
    int in_flight = 0;             // lock; places taken
    int away = 0;                  // lock; writes under way that gave their place to others
    int credit;                    // lock; how many more may do so
    std::unordered_set<Place*> holding;  // lock; writes that wait and had no credit to give theirs
    bool forwarding = false;       // lock; one thread takes from the queues at a time
    bool closed = false;           // lock; nothing waits any more
    std::deque<Resuming> resuming;  // lock; writes that were away and want to go on
    std::deque<Waiting> waiting;    // lock; new ones
  };

  static void forward(const std::shared_ptr<State>& state, Waiting write);
  static void settled(State& state, Place& place, bool accepted);
  static void fill(State& state, std::unique_lock<std::mutex> lock);

  const std::unique_ptr<Output> child_;
  const std::shared_ptr<State> state_;
};

}  // namespace tollgate
