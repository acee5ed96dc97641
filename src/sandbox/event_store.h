#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "sandbox/cloud_event.h"
#include "sandbox/sqlite.h"

namespace tollgate {

/// What became of the events of one request, or of all.
struct StoreCounts {
  std::uint64_t received = 0;    ///< in requests that were valid
  std::uint64_t stored = 0;
  std::uint64_t duplicates = 0;  ///< the same source, id and body as a stored event
  std::uint64_t conflicts = 0;   ///< the same source and id with another body; not stored

  StoreCounts& operator+=(const StoreCounts& other);
};

/// Where the sandbox keeps its events: SQLite, each (source, id) once, on disk before it answers.
///
/// Requests that wait at the same time share a transaction, so that one fsync serves them all; each
/// is still stored as a whole or not at all. Any thread may add(). One thread of its own writes.
class EventStore {
 public:
  using Done = std::move_only_function<void(Result<StoreCounts>)>;

  /// Opens or creates the database. Errors: no such folder, not a database, in use …
  static Result<std::unique_ptr<EventStore>> open(const std::string& path);
  ~EventStore();  ///< stop()

  /// `done` runs on the writing thread once the events are on disk.
  void add(std::vector<CloudEvent> events, std::int64_t now_us, Done done);
  /// Finishes what was added; what is added later fails.
  void stop();

  /// Over the whole life of the database.
  StoreCounts totals() const;
  /// Changes whenever something was stored.
  std::uint64_t version() const { return totals().received; }

 private:
  struct Job {
    std::vector<CloudEvent> events;
    std::int64_t now_us;
    Done done;
  };
  struct Statements {
    SqlStatement begin, commit, rollback, insert, find, conflict, count;
  };

  EventStore(SqlDatabase database, Statements statements, StoreCounts totals);
  void write_loop();
  void write(std::vector<Job>& jobs);
  Result<std::vector<StoreCounts>> transact(std::vector<Job>& jobs);
  Result<StoreCounts> insert(const Job& job);
  Result<> insert(const CloudEvent& event, std::int64_t now_us, StoreCounts& counts);
  Result<> note_known(const CloudEvent& event, std::int64_t now_us, StoreCounts& counts);

  SqlDatabase database_;
  Statements sql_;
  mutable std::mutex lock_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;          // lock_
  std::size_t waiting_bytes_ = 0;    // lock_
  StoreCounts totals_;               // lock_
  bool stopping_ = false;            // lock_
  std::thread writer_;
};

}  // namespace tollgate
