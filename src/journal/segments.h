#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "journal/file.h"
#include "journal/format.h"

namespace tollgate {

/// "00000000000000000042.segment"
std::string segment_name(std::uint64_t number);
/// The number in such a name; nothing if it is none.
std::optional<std::uint64_t> segment_number(std::string_view name);

/// A segment file as it lies there.
struct FoundSegment {
  std::string path;
  std::optional<SegmentHeader> header;  ///< nothing: damaged, or never finished
  std::uint64_t size = 0;
  std::uint64_t end = 0;    ///< what counts of it ends here
  bool end_proven = false;  ///< the next segment says so: everything before was synced
  std::uint64_t cut = 0;    ///< bytes that must have been there and are not
};

/// Finds the segments in `directory`, by number. An error if one is of a version we do not know.
Result<std::map<std::uint64_t, FoundSegment>> find_segments(FileSystem& files,
                                                            const std::string& directory);
/// The same for one file.
Result<FoundSegment> find_segment(FileSystem& files, const std::string& path);

}  // namespace tollgate
