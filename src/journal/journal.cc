#include "journal/journal.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>

#include "journal/segments.h"

namespace tollgate {
namespace {

std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (number == 0) {
    if (getentropy(&number, sizeof number) != 0) number = 1;
  }
  return number;
}

}  // namespace

std::string Journal::path_of(std::uint64_t number) const {
  return options_.directory + "/" + segment_name(number);
}

Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(FileSystem& files, JournalOptions options,
                                               Logger logger) {
  std::unique_ptr<Journal> journal(new Journal(files, std::move(options), std::move(logger)));
  const std::string& directory = journal->options_.directory;
  TRY(files.make_directories(directory));
  journal->file_lock_ = TRY(files.lock(directory + "/lock"));
  TRY(journal->recover());
  return journal;
}

// Opening -----------------------------------------------------------------------------------------

Result<> Journal::recover() {
  bool damaged = false;
  auto saved = TRY(progress_file_.load(damaged));
  if (damaged) {
    logger_.error("{}/progress is damaged: everything in the journal will be delivered again",
                  options_.directory);
    ++damaged_;
  }
  if (saved) {
    progress_ = std::move(*saved);
    journal_ = progress_.journal;
    next_number_ = progress_.synced_segment + 1;  // also when that segment is gone
    if (auto confirmed = progress_file_.confirm(progress_); !confirmed) {
      logger_.error("the journal's progress cannot be saved: {}", confirmed.error().message());
    }
  }
  TRY(adopt_segments());
  if (journal_ == 0) {
    journal_ = random_number();
    for (const auto& [number, segment] : segments_) {
      if (!segment.damaged) continue;
      logger_.error("{}: damaged: nothing of it can be read", segment.path);
      ++damaged_;
    }
  }
  progress_.journal = journal_;
  TRY(find_tail());
  for (const auto& [number, segment] : segments_) {
    if (segment.end <= kSegmentHeaderSize) continue;
    last_number_ = number;
    last_end_ = segment.end;
  }
  changed_ = true;
  if (saved) return {};
  // Before a record can take the space that saving progress, and so giving back space, needs.
  if (auto made = progress_file_.save(progress_); !made) {
    logger_.error("the journal's progress cannot be saved: {}", made.error().message());
  }
  return {};
}

Result<> Journal::adopt_segments() {
  for (const auto& [number, found] : TRY(find_segments(files_, options_.directory))) {
    next_number_ = std::max(next_number_, number + 1);
    if (found.header && journal_ == 0) journal_ = found.header->journal;
    if (found.header && found.header->journal != journal_) {
      logger_.error("{} belongs to another journal; it is left alone (see tollgate journal replay)",
                    found.path);
      continue;
    }
    Segment segment{.path = found.path,
                    .file_bytes = found.size,
                    .end = found.end,
                    .end_proven = found.end_proven,
                    .end_in_doubt = found.end < found.size};
    if (found.header) {
      segment.first_sequence = found.header->first_sequence;
    } else if (found.size > kSegmentHeaderSize) {
      logger_.warn("{}: the header is damaged or was never finished; reading on", found.path);
      segment.damaged = true;
    }
    if (found.cut > 0) {
      logger_.error("{}: damaged: {} bytes are missing at its end", found.path, found.cut);
      segment.damaged = true;
      ++damaged_;
    }
    progress_.next_sequence = std::max(progress_.next_sequence, segment.first_sequence);
    segments_.emplace(number, std::move(segment));
  }
  return {};
}

