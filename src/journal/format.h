#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "journal/file.h"

// The bytes of a segment, as docs/formats/journal.md lays them down. All integers little-endian.
namespace tollgate {

inline constexpr std::uint32_t kJournalVersion = 1;
inline constexpr std::size_t kSegmentHeaderSize = 64;
inline constexpr std::size_t kRecordHeaderSize = 48;
/// Longer records are refused on both sides, so that a rotten length cannot exhaust memory.
inline constexpr std::size_t kMostRecordBytes = std::size_t{1} << 30;

void put_u32(char* out, std::uint32_t value);
void put_u64(char* out, std::uint64_t value);
std::uint32_t get_u32(const char* in);
std::uint64_t get_u64(const char* in);
std::uint64_t checksum(std::string_view bytes, std::uint64_t seed);

struct SegmentHeader {
  std::uint64_t number = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t journal = 0;          ///< a random number, the same in all segments; seeds checksums
  std::uint64_t previous_end = 0;     ///< where what counts of that segment ends
  /// The last one before in which anything was synced (0: there was none); any between are void.
  std::uint64_t previous_number = 0;
};
std::string encode(const SegmentHeader& header);
/// Nothing if it is damaged; an error if the version is one that we do not know.
Result<std::optional<SegmentHeader>> decode_segment_header(std::string_view bytes);

struct RecordHeader {
  enum Type : std::uint8_t {
    batch = 1,
    abandoned = 2,  ///< bytes that could not be read when the journal was opened; nothing verifies them
  };

  std::uint32_t length = 0;  ///< of the payload
  std::uint64_t sequence = 0;
  /// Where what was synced of this segment ended as this was written: damage before it is damage,
  /// damage behind it may be a write that never finished.
  std::uint64_t synced = 0;
  std::uint32_t messages = 0;
  std::uint8_t type = batch;
};
/// Fills the first kRecordHeaderSize bytes of `record`, whose payload follows them.
void seal_record(std::string& record, RecordHeader header, std::uint64_t journal);

/// The header that makes `size` bytes of a segment an abandoned record.
std::string abandoned_header(std::uint64_t size, std::uint64_t synced, std::uint64_t journal);

/// Goes through the records of a segment, past damage and over what was abandoned. One thread.
class SegmentReader {
 public:
  enum class Kind : std::uint8_t { record, unwanted, damage, end };
  struct Item {
    Kind kind = Kind::end;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;  ///< with the header
    RecordHeader header;     ///< of a record; of damage, if only the payload is damaged
    bool has_header = false;
    std::string payload;
    /// Damage: `synced` of the record that follows it; nothing if none does.
    std::optional<std::uint64_t> synced_behind;
  };
  /// Whether a record's payload is to be read; others are stepped over unverified.
  using Wanted = std::function<bool(const RecordHeader&)>;

  SegmentReader(std::unique_ptr<File> file, std::uint64_t journal,
                std::uint64_t offset = kSegmentHeaderSize)
      : file_(std::move(file)), journal_(journal), offset_(offset) {}

  /// What comes next before `limit`, at which the caller knows that a record ends. An error means
  /// that the disk cannot be read; the same call may be made again.
  Result<Item> next(std::uint64_t limit, const Wanted& wanted = nullptr);
  /// From now on places that cannot be read count as damage.
  void tolerate_unreadable() { tolerant_ = true; }
  std::uint64_t offset() const { return offset_; }

 private:
  Result<std::string_view> view(std::uint64_t offset, std::size_t size, std::uint64_t limit);
  Result<> fill(std::uint64_t offset, std::size_t size);
  Result<std::optional<RecordHeader>> header_at(std::uint64_t offset, std::uint64_t limit);
  Result<Item> damage_at(std::uint64_t from, std::uint64_t search, std::uint64_t limit);

  const std::unique_ptr<File> file_;
  const std::uint64_t journal_;
  std::uint64_t offset_;
  std::string chunk_;
  std::uint64_t chunk_offset_ = 0;
  bool tolerant_ = false;
};

}  // namespace tollgate
