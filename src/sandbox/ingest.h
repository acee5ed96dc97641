#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/log.h"
#include "runtime/timer_queue.h"
#include "sandbox/door.h"
#include "sandbox/event_store.h"
#include "sandbox/faults.h"

namespace tollgate {

/// Takes events in as OpenMeter does, and misbehaves where it is told to. Any thread.
class Ingest {
 public:
  enum class Api : unsigned char { v1, v3 };

  struct Options {
    bool allow_extensions = false;  ///< also in v3
    FaultSettings faults;
    Logger logger;
  };

  /// `store` and `timers` outlive this and every request under way.
  Ingest(Options options, EventStore& store, TimerQueue& timers);

  /// Answers once the events are on disk.
  void take(Api api, const ServerRequest& request, Responder responder, Door::Connection connection);

  Faults& faults() { return faults_; }
  std::uint64_t requests() const { return requests_.load(); }
  std::uint64_t rejected() const { return rejected_.load(); }
  /// From now on no connection is closed on purpose.
  void stop() { stopping_.store(true); }

 private:
  struct Exchange;
  using ExchangePtr = std::shared_ptr<Exchange>;

  ReadEvents read(Api api, const ServerRequest& request, std::int64_t received_us) const;
  void stored(const ExchangePtr& exchange, Result<StoreCounts> counts, Api api);
  /// Carries out the planned fault instead of `response`, after the planned delay.
  void answer(const ExchangePtr& exchange, ServerResponse response);
  void answer_now(Exchange& exchange, ServerResponse response);

  const Options options_;
  EventStore& store_;
  TimerQueue& timers_;
  Faults faults_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> rejected_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace tollgate
