#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "message/transaction.h"

namespace tollgate {

/// The conservation law of the meter, in root input records:
///   received = delivered + dead_lettered + filtered + dropped + failed + pending.
///
/// `pending` is counted on its own (up at receive, down at settle), so that the check can fail.
/// A reader sees a consistent whole: writers move counts under a sequence lock per shard.
///
/// keep_in() moves the counts into a file that is mapped into memory, so that they are as of the last
/// change even after a kill -9; after a power cut they may be some seconds old. What was pending when
/// a process died was not answered: its sender still owns it, and it counts as failed from then on.
class Ledger {
 public:
  Ledger();
  ~Ledger();
  Ledger(const Ledger&) = delete;


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

  /// Goes on with the counts of `file`, which is made if there is none and is of this process alone.
  /// Requires: before anything was received. Errors: it cannot be used, or is no ledger.
  Result<> keep_in(const std::string& file);
  /// Hands changes to the disk, without waiting for it.
  void sync();
  /// The counts in a file, also while another process writes them.
  static Result<Totals> read(const std::string& file);

  /// "received 5000 = delivered 4990 + … ", for logs and `tollgate ledger`.
  static std::string describe(const Totals& totals);
  /// {"received":5000,"delivered":4990, … "balanced":true}
  static std::string to_json(const Totals& totals);

 private:
  static constexpr std::size_t kShards = 8;
  struct File;
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
  void end_interrupted();
  static bool read_undisturbed(std::span<const Shard, kShards> shards, Totals& totals);

  std::array<Shard, kShards> own_;
  Shard* shards_ = own_.data();  ///< own_, or those of file_
  File* file_ = nullptr;         ///< mapped
  int descriptor_ = -1;          ///< holds the lock
};

/// What the terms of the ledger are called in JSON and in metrics, in the order they are printed.
inline constexpr std::array<std::pair<Outcome, std::string_view>, kOutcomes> kOutcomeNames = {
    {{Outcome::delivered, "delivered"},
     {Outcome::dead_lettered, "dead_lettered"},
     {Outcome::filtered, "filtered"},
     {Outcome::dropped, "dropped"},
     {Outcome::failed, "failed"}}};

class MetricsRegistry;

/// Makes the ledger's totals the counters `ledger_received`, `ledger_delivered` … and the gauge
/// `ledger_pending`. They belong to one moment at every reading. Requires: `ledger` outlives
/// `registry`.
void publish_ledger(const Ledger& ledger, MetricsRegistry& registry);

}  // namespace tollgate