// Finds the highest record number in use, and cuts what the last process did not finish writing:
// at the end of the last segment, and of any whose end no later segment tells.
Result<> Journal::find_tail() {
  bool found_any = false;
  for (auto each = segments_.rbegin(); each != segments_.rend(); ++each) {
    auto& [number, segment] = *each;
    if (segment.end_proven && found_any) {
      if (auto cut = save_end(segment); !cut) {
        logger_.error("what was given up of a file cannot be cut off: {}", cut.error().message());
      }
      continue;
    }
    const bool known = progress_.synced_segment == number &&
                       progress_.synced_offset >= kSegmentHeaderSize &&
                       progress_.synced_offset <= segment.end;
    const std::uint64_t from = known ? progress_.synced_offset : kSegmentHeaderSize;
    SegmentReader reader(TRY(files_.open(segment.path, FileSystem::Open::read)), journal_, from);
    std::uint64_t good = std::min(from, segment.end);
    bool found = known && from > kSegmentHeaderSize;
    std::uint64_t synced = found ? from : 0;
    std::vector<SegmentReader::Item> damage;
    while (true) {
      auto item = TRY(reader.next(segment.end));
      if (item.kind == SegmentReader::Kind::end) break;
      if (item.kind == SegmentReader::Kind::damage) damage.push_back(std::move(item));
      if (item.kind != SegmentReader::Kind::record) continue;
      found = true;
      if (item.header.synced > kSegmentHeaderSize) synced = std::max(synced, item.header.synced);
      good = item.offset + item.size;
      progress_.next_sequence = std::max(progress_.next_sequence, item.header.sequence + 1);
    }
    const bool was_synced =
        segment.end_proven ||
        (progress_.synced_segment == number && progress_.synced_offset > good);
    if (good < segment.end && !was_synced) {
      logger_.warn("{}: {} bytes at offset {} were not finished when the last process ended; cut",
                   segment.path, segment.end - good, good);
      segment.end = good;
    }
    // Of a write that was not finished later parts may be on the disk, and damage to a record of the
    // last write looks no different: what can be read is kept.
    std::erase_if(damage, [&](const SegmentReader::Item& item) {
      return segment.end_proven || item.offset < synced || item.offset >= good;
    });
    for (const auto& item : damage) warn_unreadable(segment, item);
    auto saved = save_tail(segment, synced, damage);
    if (!saved) {
      logger_.error("what the last process wrote cannot be synced: {}", saved.error().message());
    }
    segment.end_in_doubt = !saved || segment.end < segment.file_bytes;
    found_any |= found;
  }
  return {};
}

// What a killed process wrote may be in the system's cache only, and if a sync of it failed the
// system takes it for saved: only writing it again makes sure that it is.
// `unreadable` is marked as abandoned, lest it be taken for damage once more was written.
Result<> Journal::save_tail(Segment& segment, std::uint64_t synced,
                            const std::vector<SegmentReader::Item>& unreadable) {
  auto file = TRY(files_.open(segment.path, FileSystem::Open::read_write));
  for (const auto& item : unreadable) {
    if (item.size < kRecordHeaderSize || item.size > kMostRecordBytes) continue;
    const std::string header = abandoned_header(item.size, synced, journal_);
    const std::string_view part = header;
    TRY(file->write_at(item.offset, {&part, 1}));
  }
  constexpr std::size_t most = std::size_t{1} << 20;
  std::string bytes;
  for (std::uint64_t at = synced; at < segment.end; at += bytes.size()) {
    bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(most, segment.end - at)));
    bytes.resize(TRY(file->read_at(at, bytes.data(), bytes.size())));
    if (bytes.empty()) break;
    const std::string_view part = bytes;
    TRY(file->write_at(at, {&part, 1}));
  }
  return cut_off(segment, *file);
}

// The last process may have cut a file and failed to sync that: the system shows it cut, while the
// disk has the bytes still.
Result<> Journal::save_end(Segment& segment) {
  segment.end_in_doubt = true;
  auto file = TRY(files_.open(segment.path, FileSystem::Open::read_write));
  TRY(cut_off(segment, *file));
  segment.end_in_doubt = segment.end < segment.file_bytes;
  return {};
}

Result<> Journal::cut_off(Segment& segment, File& file) {
  // Without its header a segment may be one that we merely cannot read: its bytes stay.
  if (segment.first_sequence > 0 && file.truncate(segment.end)) segment.file_bytes = segment.end;
  return file.sync();
}

// Writing -----------------------------------------------------------------------------------------

