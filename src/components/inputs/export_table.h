#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "components/inputs/export_store.h"
#include "message/message.h"

namespace tollgate {

/// Remembers exports by the identities of their records, so that a resend neither doubles nor loses:
/// the resend of an export that is in flight joins it, and one whose sender was never told OK is
/// answered from what is known, so that only what is still owed is sent again.
///
/// Only exports all of whose records have a derived identity may be put here: two equal exports
/// without that may be two real uses. Any thread.
///
/// With keep_in() what it remembers outlives the process.
class ExportTable {
 public:
  using Outcomes = std::vector<RecordOutcome>;
  using Answer = std::function<void(const Outcomes&, const std::string& reason)>;
  /// The identities of all records, in order, folded into one.
  using Key = std::pair<std::uint64_t, std::uint64_t>;

  enum class Begun : std::uint8_t {
    fresh,   ///< not seen: send all of it
    joined,  ///< in flight: `answer` runs when that ends
    known,   ///< ended before: `known` has each record's outcome
  };

  /// `limit` bounds the finished exports remembered, `record_limit` their records; older than
  /// `lifetime` are forgotten.
  explicit ExportTable(std::size_t limit = 20'000,
                       std::chrono::nanoseconds lifetime = std::chrono::minutes(10),
                       std::size_t record_limit = 8'000'000)
      : limit_(limit), record_limit_(record_limit), lifetime_(lifetime) {}

  /// Goes on with what `file` remembers. Requires: before the first begin().
  Result<> keep_in(const std::string& file);

  static Key key_of(const Batch& batch);

  /// Requires: finish() follows, unless it joined.
  Begun begin(const Key& key, Answer answer, Outcomes& known);
  /// Ends a begun export: runs the answers of those who joined, and remembers the outcomes unless
  /// every sender was `told`.
  void finish(const Key& key, const Outcomes& outcomes, const std::string& reason, bool told);

  std::size_t remembered() const;

 private:
  struct Entry {
    bool in_flight = true;
    bool stored = false;  ///< in flight, and the store has outcomes of an earlier try
    std::vector<Answer> joined;
    Outcomes outcomes;
    std::list<std::pair<std::chrono::steady_clock::time_point, Key>>::iterator age;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const { return key.first; }
  };
  void forget_old();                                        // requires lock_
  void remember(Entry& entry, const Key& key, Outcomes outcomes,
                std::chrono::steady_clock::time_point at);  // requires lock_
  void tidy_store();                                        // requires lock_

  const std::size_t limit_, record_limit_;
  const std::chrono::nanoseconds lifetime_;
  mutable std::mutex lock_;
  std::unordered_map<Key, Entry, Hash> entries_;                                     // lock_
  std::list<std::pair<std::chrono::steady_clock::time_point, Key>> finished_;  // lock_; oldest first
  std::size_t records_ = 0;             // lock_; of those finished
  std::unique_ptr<ExportStore> store_;  // lock_; may be null
};

}  // namespace tollgate
