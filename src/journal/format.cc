#include "journal/format.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace tollgate {
namespace {

constexpr std::string_view kSegmentMagic("\x89TGJ\r\n\x1a\n", 8);
constexpr std::string_view kRecordMagic("\xa7TGr", 4);
constexpr std::size_t kChunk = std::size_t{256} << 10;
constexpr std::size_t kPage = 4096;
static_assert(std::endian::native == std::endian::little);

}  // namespace

void put_u32(char* out, std::uint32_t value) { std::memcpy(out, &value, sizeof value); }
void put_u64(char* out, std::uint64_t value) { std::memcpy(out, &value, sizeof value); }
std::uint32_t get_u32(const char* in) {
  std::uint32_t value;
  std::memcpy(&value, in, sizeof value);
  return value;
}
std::uint64_t get_u64(const char* in) {
  std::uint64_t value;
  std::memcpy(&value, in, sizeof value);
  return value;
}
std::uint64_t checksum(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::string encode(const SegmentHeader& header) {
  std::string bytes(kSegmentHeaderSize, '\0');
  std::ranges::copy(kSegmentMagic, bytes.begin());
  put_u32(&bytes[8], kJournalVersion);
  put_u32(&bytes[12], kSegmentHeaderSize);
  put_u64(&bytes[16], header.number);
  put_u64(&bytes[24], header.first_sequence);
  put_u64(&bytes[32], header.journal);
  put_u64(&bytes[40], header.previous_end);
  put_u64(&bytes[48], header.previous_number);
  put_u64(&bytes[56], checksum({bytes.data(), 56}, 0));
  return bytes;
}

Result<std::optional<SegmentHeader>> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderSize || !bytes.starts_with(kSegmentMagic) ||
      get_u64(&bytes[56]) != checksum(bytes.substr(0, 56), 0)) {
    return std::optional<SegmentHeader>();
  }
  if (const auto found = get_u32(&bytes[8]); found != kJournalVersion) {
    return invalid(fmt::format("format version {}, where this program knows {}", found,
                               kJournalVersion));
  }
  return SegmentHeader{get_u64(&bytes[16]), get_u64(&bytes[24]), get_u64(&bytes[32]),
                       get_u64(&bytes[40]), get_u64(&bytes[48])};
}

namespace {

void write_header(char* out, const RecordHeader& header, std::uint64_t journal,
                  std::uint64_t payload_checksum) {
  std::memset(out, 0, kRecordHeaderSize);
  std::memcpy(out, kRecordMagic.data(), kRecordMagic.size());
  put_u32(out + 4, header.length);
  put_u64(out + 8, header.sequence);
  put_u64(out + 16, header.synced);
  put_u32(out + 24, header.messages);
  out[28] = static_cast<char>(header.type);
  put_u64(out + 32, payload_checksum);
  put_u64(out + 40, checksum({out, 40}, journal));
}

}  // namespace

void seal_record(std::string& record, RecordHeader header, std::uint64_t journal) {
  const auto payload = std::string_view(record).substr(kRecordHeaderSize);
  header.length = static_cast<std::uint32_t>(payload.size());
  write_header(record.data(), header, journal, checksum(payload, journal));
}

std::string abandoned_header(std::uint64_t size, std::uint64_t synced, std::uint64_t journal) {
  std::string header(kRecordHeaderSize, '\0');
  write_header(header.data(),
               {.length = static_cast<std::uint32_t>(size - kRecordHeaderSize), .synced = synced,
                .type = RecordHeader::abandoned},
               journal, 0);
  return header;
}

// Reading -----------------------------------------------------------------------------------------