Result<> Journal::append(std::vector<Entry> group) {
  TRY(ensure_active());
  std::uint64_t first;
  {
    std::lock_guard lock(lock_);
    first = progress_.next_sequence;
    progress_.next_sequence += group.size();
  }
  for (Entry& entry : group) {
    seal_record(entry.bytes, {.sequence = first++, .synced = active_->synced,
                              .messages = entry.messages}, journal_);
  }
  if (auto written = write(group); !written) {
    give_up(group);
    return written;
  }
  std::ranges::move(group, std::back_inserter(unsynced_));
  return {};
}

// Should the disk have kept bytes of these that could not be cut off, they count as settled from the
// next time on that progress is saved.
void Journal::give_up(std::span<const Entry> entries) {
  std::lock_guard lock(lock_);
  for (const Entry& entry : entries) progress_.settled.add(get_u64(&entry.bytes[8]));
  changed_ = true;
}

Result<> Journal::sync() {
  if (unsynced_.empty()) return {};
  for (bool again : {true, false}) {
    if (!active_) TRY(create_segment());
    auto synced = active_->file->sync();
    if (synced) {
      ++syncs_;
      unsynced_.clear();
      active_->synced = active_->written;
      active_->cut = false;
      std::lock_guard lock(lock_);
      segments_[active_->number].end = active_->synced;
      return {};
    }
    // What the disk now holds of these writes cannot be known, and a later sync may say that all
    // is well. They go to another file.
    abandon_active();
    if (!again) return synced;
    logger_.error("{}; writing it again to another segment", synced.error().message());
  }
  return {};
}

void Journal::discard() {
  if (active_ && !unsynced_.empty()) abandon_active();
  give_up(unsynced_);
  unsynced_.clear();
}

void Journal::end_segment() {
  if (!active_ || !unsynced_.empty() || active_->written <= kSegmentHeaderSize) return;
  last_number_ = active_->number;
  last_end_ = active_->synced;
  const bool in_doubt = active_->cut && !active_->file->sync();
  std::lock_guard lock(lock_);
  Segment& segment = segments_[active_->number];
  segment.sealed = segment.end_proven = true;
  segment.end_in_doubt = in_doubt;
  active_.reset();
}

Result<> Journal::ensure_active() {
  if (active_ && active_->written >= options_.segment_bytes) {
    if (!unsynced_.empty()) {
      if (active_->file->sync()) {
        ++syncs_;
        unsynced_.clear();
        active_->synced = active_->written;
        std::lock_guard lock(lock_);
        segments_[active_->number].end = active_->synced;
      } else {
        abandon_active();
      }
    }
    end_segment();
  }
  if (active_) return {};
  return create_segment();
}

Result<> Journal::create_segment() {
  const std::uint64_t number = next_number_++;
  const std::string path = path_of(number);
  SegmentHeader header{number, 0, journal_, last_end_, last_number_};
  {
    std::lock_guard lock(lock_);
    header.first_sequence =
        unsynced_.empty() ? progress_.next_sequence : get_u64(&unsynced_.front().bytes[8]);
  }
  auto file = TRY(files_.open(path, FileSystem::Open::create));
  active_.emplace(number, std::move(file), kSegmentHeaderSize, kSegmentHeaderSize);
  const std::string bytes = encode(header);
  const std::string_view part = bytes;
  auto made = active_->file->write_at(0, {&part, 1});
  if (made) made = files_.sync_directory(options_.directory);
  if (!made) {
    active_.reset();
    (void)files_.remove(path);
    return made;
  }
  {
    std::lock_guard lock(lock_);
    segments_[number] = {.path = path,
                         .first_sequence = header.first_sequence,
                         .file_bytes = kSegmentHeaderSize,
                         .end = kSegmentHeaderSize,
                         .sealed = false};
  }
  if (unsynced_.empty()) return {};
  for (Entry& entry : unsynced_) {  // with the same numbers
    const auto sequence = get_u64(&entry.bytes[8]);
    seal_record(entry.bytes, {.sequence = sequence, .synced = kSegmentHeaderSize,
                              .messages = entry.messages}, journal_);
  }
  auto written = write(unsynced_);
  if (!written && active_) abandon_active();
  return written;
}

