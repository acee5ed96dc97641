#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "component/build_context.h"
#include "component/effects.h"
#include "pipeline/brake.h"
#include "pipeline/gate.h"
#include "runtime/timer_queue.h"

namespace tollgate {

class Executor;

/// When a batch is full; the `batching` group, compiled.
struct BatchPolicy {
  std::size_t count = 0;
  std::size_t byte_size = 0;
  std::chrono::nanoseconds period{};
  std::shared_ptr<const Mapping> check;
  std::vector<ProcessorFactory> processors;
  /// How many of `processors`, from the front, run once only; the rest may be run again on parts.
  std::size_t run_once = 0;
};

/// Gathers messages of many writes into batches, runs the policy's processors on each and hands the
/// result to the output inside. Owner of poison isolation.
///
/// Messages are copied out of the writer's memory on arrival, so that a slow destination pins its
/// batches and not the requests they came from.
///
/// When the destination refuses a batch for its content, the batch as it stood before the
/// processors that can be run again is halved and each half tried alone, until the culprits stand
/// alone: at most 1 + 2·k·⌈log₂ n⌉ requests for k culprits among n. Only the culprits are reported as
/// refused. A culprit is believed only once it was refused twice for nobody else's sake, alone or
/// among messages that were all accepted otherwise, with something accepted in between: one refusal
/// may be the moment's. Who cannot be believed waits at the Brake.
///
/// The period runs from the last flush, or from its last idle tick: with nothing to flush it starts
/// anew.
///
/// Any thread may write. Acks come from wherever the child acks, or from the executor, where
/// processors that run once only run too, since they may wait for something that the network thread
/// brings.
class Batcher final : public Output {
 public:
  struct Counters {
    Counter *by_count, *by_size, *by_period, *by_check, *by_flush;
    Counter* isolated;  ///< messages that the destination refused alone
  };

  Batcher(std::unique_ptr<Output> child, BatchPolicy policy, Counters counters, TimerQueue& timers,
          Executor& executor, Gate& gate, Logger logger, Brake::Timing timing = {});
  ~Batcher() override;

  Result<> start() override { return child_->start(); }
  void write(SharedBatch batch, Ack ack) override;
  bool saturated() const override;
  bool connected() const override;
  bool reads_bytes_alone() const override { return true; }
  void flush() override;
  void close(std::chrono::steady_clock::time_point deadline) override;

 private:
  using Clock = std::chrono::steady_clock;
  class Flush;
  class Flights;
  class Flight;
  friend class Flush;

  Counter* due(std::size_t added_from);  // which trigger fired, or null; requires lock_
  void arm_timer();                      // requires lock_
  void on_timer();
  Batch take();                          // requires lock_
  void send(Batch batch);
  std::unique_ptr<ProcessorChain> borrow_chain(bool once);
  void return_chain(bool once, std::unique_ptr<ProcessorChain> chain);

  void stop_timer();

  std::unique_ptr<Output> child_;
  const BatchPolicy policy_;
  const Counters counters_;
  TimerQueue& timers_;
  Executor& executor_;
  const Logger logger_;
  Brake brake_;

  /// Everything under way that will touch this object again.
  const std::shared_ptr<Flights> flights_;
  std::atomic<bool> closed_{false};  // nothing is tried again

  std::mutex lock_;
  Batch pending_;                     // lock_
  std::size_t pending_bytes_ = 0;     // lock_
  Clock::time_point last_flush_;      // lock_
  std::optional<TimerQueue::Id> timer_;  // lock_
  bool eager_ = false;                // lock_; flush() was called: hold nothing back

  std::mutex chains_lock_;
  std::vector<std::unique_ptr<ProcessorChain>> once_chains_, again_chains_;  // chains_lock_
};

}  // namespace tollgate
