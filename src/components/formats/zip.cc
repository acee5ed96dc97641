#include "components/formats/zip.h"

#include <zlib.h>

#include "value/compression.h"

namespace tollgate {
namespace {

constexpr std::string_view kLocalMagic = "PK\3\4", kDirectoryMagic = "PK\1\2", kEndMagic = "PK\5\6";
constexpr std::size_t kLocalSize = 30, kDirectorySize = 46, kEndSize = 22;
constexpr std::uint16_t kStored = 0, kDeflated = 8, kUtf8Flag = 0x800;
constexpr std::uint32_t kTooLarge = 0xFFFFFFFF;  // the real number is in a zip64 record

void put16(std::string& out, std::uint32_t n) {
  out += static_cast<char>(n & 0xFF);
  out += static_cast<char>(n >> 8 & 0xFF);
}
void put32(std::string& out, std::size_t n) {
  put16(out, static_cast<std::uint32_t>(n & 0xFFFF));
  put16(out, static_cast<std::uint32_t>(n >> 16 & 0xFFFF));
}

// Requires: at + 2 (4) <= bytes.size().
std::uint32_t get16(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]) | static_cast<unsigned char>(bytes[at + 1]) << 8;
}
std::uint32_t get32(std::string_view bytes, std::size_t at) {
  return get16(bytes, at) | get16(bytes, at + 2) << 16;
}

std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::unexpected<Error> bad_zip() { return invalid("zip: not a valid zip file"); }

/// The end record, or npos. It is followed by a comment of at most 64 KiB.
std::size_t find_end(std::string_view bytes) {
  if (bytes.size() < kEndSize) return std::string_view::npos;
  const std::size_t first = bytes.size() > kEndSize + 0xFFFF ? bytes.size() - kEndSize - 0xFFFF : 0;
  for (std::size_t at = bytes.size() - kEndSize + 1; at-- > first;) {
    if (bytes.substr(at, 4) == kEndMagic &&
        at + kEndSize + get16(bytes, at + 20) <= bytes.size()) {
      return at;
    }
  }
  return std::string_view::npos;
}

/// Content of the file that the directory entry at the start of `entry` describes.
Result<std::string> read_file(std::string_view bytes, std::string_view entry, std::size_t room) {
  const std::uint32_t method = get16(entry, 10), crc = get32(entry, 16);
  const std::uint32_t packed = get32(entry, 20), size = get32(entry, 24);
  const std::size_t at = get32(entry, 42);
  if (packed == kTooLarge || size == kTooLarge || at > bytes.size() ||
      bytes.size() - at < kLocalSize || bytes.substr(at, 4) != kLocalMagic) {
    return bad_zip();
  }
  const std::size_t data = at + kLocalSize + get16(bytes, at + 26) + get16(bytes, at + 28);
  if (data > bytes.size() || bytes.size() - data < packed) return invalid("unexpected EOF");
  if (size > room) return invalid("zip: the files are too large");
  const std::string_view content = bytes.substr(data, packed);
  std::string inflated;
  if (method == kStored) {
    inflated = content;
  } else if (method == kDeflated) {
    inflated = TRY(decompress(Compression::flate, content, size));
  } else {
    return invalid("zip: unsupported compression algorithm");
  }
  if (inflated.size() != size || crc_of(inflated) != crc) return invalid("zip: checksum error");
  return inflated;
}

}  // namespace

Result<> ZipWriter::add(std::string_view name, std::string_view content) {
  const std::string packed = TRY(compress(Compression::flate, -1, content));
  const std::size_t at = out_.size() - start_;
  if (files_ == 0xFFFF || name.size() > 0xFFFF || content.size() >= kTooLarge ||
      at + packed.size() >= kTooLarge) {
    return invalid("the archive is too large for zip");
  }
  // The part of the headers that is the same in the directory.
  std::string common;
  put16(common, 20);  // version needed
  put16(common, kUtf8Flag);
  put16(common, kDeflated);
  put16(common, 0);           // time
  put16(common, 1 << 5 | 1);  // date: 1980-01-01
  put32(common, crc_of(content));
  put32(common, packed.size());
  put32(common, content.size());
  put16(common, static_cast<std::uint32_t>(name.size()));
  put16(common, 0);  // extra field

  out_.append(kLocalMagic).append(common).append(name).append(packed);

  directory_.append(kDirectoryMagic);
  put16(directory_, 3 << 8 | 20);  // made on Unix
  directory_.append(common);
  put16(directory_, 0);  // comment
  put16(directory_, 0);  // disk
  put16(directory_, 0);  // internal attributes
  put32(directory_, std::size_t{0100666} << 16);
  put32(directory_, at);
  directory_.append(name);
  ++files_;
  return {};
}

void ZipWriter::finish() {
  const std::size_t at = out_.size() - start_;
  out_.append(directory_).append(kEndMagic);
  put32(out_, 0);  // disks
  put16(out_, files_);
  put16(out_, files_);
  put32(out_, directory_.size());
  put32(out_, at);
  put16(out_, 0);  // comment
}

Result<> read_zip(
    std::string_view bytes,
    const std::function<void(std::string_view name, std::string_view content)>& sink) {
  const std::size_t end = find_end(bytes);
  if (end == std::string_view::npos) return bad_zip();
  const std::uint32_t files = get16(bytes, end + 10);
  std::size_t at = get32(bytes, end + 16);
  std::size_t room = kMaxInflated;
  for (std::uint32_t i = 0; i < files; ++i) {
    if (at > bytes.size() || bytes.size() - at < kDirectorySize ||
        bytes.substr(at, 4) != kDirectoryMagic) {
      return bad_zip();
    }
    const std::string_view entry = bytes.substr(at);
    const std::size_t name = get16(entry, 28);
    const std::size_t size = kDirectorySize + name + get16(entry, 30) + get16(entry, 32);
    if (size > entry.size()) return bad_zip();
    const std::string content = TRY(read_file(bytes, entry, room));
    room -= content.size();
    sink(entry.substr(kDirectorySize, name), content);
    at += size;
  }
  return {};
}

}  // namespace tollgate