Result<> Journal::write(std::span<Entry> group) {
  std::vector<std::string_view> parts;
  parts.reserve(group.size());
  std::uint64_t size = 0;
  for (const Entry& entry : group) {
    parts.push_back(entry.bytes);
    size += entry.bytes.size();
  }
  auto written = active_->file->write_at(active_->written, parts);
  if (!written) {
    if (active_->file->truncate(active_->written)) {
      active_->cut = true;
    } else {
      abandon_active();
    }
    return written;
  }
  active_->written += size;
  std::lock_guard lock(lock_);
  segments_[active_->number].file_bytes = active_->written;
  return {};
}

// Gives up the file but not what was synced in it. Without a doubt about the rest: it is cut off
// here if possible, and in any case by the next segment's header.
void Journal::abandon_active() {
  // The header of a segment in which nothing was synced may be lost, and what it says of the one
  // before with it: the next one says it again.
  if (active_->synced > kSegmentHeaderSize) {
    last_number_ = active_->number;
    last_end_ = active_->synced;
  }
  const bool cut = active_->file->truncate(active_->synced) && active_->file->sync();
  std::lock_guard lock(lock_);
  Segment& segment = segments_[active_->number];
  if (cut) segment.file_bytes = active_->synced;
  segment.end_in_doubt = !cut;
  segment.sealed = segment.end_proven = true;
  active_.reset();
}

// Reading -----------------------------------------------------------------------------------------

// Makes reader_ stand in a segment that is not read yet; false if there is none.
Result<bool> Journal::open_next_segment() {
  std::string path;
  std::uint64_t number;
  {
    std::lock_guard lock(lock_);
    const auto next = segments_.upper_bound(reading_);
    if (next == segments_.end()) return false;
    number = next->first;
    path = next->second.path;
  }
  reader_.emplace(TRY(files_.open(path, FileSystem::Open::read)), journal_);
  if (tolerant_) reader_->tolerate_unreadable();
  reading_ = number;
  return true;
}

Result<std::optional<Journal::Record>> Journal::next() {
  while (true) {
    if (!reader_ && !TRY(open_next_segment())) return std::optional<Record>();
    std::uint64_t limit;
    bool sealed;
    {
      std::lock_guard lock(lock_);
      const Segment& segment = segments_[reading_];
      limit = segment.end;
      sealed = segment.sealed;
    }
    auto item = TRY(reader_->next(limit, [this](const RecordHeader& header) {
      std::lock_guard lock(lock_);
      return !progress_.settled.contains(header.sequence) &&
             !outstanding_.contains(header.sequence);
    }));
    if (item.kind == SegmentReader::Kind::end) {
      if (!sealed) return std::optional<Record>();
      std::lock_guard lock(lock_);
      segments_[reading_].has_been_read = true;
      changed_ = true;
      reader_.reset();
      continue;
    }
    if (item.kind == SegmentReader::Kind::damage) report_damage(reading_, item);
    if (item.kind != SegmentReader::Kind::record) continue;
    std::lock_guard lock(lock_);
    const RecordHeader& header = item.header;
    Outstanding entry{reading_, item.offset, header.messages, header.messages, {}};
    if (const auto partly = progress_.partly.find(header.sequence);
        partly != progress_.partly.end() && partly->second.size() == header.messages) {
      entry.settled = partly->second;
      entry.left -= static_cast<std::uint32_t>(std::ranges::count(entry.settled, true));
    }
    ++segments_[reading_].outstanding;
    Record record{header.sequence, header.messages, std::move(item.payload), entry.settled};
    outstanding_.emplace(header.sequence, std::move(entry));
    return record;
  }
}

void Journal::tolerate_unreadable() {
  tolerant_ = true;
  if (reader_) reader_->tolerate_unreadable();
}

void Journal::warn_unreadable(const Segment& segment, const SegmentReader::Item& item) {
  logger_.warn("{}: {} bytes at offset {} cannot be read: a write that did not finish, or damage to "
               "one of the last; skipped",
               segment.path, item.size, item.offset);
}

