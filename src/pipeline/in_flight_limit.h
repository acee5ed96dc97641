#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "component/output.h"
#include "pipeline/gate.h"

namespace tollgate {

/// Bounds the unresolved acks of an output. Writes beyond the bound wait inside, in order; nobody is
/// blocked. Any thread.
class InFlightLimit final : public Output {
 public:
  InFlightLimit(std::unique_ptr<Output> child, int max_in_flight, Gate& gate)
      : child_(std::move(child)), max_(max_in_flight < 1 ? 1 : max_in_flight), gate_(gate) {}

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

  void forward(Waiting write);
  void settled();

  const std::unique_ptr<Output> child_;
  const int max_;
  Gate& gate_;
  mutable std::mutex lock_;
  int in_flight_ = 0;            // lock_
  bool forwarding_ = false;      // lock_; one thread takes from waiting_ at a time
  std::deque<Waiting> waiting_;  // lock_
};

}  // namespace tollgate
