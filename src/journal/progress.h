#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "journal/file.h"

namespace tollgate {

/// A set of record numbers, as ranges.
class SequenceSet {
 public:
  using Ranges = std::map<std::uint64_t, std::uint64_t>;  // first → last

  void add(std::uint64_t sequence) { add(sequence, sequence); }
  void add(std::uint64_t first, std::uint64_t last);
  bool contains(std::uint64_t sequence) const;
  /// Forgets everything below.
  void remove_below(std::uint64_t sequence);
  const Ranges& ranges() const { return ranges_; }

 private:
  Ranges ranges_;
};

/// How far a journal has been read: which records are settled, in whole or in part.
struct Progress {
  std::uint64_t journal = 0;
  std::uint64_t next_sequence = 1;  ///< above every number that was ever given when this was saved
  std::uint64_t synced_segment = 0;  ///< with synced_offset: everything before it was synced
  std::uint64_t synced_offset = 0;
  SequenceSet settled;
  std::map<std::uint64_t, std::vector<bool>> partly;  ///< by record: which messages are settled
};

std::string encode(const Progress& progress, std::uint64_t generation);

/// The file that keeps it: two slots of constant place and size, written in turn and in place, so
/// that a torn write spoils at most the older one and a full disk does not stop it. One thread.
class ProgressFile {
 public:
  static constexpr std::size_t kSlotSize = std::size_t{64} << 10;

  ProgressFile(FileSystem& files, std::string directory)
      : files_(files), directory_(std::move(directory)), path_(directory_ + "/progress") {}

  /// What was saved last; nothing if the file is missing. `damaged` tells that it is there but that
  /// neither slot can be read.
  Result<std::optional<Progress>> load(bool& damaged);
  /// When it returns, `progress` survives a power cut. Settled records beyond what fits in a slot
  /// are left out, which means that they are delivered again after a restart.
  Result<> save(const Progress& progress);
  /// Saves what load() gave again in its slot, for it may be in the system's cache only, and the
  /// next save goes over the other.
  Result<> confirm(const Progress& loaded) {
    --generation_;
    return save(loaded);
  }

 private:
  Result<> create();

  FileSystem& files_;
  const std::string directory_, path_;
  std::unique_ptr<File> file_;
  std::uint64_t generation_ = 0;  // of the slot saved last
};

}  // namespace tollgate
