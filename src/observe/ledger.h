#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "message/transaction.h"

namespace tollgate {

/// The conservation law of the meter, in root input records:
///   received = delivered + dead_lettered + filtered + dropped + failed + pending.
///
/// `pending` is counted on its own (up at receive, down at settle), so that the check can fail.
/// A reader sees a consistent whole: writers move counts under a sequence lock per shard.
class Ledger {
 public:
  struct Totals {
    std::uint64_t received = 0;
    std::array<std::uint64_t, kOutcomes> by_outcome{};
    std::int64_t pending = 0;

    bool balanced() const;
  };

  /// Any thread. `result` must be of records that were received.
  void receive(std::uint32_t records);
  void settle(const TransactionResult& result);
  Totals totals() const;

  /// "received 5000 = delivered 4990 + … ", for logs and `tollgate ledger`.
  static std::string describe(const Totals& totals);

 private:
  static constexpr std::size_t kShards = 8;
  struct alignas(64) Shard {
    std::atomic<std::uint32_t> sequence{0};  // odd while a writer is inside
    std::atomic<std::uint64_t> received{0};
    std::array<std::atomic<std::uint64_t>, kOutcomes> by_outcome{};
    std::atomic<std::int64_t> pending{0};
  };
  Shard& enter();
  static void lock(Shard& shard);
  static void leave(Shard& shard);
  static void add(const Shard& shard, Totals& totals);
  bool read_undisturbed(Totals& totals) const;

  mutable std::array<Shard, kShards> shards_;
};

class MetricsRegistry;

/// Makes the ledger's totals the counters `ledger_received`, `ledger_delivered` … and the gauge
/// `ledger_pending`. They belong to one moment at every reading. Requires: `ledger` outlives
/// `registry`.
void publish_ledger(const Ledger& ledger, MetricsRegistry& registry);

}  // namespace tollgate
