#include "journal/segments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tollgate {
namespace {

constexpr std::string_view kSuffix = ".segment";
constexpr std::size_t kDigits = 20;

}  // namespace

std::string segment_name(std::uint64_t number) { return fmt::format("{:020}{}", number, kSuffix); }

std::optional<std::uint64_t> segment_number(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, number);
  if (error != std::errc() || end != name.data() + kDigits || number == 0) return std::nullopt;
  return number;
}

Result<FoundSegment> find_segment(FileSystem& files, const std::string& path) {
  const auto file = TRY(files.open(path, FileSystem::Open::read));
  std::string bytes(kSegmentHeaderSize, '\0');
  bytes.resize(TRY(file->read_at(0, bytes.data(), bytes.size())));
  auto header = decode_segment_header(bytes);
  if (!header) return std::unexpected(std::move(header).error().within(path));
  const auto size = TRY(file->size());
  return FoundSegment{.path = path, .header = *header, .size = size, .end = size};
}

Result<std::map<std::uint64_t, FoundSegment>> find_segments(FileSystem& files,
                                                            const std::string& directory) {
  std::map<std::uint64_t, FoundSegment> segments;
  for (const std::string& name : TRY(files.list(directory))) {
    if (const auto number = segment_number(name)) {
      segments.emplace(*number, TRY(find_segment(files, directory + "/" + name)));
    }
  }
  for (const auto& [number, segment] : segments) {
    if (!segment.header) continue;
    // What lies between was given up before anything in it was synced.
    for (auto between = segments.upper_bound(segment.header->previous_number);
         between != segments.end() && between->first < number; ++between) {
      between->second.end = std::min<std::uint64_t>(between->second.size, kSegmentHeaderSize);
      between->second.end_proven = true;
    }
    const auto before = segments.find(segment.header->previous_number);
    if (before == segments.end() || before->first >= number) continue;
    FoundSegment& previous = before->second;
    const auto end = segment.header->previous_end;
    // A header alone was never synced.
    previous.cut = end > std::max<std::uint64_t>(previous.size, kSegmentHeaderSize)
                       ? end - previous.size
                       : 0;
    previous.end = std::min(end, previous.size);
    previous.end_proven = true;
  }
  return segments;
}

}  // namespace tollgate