Result<> SegmentReader::fill(std::uint64_t offset, std::size_t size) {
  chunk_.resize(size);
  chunk_offset_ = offset;
  auto got = file_->read_at(offset, chunk_.data(), size);
  if (got) {
    std::fill(chunk_.begin() + static_cast<std::ptrdiff_t>(*got), chunk_.end(), '\0');
    return {};
  }
  if (!tolerant_) {
    chunk_.clear();
    return std::unexpected(std::move(got).error());
  }
  std::ranges::fill(chunk_, '\0');
  for (std::size_t at = 0; at < size; at += kPage) {
    (void)file_->read_at(offset + at, &chunk_[at], std::min(kPage, size - at));
  }
  return {};
}

// `size` bytes, or as many as there are before `limit`. Valid until the next call.
Result<std::string_view> SegmentReader::view(std::uint64_t offset, std::size_t size,
                                             std::uint64_t limit) {
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, limit - offset));
  if (offset < chunk_offset_ || offset + size > chunk_offset_ + chunk_.size()) {
    TRY(fill(offset, static_cast<std::size_t>(
                         std::min<std::uint64_t>(std::max(size, kChunk), limit - offset))));
  }
  return std::string_view(chunk_).substr(offset - chunk_offset_, size);
}

Result<std::optional<RecordHeader>> SegmentReader::header_at(std::uint64_t offset,
                                                             std::uint64_t limit) {
  const auto bytes = TRY(view(offset, kRecordHeaderSize, limit));
  if (bytes.size() < kRecordHeaderSize || !bytes.starts_with(kRecordMagic) ||
      get_u64(&bytes[40]) != checksum(bytes.substr(0, 40), journal_)) {
    return std::optional<RecordHeader>();
  }
  RecordHeader header{get_u32(&bytes[4]), get_u64(&bytes[8]), get_u64(&bytes[16]),
                      get_u32(&bytes[24]), static_cast<std::uint8_t>(bytes[28])};
  if (header.length > kMostRecordBytes || offset + kRecordHeaderSize + header.length > limit) {
    return std::optional<RecordHeader>();
  }
  return header;
}

// Damage begins at `from`; looks for the next header at `search` and behind.
Result<SegmentReader::Item> SegmentReader::damage_at(std::uint64_t from, std::uint64_t search,
                                                     std::uint64_t limit) {
  Item item;
  item.kind = Kind::damage;
  item.offset = from;
  while (search < limit) {
    const auto bytes = TRY(view(search, kChunk, limit));
    const auto found = bytes.find(kRecordMagic);
    if (found == bytes.npos) {
      // The magic may straddle two chunks.
      if (search + bytes.size() >= limit) break;
      search += bytes.size() - (kRecordMagic.size() - 1);
      continue;
    }
    search += found;
    if (const auto header = TRY(header_at(search, limit))) {
      item.synced_behind = header->synced;
      item.size = search - from;
      offset_ = search;
      return item;
    }
    ++search;
  }
  item.size = limit - from;
  offset_ = limit;
  return item;
}

Result<SegmentReader::Item> SegmentReader::next(std::uint64_t limit, const Wanted& wanted) {
  Item item;
  std::optional<RecordHeader> header;
  do {
    if (header) offset_ += kRecordHeaderSize + header->length;
    item.offset = offset_;
    if (offset_ >= limit) return item;
    header = TRY(header_at(offset_, limit));
    if (!header) return damage_at(offset_, offset_ + 1, limit);
  } while (header->type == RecordHeader::abandoned);
  item.header = *header;
  item.has_header = true;
  item.size = kRecordHeaderSize + header->length;
  if (wanted && !wanted(*header)) {
    item.kind = Kind::unwanted;
    offset_ += item.size;
    return item;
  }
  const auto bytes = TRY(view(offset_, static_cast<std::size_t>(item.size), limit));
  const auto payload = bytes.substr(kRecordHeaderSize);
  if (get_u64(&bytes[32]) == checksum(payload, journal_)) {
    item.kind = Kind::record;
    item.payload = payload;
    offset_ += item.size;
    return item;
  }
  const auto behind = offset_ + item.size;
  Item damage = TRY(damage_at(item.offset, behind, limit));
  damage.header = item.header;
  damage.has_header = true;
  return damage;
}

}  // namespace tollgate
