#include "value/compression_header.h"

#include <fmt/format.h>
#include <xxhash.h>


namespace tollgate {
namespace {

constexpr std::string_view kEndedEarly = "unexpected EOF";

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::string bzip2_fault(std::string_view bytes) {
  constexpr std::string_view kBlock = "\x31\x41\x59\x26\x53\x59", kEnd = "\x17\x72\x45\x38\x50\x90";
  constexpr std::size_t kHeader = 4, kMark = 6;
  const auto invalid_data = [](std::string_view why) {
    return "bzip2 data invalid: " + std::string(why);
  };
  if (bytes.size() < 2) return std::string(kEndedEarly);
  if (!bytes.starts_with("BZ")) return invalid_data("bad magic value");
  if (bytes.size() < 3) return std::string(kEndedEarly);
  if (bytes[2] != 'h') return invalid_data("non-Huffman entropy encoding");
  if (bytes.size() < kHeader) return std::string(kEndedEarly);
  if (bytes[3] < '1' || bytes[3] > '9') return invalid_data("invalid compression level");
  if (bytes.size() < kHeader + kMark) return std::string(kEndedEarly);
  const std::string_view mark = bytes.substr(kHeader, kMark);
  return mark == kBlock || mark == kEnd ? "" : invalid_data("bad magic value found");
}

std::string zlib_fault(std::string_view bytes) {
  if (bytes.size() < 2) return std::string(kEndedEarly);
  const std::uint8_t method = byte_at(bytes, 0), flags = byte_at(bytes, 1);
  if ((method & 15) != 8 || method >> 4 > 7 || (method << 8 | flags) % 31 != 0) {
    return "zlib: invalid header";
  }
  constexpr std::string_view kEmptyDictionary("\0\0\0\1", 4);
  if (!(flags & 0x20)) return {};
  if (bytes.size() < 6) return std::string(kEndedEarly);
  return bytes.substr(2, 4) == kEmptyDictionary ? "" : "zlib: invalid dictionary";
}

bool is_skippable(std::string_view bytes) {
  return bytes.substr(1, 3) == "\x2A\x4D\x18" && byte_at(bytes, 0) >> 4 == 5;
}

std::string lz4_fault(std::string_view bytes) {
  constexpr std::string_view kFrame = "\x04\x22\x4D\x18", kLegacy = "\x02\x21\x4C\x18";
  constexpr std::size_t kFlags = 4, kSize = 8;
  if (bytes.size() < kFlags || is_skippable(bytes) || bytes.starts_with(kLegacy)) return {};
  if (!bytes.starts_with(kFrame)) return "lz4: bad magic number";
  if (bytes.size() < kFlags + 3) return {};
  const bool has_size = byte_at(bytes, kFlags) & 8;
  const std::size_t described = 2 + (has_size ? kSize : 0);
  if (bytes.size() <= kFlags + described) return {};
  const auto checksum = XXH32(bytes.data() + kFlags, described, 0) >> 8 & 0xFF;
  const auto given = byte_at(bytes, kFlags + described);
  if (checksum == given) return {};
  return fmt::format("lz4: invalid header checksum: got {:x}; expected {:x}", checksum, given);
}

std::string zstd_fault(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (bytes.size() < 4) return std::string(kEndedEarly);
  if (bytes.starts_with("\x28\xB5\x2F\xFD") || is_skippable(bytes)) return {};
  return "invalid input: magic number mismatch";
}

}  // namespace

std::string header_fault(Compression algorithm, std::string_view bytes) {
  switch (algorithm) {
    case Compression::bzip2: return bzip2_fault(bytes);
    case Compression::zlib: return zlib_fault(bytes);
    case Compression::lz4: return lz4_fault(bytes);
    case Compression::zstd: return zstd_fault(bytes);
    default: return {};
  }
}

}  // namespace tollgate
