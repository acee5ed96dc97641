#include "observe/ledger.h"

#include <fmt/format.h>

#include <numeric>
#include <thread>

#include "observe/metrics.h"
#include "observe/shard_index.h"

namespace tollgate {

namespace {

constexpr int kUndisturbedTries = 64;

std::size_t index_of(Outcome outcome) { return static_cast<std::size_t>(outcome); }

}  // namespace

bool Ledger::Totals::balanced() const {
  const auto settled = std::accumulate(by_outcome.begin(), by_outcome.end(), std::uint64_t{0});
  return pending >= 0 && received == settled + static_cast<std::uint64_t>(pending);
}

void Ledger::receive(std::uint32_t records) {
  Shard& shard = enter();
  // Plain sums: only the holder of the shard writes. Release, so that who sees them sees the lock.
  shard.received.store(shard.received.load(std::memory_order_relaxed) + records,
                       std::memory_order_release);
  shard.pending.store(shard.pending.load(std::memory_order_relaxed) + records,
                      std::memory_order_release);
  leave(shard);
}

void Ledger::settle(const TransactionResult& result) {
  Shard& shard = enter();
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    auto& sum = shard.by_outcome[i];
    sum.store(sum.load(std::memory_order_relaxed) + result.count[i], std::memory_order_release);
  }
  shard.pending.store(shard.pending.load(std::memory_order_relaxed) - result.records,
                      std::memory_order_release);
  leave(shard);
}

Ledger::Shard& Ledger::enter() {
  Shard& shard = shards_[thread_number() % kShards];
  lock(shard);
  return shard;
}

void Ledger::lock(Shard& shard) {
  for (int spins = 0;; ++spins) {
    auto sequence = shard.sequence.load(std::memory_order_relaxed);
    if (sequence % 2 == 0 && shard.sequence.compare_exchange_weak(sequence, sequence + 1,
                                                                  std::memory_order_acq_rel)) {
      return;
    }
    if (spins % 64 == 63) std::this_thread::yield();
  }
}

void Ledger::leave(Shard& shard) { shard.sequence.fetch_add(1, std::memory_order_release); }

void Ledger::add(const Shard& shard, Totals& totals) {
  totals.received += shard.received.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    totals.by_outcome[i] += shard.by_outcome[i].load(std::memory_order_acquire);
  }
  totals.pending += shard.pending.load(std::memory_order_acquire);
}

/// Reads all shards without stopping writers; false if one of them wrote meanwhile.
bool Ledger::read_undisturbed(Totals& totals) const {
  std::array<std::uint32_t, kShards> before;
  for (std::size_t i = 0; i < kShards; ++i) {
    before[i] = shards_[i].sequence.load(std::memory_order_acquire);
    if (before[i] % 2 != 0) return false;
  }
  totals = {};
  for (const Shard& shard : shards_) add(shard, totals);
  for (std::size_t i = 0; i < kShards; ++i) {
    if (shards_[i].sequence.load(std::memory_order_acquire) != before[i]) return false;
  }
  return true;
}

Ledger::Totals Ledger::totals() const {
  Totals totals;
  for (int tries = 0; tries < kUndisturbedTries; ++tries) {
    if (read_undisturbed(totals)) return totals;
  }
  // Writers are too busy: stop them all for a moment. They hold one shard each, so no deadlock;
  // readers take the shards in the same order.
  totals = {};
  for (Shard& shard : shards_) lock(shard);
  for (const Shard& shard : shards_) add(shard, totals);
  for (Shard& shard : shards_) leave(shard);
  return totals;
}

std::string Ledger::describe(const Totals& totals) {
  const auto of = [&](Outcome outcome) { return totals.by_outcome[index_of(outcome)]; };
  return fmt::format(
      "received {} {} delivered {} + dead-lettered {} + filtered {} + dropped {} + failed {} + "
      "pending {}",
      totals.received, totals.balanced() ? "=" : "!=", of(Outcome::delivered),
      of(Outcome::dead_lettered), of(Outcome::filtered), of(Outcome::dropped), of(Outcome::failed),
      totals.pending);
}

void publish_ledger(const Ledger& ledger, MetricsRegistry& registry) {
  struct Published {
    Counter& counter;
    std::uint64_t value = 0;  // what the counter was told so far
    void raise_to(std::uint64_t total) {
      counter.add_count(total - value);
      value = total;
    }
  };
  Published received{registry.counter("ledger_received")};
  std::array<Published, kOutcomes> outcomes{{{registry.counter("ledger_filtered")},
                                             {registry.counter("ledger_delivered")},
                                             {registry.counter("ledger_dropped")},
                                             {registry.counter("ledger_dead_lettered")},
                                             {registry.counter("ledger_failed")}}};
  Gauge& pending = registry.gauge("ledger_pending");
  registry.before_reading([&ledger, &pending, received, outcomes]() mutable {
    const Ledger::Totals totals = ledger.totals();
    received.raise_to(totals.received);
    for (std::size_t i = 0; i < kOutcomes; ++i) outcomes[i].raise_to(totals.by_outcome[i]);
    pending.set(static_cast<double>(totals.pending));
  });
}

}  // namespace tollgate