void Journal::report_damage(std::uint64_t number, const SegmentReader::Item& item) {
  std::lock_guard lock(lock_);
  Segment& segment = segments_[number];
  const bool was_synced =
      segment.end_proven || !segment.sealed || item.synced_behind.value_or(0) > item.offset ||
      (progress_.synced_segment == number && progress_.synced_offset > item.offset);
  if (!was_synced) return warn_unreadable(segment, item);
  segment.damaged = true;
  ++damaged_;
  logger_.error("{}: damaged: {} bytes at offset {}{} cannot be read; skipped", segment.path,
                item.size, item.offset,
                item.has_header ? fmt::format(" (record {}, {} messages)", item.header.sequence,
                                              item.header.messages)
                                : "");
}

// Settling ----------------------------------------------------------------------------------------

bool Journal::settle(std::uint64_t sequence, std::span<const std::uint32_t> messages) {
  std::lock_guard lock(lock_);
  const auto found = outstanding_.find(sequence);
  if (found == outstanding_.end()) return true;
  Outstanding& entry = found->second;
  changed_ = true;
  if (messages.empty()) entry.left = 0;
  for (const std::uint32_t message : messages) {
    if (message >= entry.messages) continue;
    if (entry.settled.empty()) entry.settled.resize(entry.messages);
    if (entry.settled[message]) continue;
    entry.settled[message] = true;
    --entry.left;
  }
  if (entry.left > 0) {
    progress_.partly[sequence] = entry.settled;
    return false;
  }
  --segments_[entry.segment].outstanding;
  progress_.settled.add(sequence);
  progress_.partly.erase(sequence);
  outstanding_.erase(found);
  return true;
}

void Journal::pin(std::uint64_t sequence) {
  std::lock_guard lock(lock_);
  if (outstanding_.erase(sequence) > 0) ++damaged_;  // but it goes on counting in its segment
}

Journal::Figures Journal::figures() const {
  std::lock_guard lock(lock_);
  Figures figures{.segments = segments_.size(),
                  .syncs = syncs_,
                  .damaged_records = damaged_,
                  .outstanding = outstanding_.size()};
  for (const auto& [number, segment] : segments_) figures.bytes += segment.file_bytes;
  return figures;
}

Result<> Journal::save_progress() {
  Progress saved;
  std::vector<std::pair<std::uint64_t, Segment>> done;
  {
    std::lock_guard lock(lock_);
    if (!changed_) return {};
    std::uint64_t lowest = std::min(progress_.next_sequence, lowest_removed_);
    bool hold = false;
    for (const auto& [number, segment] : segments_) {
      if (segment.sealed && segment.has_been_read && segment.outstanding == 0 && !hold) {
        done.emplace_back(number, segment);
      } else {
        // Only the header of a later segment says what does not count of this one.
        hold |= segment.end_in_doubt;
      }
      lowest = std::min(lowest, segment.first_sequence);  // 0: its header is lost
      progress_.synced_segment = number;
      progress_.synced_offset = segment.end;
    }
    // Those of segments about to go stay, since the process may end before they do.
    progress_.settled.remove_below(lowest);
    progress_.partly.erase(progress_.partly.begin(), progress_.partly.lower_bound(lowest));
    saved = progress_;
    changed_ = false;
  }
  auto kept = progress_file_.save(saved);
  if (kept) {
    for (const auto& [number, segment] : done) {
      // What a person may still want to look at is set aside, not removed.
      kept = segment.damaged ? files_.rename(segment.path, segment.path + ".damaged")
                             : files_.remove(segment.path);
      if (!kept) break;
      lowest_removed_ = std::min(lowest_removed_, segment.first_sequence);
      std::lock_guard lock(lock_);
      segments_.erase(number);
    }
  }
  if (kept && lowest_removed_ != kNothing) {
    kept = files_.sync_directory(options_.directory);
    if (kept) lowest_removed_ = kNothing;
  }
  if (kept) return {};
  std::lock_guard lock(lock_);
  changed_ = true;
  return kept;
}

}  // namespace tollgate
