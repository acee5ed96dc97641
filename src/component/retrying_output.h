#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "base/log.h"
#include "component/output.h"
#include "component/write_results.h"
#include "net/backoff.h"

namespace tollgate {

class TimerQueue;

/// Writes what its child failed again, and only that, with growing waits. Used by `retry` and by
/// whatever retries for ever (`broker`, `switch`). No thread waits: the timers do.
class RetryingOutput final : public WrappedOutput {
 public:
  struct Options {
    int max_retries = 0;  ///< 0: no limit
    Backoff::Options backoff{.initial = std::chrono::milliseconds(500),
                             .max = std::chrono::seconds(3)};
  };

  RetryingOutput(std::unique_ptr<Output> child, Options options, TimerQueue& timers,
                 Logger logger);
  ~RetryingOutput() override;

  void write(SharedBatch batch, Ack ack) override;
  /// New batches wait while any is being retried.
  bool saturated() const override;
  void close(std::chrono::steady_clock::time_point deadline) override;

 private:
  struct Job;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tollgate
