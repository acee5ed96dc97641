#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "journal/file.h"
#include "message/message.h"

namespace tollgate {

/// What a journal on disk holds, for people. Nothing here writes or locks: a journal in use may be
/// looked at, and what is being written just then shows as an unfinished end.
struct JournalReport {
  struct Damage {
    std::string path;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::string text;
  };
  struct Segment {
    std::string path;
    std::uint64_t bytes = 0;
    std::uint64_t records = 0, messages = 0;
    std::uint64_t settled_records = 0;
    std::uint64_t first_sequence = 0, last_sequence = 0;  ///< 0: no record
  };
  std::vector<Segment> segments;
  std::vector<Damage> damage;
  std::vector<Damage> unfinished;  ///< ends of writes that nobody was told of
  bool has_progress = false;
  std::uint64_t settled_up_to = 0;  ///< every record up to this number is settled
  std::uint64_t next_sequence = 0;
};

/// Called with each message, oldest first: its record's number, and whether it was delivered
/// already. An error ends the reading.
using StoredMessage =
    std::function<Result<>(std::uint64_t sequence, const Message& message, bool settled)>;

/// Reads all of a journal's directory, or of one segment file, verifying every checksum.
Result<JournalReport> examine_journal(FileSystem& files, const std::string& path,
                                      const StoredMessage& visit = nullptr);

}  // namespace tollgate
