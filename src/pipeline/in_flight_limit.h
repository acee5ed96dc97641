#pragma once

#include <deque>
#include <memory>
#include <condition_variable>
#include <mutex>

#include "component/output.h"
#include "pipeline/gate.h"

namespace tollgate {

/// Bounds the unresolved acks of an output. Writes beyond the bound wait inside, in order; nobody is
/// blocked. Any thread.
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
  struct Waiting {
    SharedBatch batch;
    Ack ack;
  };

  struct State {
    State(Output& output, int most, Gate& opened) : child(output), max(most), gate(opened) {}

    Output& child;
    const int max;
    Gate& gate;
    std::mutex lock;
    std::condition_variable idle;  // nothing is in flight
    int in_flight = 0;            // lock
    bool forwarding = false;      // lock; one thread takes from `waiting` at a time
    bool closed = false;          // lock; nothing waits any more
    std::deque<Waiting> waiting;  // lock
  };

  static void forward(const std::shared_ptr<State>& state, Waiting write);
  static void settled(const std::shared_ptr<State>& state);

  const std::unique_ptr<Output> child_;
  const std::shared_ptr<State> state_;
};

}  // namespace tollgate
