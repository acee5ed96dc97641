#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tollgate {

/// The final state of a root input record. Ordered: of the messages that came of one record, the
/// greatest outcome is the record's.
enum class Outcome : std::uint8_t {
  filtered,       ///< a processor removed it on purpose
  delivered,      ///< the destination, or a durable buffer, took responsibility
  dropped,        ///< a rule of the configuration gave it up
  dead_lettered,  ///< set aside with the reason, for a person to look at
  failed,         ///< nobody took it: the sender still owns it
};
inline constexpr std::size_t kOutcomes = 5;

/// Why a destination refused, as far as it matters to the batcher's isolation of poison and to what
/// a sender is told.
enum class Refusal : std::uint8_t {
  none,     ///< not about the content: the destination or the way to it is in trouble
  content,  ///< something in the request is unacceptable (400, 422, a `drop_on` status)
  size,     ///< the request is too large (413): halve it, drop nothing
};

/// How a transaction ended.
struct TransactionResult {
  /// Why a record was not delivered. Kept for failed, dropped and dead-lettered records.
  struct Failure {
    std::uint32_t record;
    Error error;
    Refusal refusal = Refusal::none;
  };

  std::uint32_t records = 0;
  std::array<std::uint32_t, kOutcomes> count{};  ///< by Outcome; they sum up to `records`
  std::vector<Outcome> outcomes;                 ///< by record; empty if all ended alike
  /// At most one a record, by index: a reason for the outcome it ended with. Of several shares that
  /// failed, one whose refusal is none goes first, since the sender still owes that share.
  std::vector<Failure> failures;

  bool ok() const { return count[static_cast<std::size_t>(Outcome::failed)] == 0; }
};

class Transaction;

/// A message's share of the root records it came from: exactly one resolve() settles it.
///
/// Move-only. A receipt destroyed unresolved fails its records ("dropped unresolved") and asserts in
/// debug builds, so that no path can lose an event in silence.
class Receipt {
 public:
  Receipt() = default;
  Receipt(Receipt&& other) noexcept
      : target_(std::exchange(other.target_, nullptr)), index_(other.index_) {}
  Receipt& operator=(Receipt&& other) noexcept {
    if (this != &other) {
      abandon();
      target_ = std::exchange(other.target_, nullptr);
      index_ = other.index_;
    }
    return *this;
  }
  ~Receipt() { abandon(); }

  /// Whether it still has something to settle.
  explicit operator bool() const { return target_ != nullptr; }

  void resolve(Outcome outcome);
  /// Settles with the reason: what the sender is told if it failed, what is logged otherwise.
  void resolve(Outcome outcome, const Error& error, Refusal refusal = Refusal::none);
  void fail(const Error& error, Refusal refusal = Refusal::none) {
    resolve(Outcome::failed, error, refusal);
  }

  /// A second share of the same records; they wait for both.
  Receipt share();

  /// One share standing for all of `receipts` (a batch archived into one message).
  static Receipt merge(std::vector<Receipt> receipts);

  /// Root records it stands for.
  std::size_t records() const;

 private:
  friend class Transaction;
  friend class Settlement;
  using Group = std::vector<Receipt>;
  static constexpr std::uint32_t kGroup = ~0u;  // target_ is a Group

  Receipt(void* target, std::uint32_t index) : target_(target), index_(index) {}
  void settle(Outcome outcome, const Error* error, Refusal refusal);
  void abandon() noexcept {
    if (target_) abandon_slow();
  }
  void abandon_slow() noexcept;

  void* target_ = nullptr;  // Transaction, or Group if index_ == kGroup
  std::uint32_t index_ = 0;
};

/// One unit of ingress: records that arrived together and are answered together.
///
/// Invariants: 1. every record ends in exactly one Outcome; 2. `done` runs exactly once, on the
/// thread that settles the last record, after every record ended; 3. the object frees itself then.
/// Threads: receipts may be settled from any thread.
class Transaction {
 public:
  using Done = std::move_only_function<void(TransactionResult)>;

  /// Opens a transaction of `records` and gives one receipt for each, in order.
  /// With no records `done` runs at once.
  static std::vector<Receipt> open(std::uint32_t records, Done done);

 private:
  friend class Receipt;
  friend class Settlement;
  struct Record {
    std::atomic<std::uint32_t> shares{1};
    std::atomic<std::uint8_t> worst{0};
  };

  Transaction(std::uint32_t records, Done done)
      : records_(records), pending_(records), done_(std::move(done)) {}
  void settle(std::uint32_t record, Outcome outcome, const Error* error, Refusal refusal);
  /// Whether that was the record's last share.
  bool end_share(std::uint32_t record, Outcome outcome);
  void records_ended(std::uint32_t count);
  void finish();

  std::vector<Record> records_;
  std::atomic<std::uint32_t> pending_;
  Done done_;
  std::mutex failures_lock_;
  /// With the outcome that each reason was given for.
  std::vector<std::pair<Outcome, TransactionResult::Failure>> failures_;  // guarded by failures_lock_
};

/// Resolves many receipts alike; those of one transaction that follow one another are counted off at
/// once. A transaction may end when the next one's turn comes, or when this goes.
class Settlement {
 public:
  explicit Settlement(Outcome outcome) : outcome_(outcome) {}
  Settlement(const Settlement&) = delete;
  ~Settlement() { tell(); }

  void resolve(Receipt& receipt);

 private:
  void tell();

  const Outcome outcome_;
  Transaction* of_ = nullptr;
  std::uint32_t ended_ = 0;  // records of `of_`
};

}  // namespace tollgate
