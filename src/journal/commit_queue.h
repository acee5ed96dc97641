#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "journal/journal.h"

namespace tollgate {

/// The writing thread of a journal: commits together whatever arrived while the last sync ran, so
/// that one sync serves everybody who waits.
///
/// Threads: push() from any. Callbacks run on the writing thread.
class CommitQueue {
 public:
  struct Options {
    std::uint64_t max_bytes = std::uint64_t{4} << 30;  ///< of the journal with what is queued
    std::uint64_t max_queued_bytes = std::uint64_t{32} << 20;
    /// Set: records count as stored once they are written, and are synced this often.
    std::optional<std::chrono::nanoseconds> sync_interval;
    /// How long push() waits for room once there is none; afterwards it refuses at once until there
    /// is some.
    std::chrono::nanoseconds wait_for_room = std::chrono::seconds(1);
  };
  /// How it went: runs once for every record that push() took.
  using Done = std::move_only_function<void(const Result<>&)>;

  /// `synced` runs when the reading side has something new to read.
  CommitQueue(Journal& journal, Options options, Logger logger, std::function<void()> synced);
  ~CommitQueue();
  CommitQueue(const CommitQueue&) = delete;

  /// Takes a record, waiting for room if need be. On an error (transient: there is no room;
  /// cancelled: stopped; invalid: it can never fit) `done` was not taken.
  Result<> push(Journal::Entry entry, Done& done);
  /// Segments were removed.
  void room_made();
  /// Nothing is queued or being written.
  bool idle() const;
  /// Commits what is queued, refuses what comes, ends the thread.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    Journal::Entry entry;
    Done done;
  };

  void run();
  void commit(std::vector<Waiting> group);
  Result<> commit_entries(std::vector<Journal::Entry> entries);
  Result<> sync_late();
  void sync_last();
  bool fits(std::uint64_t bytes) const;  // lock_

  Journal& journal_;
  const Options options_;
  const Logger logger_;
  const std::function<void()> synced_;

  mutable std::mutex lock_;
  std::condition_variable arrived_, room_;
  std::vector<Waiting> waiting_;         // lock_
  std::uint64_t waiting_bytes_ = 0;      // lock_
  std::uint64_t committing_bytes_ = 0;   // lock_; taken, not counted by the journal yet
  std::optional<Clock::time_point> full_since_;  // lock_
  bool told_full_ = false;               // lock_
  bool end_segment_ = false;             // lock_
  bool stopping_ = false;                // lock_

  // Writing thread.
  bool unsynced_ = false;     // confirmed and not synced
  bool sync_failed_ = false;  // at the last try
  Clock::time_point sync_due_{};
  Clock::time_point complain_after_{};
  std::thread thread_;
};

}  // namespace tollgate
