#include "sandbox/event_store.h"

#include <utility>

namespace tollgate {

namespace {

/// More than this in one transaction gains nothing and makes the first request wait.
constexpr std::size_t max_transaction_events = 20'000;
/// Beyond this the disk is not keeping up, and requests are refused instead of piling up.
constexpr std::size_t max_waiting_bytes = std::size_t{256} << 20;

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  time_us INTEGER NOT NULL,
  stored_us INTEGER NOT NULL,
  digest INTEGER NOT NULL,
  event TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS events_identity ON events (source, id);
CREATE INDEX IF NOT EXISTS events_time ON events (type, time_us);
CREATE TABLE IF NOT EXISTS conflicts (
  seq INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  id TEXT NOT NULL,
  received_us INTEGER NOT NULL,
  event TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS totals (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  received INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  duplicates INTEGER NOT NULL,
  conflicts INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0) ON CONFLICT DO NOTHING;
)sql";

std::size_t size_of(const std::vector<CloudEvent>& events) {
  std::size_t bytes = 0;
  for (const CloudEvent& event : events) bytes += sizeof event + event.json.size();
  return bytes;
}

Result<StoreCounts> read_totals(SqlDatabase& database) {
  auto row = TRY(database.prepare("SELECT received, stored, duplicates, conflicts FROM totals"));
  StoreCounts totals;
  if (!TRY(row.step())) return totals;
  const auto count = [&](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
  return StoreCounts{count(0), count(1), count(2), count(3)};
}

}  // namespace

StoreCounts& StoreCounts::operator+=(const StoreCounts& other) {
  received += other.received;
  stored += other.stored;
  duplicates += other.duplicates;
  conflicts += other.conflicts;
  return *this;
}

Result<std::unique_ptr<EventStore>> EventStore::open(const std::string& path) {
  auto database = TRY(SqlDatabase::open(path));
  if (auto made = database.execute(kSchema); !made) {
    return std::unexpected(std::move(made.error()).within(path));
  }
  const auto totals = TRY(read_totals(database));
  Statements sql;
  sql.begin = TRY(database.prepare("BEGIN IMMEDIATE"));
  sql.commit = TRY(database.prepare("COMMIT"));
  sql.rollback = TRY(database.prepare("ROLLBACK"));
  sql.insert = TRY(database.prepare(
      "INSERT INTO events (source, id, type, subject, time_us, stored_us, digest, event) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"));
  sql.find = TRY(database.prepare("SELECT digest FROM events WHERE source = ? AND id = ?"));
  sql.conflict = TRY(database.prepare(
      "INSERT INTO conflicts (source, id, received_us, event) VALUES (?, ?, ?, ?)"));
  sql.count = TRY(database.prepare(
      "UPDATE totals SET received = received + ?, stored = stored + ?, "
      "duplicates = duplicates + ?, conflicts = conflicts + ?"));
  return std::unique_ptr<EventStore>(
      new EventStore(std::move(database), std::move(sql), totals));
}

EventStore::EventStore(SqlDatabase database, Statements statements, StoreCounts totals)
    : database_(std::move(database)), sql_(std::move(statements)), totals_(totals) {
  writer_ = std::thread([this] { write_loop(); });
}

EventStore::~EventStore() { stop(); }

void EventStore::add(std::vector<CloudEvent> events, std::int64_t now_us, Done done) {
  std::unique_lock lock(lock_);
  const auto size = size_of(events);
  const bool full = waiting_bytes_ > max_waiting_bytes;
  if (stopping_ || full) {
    lock.unlock();
    done(transient(full ? "too many events wait to be written" : "the sandbox is stopping"));
    return;
  }
  waiting_bytes_ += size;
  waiting_.push_back({std::move(events), now_us, std::move(done)});
  lock.unlock();
  changed_.notify_one();
}

void EventStore::stop() {
  {
    std::lock_guard lock(lock_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (writer_.joinable()) writer_.join();
}

StoreCounts EventStore::totals() const {
  std::lock_guard lock(lock_);
  return totals_;
}

void EventStore::write_loop() {
  std::vector<Job> jobs;
  while (true) {
    {
      std::unique_lock lock(lock_);
      changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      std::size_t events = 0;
      while (!waiting_.empty() && events < max_transaction_events) {
        events += waiting_.front().events.size();
        waiting_bytes_ -= size_of(waiting_.front().events);
        jobs.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    write(jobs);
    jobs.clear();
  }
}

void EventStore::write(std::vector<Job>& jobs) {
  const auto counts = transact(jobs);
  if (!counts) {
    if (auto undone = sql_.rollback.run(); !undone) {
      // Nothing was begun, or SQLite has rolled back by itself.
    }
    for (Job& job : jobs) job.done(std::unexpected(counts.error()));
    return;
  }
  {
    std::lock_guard lock(lock_);
    for (const StoreCounts& each : *counts) totals_ += each;
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].done((*counts)[i]);
}

Result<std::vector<StoreCounts>> EventStore::transact(std::vector<Job>& jobs) {
  TRY(sql_.begin.run());
  std::vector<StoreCounts> counts;
  StoreCounts sum;
  for (const Job& job : jobs) {
    counts.push_back(TRY(insert(job)));
    sum += counts.back();
  }
  sql_.count.bind(1, static_cast<std::int64_t>(sum.received));
  sql_.count.bind(2, static_cast<std::int64_t>(sum.stored));
  sql_.count.bind(3, static_cast<std::int64_t>(sum.duplicates));
  sql_.count.bind(4, static_cast<std::int64_t>(sum.conflicts));
  TRY(sql_.count.run());
  TRY(sql_.commit.run());
  return counts;
}

Result<StoreCounts> EventStore::insert(const Job& job) {
  StoreCounts counts;
  for (const CloudEvent& event : job.events) TRY(insert(event, job.now_us, counts));
  return counts;
}

Result<> EventStore::insert(const CloudEvent& event, std::int64_t now_us, StoreCounts& counts) {
  ++counts.received;
  sql_.insert.bind(1, event.source);
  sql_.insert.bind(2, event.id);
  sql_.insert.bind(3, event.type);
  sql_.insert.bind(4, event.subject);
  sql_.insert.bind(5, event.time_us);
  sql_.insert.bind(6, now_us);
  sql_.insert.bind(7, static_cast<std::int64_t>(event.digest));
  sql_.insert.bind(8, event.json);
  TRY(sql_.insert.run());
  if (database_.changes() == 0) return note_known(event, now_us, counts);
  ++counts.stored;
  return {};
}

Result<> EventStore::note_known(const CloudEvent& event, std::int64_t now_us,
                                StoreCounts& counts) {
  sql_.find.reset();
  sql_.find.bind(1, event.source);
  sql_.find.bind(2, event.id);
  const bool found = TRY(sql_.find.step());
  const bool same = found && static_cast<std::uint64_t>(sql_.find.integer(0)) == event.digest;
  sql_.find.reset();
  if (same) {
    ++counts.duplicates;
    return {};
  }
  ++counts.conflicts;
  sql_.conflict.bind(1, event.source);
  sql_.conflict.bind(2, event.id);
  sql_.conflict.bind(3, now_us);
  sql_.conflict.bind(4, event.json);
  return sql_.conflict.run();
}

}  // namespace tollgate
