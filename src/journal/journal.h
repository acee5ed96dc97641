#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "journal/file.h"
#include "journal/format.h"
#include "journal/progress.h"

namespace tollgate {

struct JournalOptions {
  std::string directory;
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
};

/// A durable queue of records in append-only segment files, with no thread of its own.
///
/// One thread writes: append() then sync(). One thread reads: next() gives each synced record once,
/// oldest first. settle() says what became of a record; a record that was not settled when the
/// process ended is given again after the next open(), with the messages of it that were. One thread
/// calls save_progress() from time to time, which remembers what was settled and removes segments
/// that are settled as a whole. settle() and the figures are for any thread.
///
/// Invariants: 1. what sync() confirmed is given by next() until it is settled, whatever happens to
/// process and machine, short of damage to the disk, which is reported with its place; 2. what was
/// discarded is never given, unless the process dies before it could sync a later record or save its
/// progress; 3. a segment is removed only after every record in it was settled and the numbers used
/// are remembered elsewhere; 4. a record number is never used again.
class Journal {
 public:
  /// A record to append. The first kRecordHeaderSize bytes of `bytes` are the journal's to fill.
  struct Entry {
    std::string bytes;
    std::uint32_t messages = 0;
  };

  struct Record {
    std::uint64_t sequence = 0;
    std::uint32_t messages = 0;
    std::string payload;
    std::vector<bool> settled;  ///< by message; empty: none is
  };

  struct Figures {
    std::uint64_t bytes = 0;  ///< of all segments
    std::uint64_t segments = 0;
    std::uint64_t syncs = 0;
    std::uint64_t damaged_records = 0;  ///< places whose records could not be read
    std::uint64_t outstanding = 0;      ///< records given and not settled
  };

  /// Opens the journal in `options.directory`, making it if need be. An error if another process
  /// has it open, or the disk cannot be read.
  static Result<std::unique_ptr<Journal>> open(FileSystem& files, JournalOptions options,
                                               Logger logger);
  ~Journal();

  // Writing thread --------------------------------------------------------------------------------

  /// Writes records behind all others. On an error none of them is in the journal.
  Result<> append(std::vector<Entry> group);
  /// Makes what was appended survive a power cut, and lets next() see it. If the disk refuses, the
  /// records are written again elsewhere once; on an error they are kept in memory, and the next
  /// append() or sync() tries again, unless discard() is called.
  Result<> sync();
  /// Forgets what was appended and could not be synced.
  void discard();
  /// Ends the segment that is written to, so that it can be removed once it is settled.
  void end_segment();

  // Reading thread --------------------------------------------------------------------------------

  /// The next record; nothing if all that is synced was given. An error means that the disk could
  /// not be read just now.
  Result<std::optional<Record>> next();
  /// From now on what the disk cannot read counts as damage.
  void tolerate_unreadable();

  // Any thread ------------------------------------------------------------------------------------

  /// Some messages of a record, by index, need not be given again; all of them if `messages` is
  /// empty. True if the whole record is settled now.
  bool settle(std::uint64_t sequence, std::span<const std::uint32_t> messages = {});
  /// A record that cannot be understood: keeps its segment from being removed.
  void pin(std::uint64_t sequence);
  Figures figures() const;

  // Maintenance thread ----------------------------------------------------------------------------

  /// Saves what was settled, if anything was since, and removes settled segments.
  Result<> save_progress();

 private:
  struct Segment {
    std::string path;
    std::uint64_t first_sequence = 0;  // 0: its header is damaged
    std::uint64_t file_bytes = 0;
    std::uint64_t end = 0;       // what is readable ends here
    bool sealed = true;          // nothing will be added
    bool end_proven = false;     // everything before `end` was synced
    bool end_in_doubt = false;   // the file may go on behind `end`
    bool has_been_read = false;  // the reading thread is through with it
    bool damaged = false;
    std::uint64_t outstanding = 0;
  };
  struct Outstanding {
    std::uint64_t segment;
    std::uint64_t offset;
    std::uint32_t messages;
    std::uint32_t left;
    std::vector<bool> settled;  // empty until the first message of several is
  };
  struct Active {
    std::uint64_t number;
    std::unique_ptr<File> file;
    std::uint64_t written, synced;
    bool cut = false;  // a failed write was cut off, which is not synced yet
  };

  Journal(FileSystem& files, JournalOptions options, Logger logger)
      : files_(files),
        options_(std::move(options)),
        logger_(std::move(logger)),
        progress_file_(files, options_.directory) {}
  Result<> recover();
  Result<> adopt_segments();
  Result<> find_tail();
  Result<> save_tail(Segment& segment, std::uint64_t synced,
                     const std::vector<SegmentReader::Item>& unreadable);
  Result<> save_end(Segment& segment);
  Result<> cut_off(Segment& segment, File& file);
  std::string path_of(std::uint64_t number) const;

  Result<> ensure_active();
  Result<> create_segment();
  Result<> write(std::span<Entry> group);
  void give_up(std::span<const Entry> entries);
  void abandon_active();

  Result<bool> open_next_segment();
  void warn_unreadable(const Segment& segment, const SegmentReader::Item& item);
  void report_damage(std::uint64_t number, const SegmentReader::Item& item);

  FileSystem& files_;
  const JournalOptions options_;
  const Logger logger_;
  std::unique_ptr<FileLock> file_lock_;
  // Maintenance thread. A removed segment comes back with a power cut until the directory is synced.
  static constexpr std::uint64_t kNothing = ~std::uint64_t{0};
  ProgressFile progress_file_;
  std::uint64_t lowest_removed_ = kNothing;  // the first record of those
  std::uint64_t journal_ = 0;   // the number in every header

  // Writing thread.
  std::optional<Active> active_;
  std::vector<Entry> unsynced_;  // written to active_, or to nothing if there is none
  std::uint64_t next_number_ = 1;
  std::uint64_t last_number_ = 0, last_end_ = 0;  // the segment before the next one

  // Reading thread.
  std::optional<SegmentReader> reader_;
  std::uint64_t reading_ = 0;  // the segment of reader_; segments below were read
  bool tolerant_ = false;

  mutable std::mutex lock_;
  std::map<std::uint64_t, Segment> segments_;                  // lock_
  std::unordered_map<std::uint64_t, Outstanding> outstanding_;  // lock_; by sequence
  Progress progress_;                                          // lock_
  bool changed_ = false;                                       // lock_; since the last save

  std::atomic<std::uint64_t> syncs_{0}, damaged_{0};
};

}  // namespace tollgate
