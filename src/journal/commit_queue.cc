#include "journal/commit_queue.h"

#include <fmt/format.h>

namespace tollgate {
namespace {

constexpr auto kBetweenComplaints = std::chrono::seconds(10);

}  // namespace

CommitQueue::CommitQueue(Journal& journal, Options options, Logger logger,
                         std::function<void()> synced)
    : journal_(journal),
      options_(options),
      logger_(std::move(logger)),
      synced_(std::move(synced)),
      thread_([this] { run(); }) {}

CommitQueue::~CommitQueue() { stop(); }

bool CommitQueue::fits(std::uint64_t bytes) const {
  return journal_.figures().bytes + waiting_bytes_ + committing_bytes_ + bytes <=
         options_.max_bytes;
}

Result<> CommitQueue::push(Journal::Entry entry, Done& done) {
  const std::uint64_t bytes = entry.bytes.size();
  if (bytes + kSegmentHeaderSize > options_.max_bytes ||
      bytes > kMostRecordBytes + kRecordHeaderSize) {
    return invalid(fmt::format("a batch of {} bytes never fits in the journal", bytes));
  }
  std::unique_lock lock(lock_);
  room_.wait(lock, [&] {
    return stopping_ || waiting_bytes_ == 0 || waiting_bytes_ + bytes <= options_.max_queued_bytes;
  });
  if (!stopping_ && !fits(bytes)) {
    if (!full_since_) full_since_ = Clock::now();
    end_segment_ = true;
    arrived_.notify_one();
    room_.wait_until(lock, *full_since_ + options_.wait_for_room,
                     [&] { return stopping_ || fits(bytes); });
  }
  if (stopping_) return cancelled("the journal is closed");
  if (!fits(bytes)) {
    if (!std::exchange(told_full_, true)) {
      logger_.warn("the journal is full ({} bytes): senders are told to wait", options_.max_bytes);
    }
    return transient("the journal is full");
  }
  full_since_.reset();
  told_full_ = false;
  waiting_bytes_ += bytes;
  waiting_.push_back({std::move(entry), std::move(done)});
  arrived_.notify_one();
  return {};
}

void CommitQueue::room_made() {
  // Taking the lock makes sure that nobody is between looking and waiting.
  { std::lock_guard lock(lock_); }
  room_.notify_all();
}

bool CommitQueue::idle() const {
  std::lock_guard lock(lock_);
  return waiting_.empty() && committing_bytes_ == 0;
}

void CommitQueue::stop() {
  {
    std::lock_guard lock(lock_);
    stopping_ = true;
  }
  arrived_.notify_all();
  room_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CommitQueue::run() {
  std::unique_lock lock(lock_);
  while (true) {
    const auto awake = [this] { return stopping_ || end_segment_ || !waiting_.empty(); };
    if (unsynced_) {
      arrived_.wait_until(lock, sync_due_, awake);
    } else {
      arrived_.wait(lock, awake);
    }
    const bool end_segment = std::exchange(end_segment_, false);
    const bool last = stopping_ && waiting_.empty();
    std::vector<Waiting> group = std::exchange(waiting_, {});
    committing_bytes_ = std::exchange(waiting_bytes_, 0);
    lock.unlock();
    room_.notify_all();
    if (!group.empty()) commit(std::move(group));
    if (unsynced_ && (end_segment || Clock::now() >= sync_due_)) (void)sync_late();
    if (last) sync_last();
    if (end_segment) journal_.end_segment();
    lock.lock();
    committing_bytes_ = 0;
    if (last) return;
  }
}

void CommitQueue::commit(std::vector<Waiting> group) {
  std::vector<Journal::Entry> entries;
  entries.reserve(group.size());
  for (Waiting& each : group) entries.push_back(std::move(each.entry));
  const auto stored = commit_entries(std::move(entries));
  if (!stored && Clock::now() >= complain_after_) {
    complain_after_ = Clock::now() + kBetweenComplaints;
    logger_.error("nothing can be stored: {}", stored.error().message());
  }
  for (Waiting& each : group) each.done(stored);
}

Result<> CommitQueue::commit_entries(std::vector<Journal::Entry> entries) {
  // What was confirmed already and cannot be synced waits in memory; no more may join it.
  if (sync_failed_) TRY(sync_late());
  TRY(journal_.append(std::move(entries)));
  if (options_.sync_interval) {
    if (!std::exchange(unsynced_, true)) sync_due_ = Clock::now() + *options_.sync_interval;
    return {};
  }
  auto synced = journal_.sync();
  if (!synced) journal_.discard();
  if (synced) synced_();
  return synced;
}

// Records that were confirmed before they were synced are kept until the disk takes them.
Result<> CommitQueue::sync_late() {
  auto synced = journal_.sync();
  sync_failed_ = !synced;
  if (synced) {
    unsynced_ = false;
    synced_();
    return synced;
  }
  sync_due_ = Clock::now() + std::max<std::chrono::nanoseconds>(*options_.sync_interval,
                                                                std::chrono::milliseconds(100));
  if (Clock::now() >= complain_after_) {
    complain_after_ = Clock::now() + kBetweenComplaints;
    logger_.error("stored records could not be synced yet: {}", synced.error().message());
  }
  return synced;
}

void CommitQueue::sync_last() {
  constexpr int most = 20;
  for (int tries = 0; unsynced_ && tries < most; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    (void)sync_late();
  }
  if (unsynced_) logger_.error("stored records were not synced: a power cut may lose them");
}

}  // namespace tollgate
