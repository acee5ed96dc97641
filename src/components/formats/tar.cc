#include "components/formats/tar.h"

#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

namespace tollgate {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kMaxFile = std::uint64_t{256} << 20;

// Places in a header block.
struct Span {
  std::size_t at, size;
};
constexpr Span kName{0, 100}, kMode{100, 8}, kUser{108, 8}, kGroup{116, 8}, kSize{124, 12},
    kTime{136, 12}, kChecksum{148, 8}, kMagic{257, 6}, kPrefix{345, 155};
constexpr std::size_t kType = 156;

std::size_t padded(std::size_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

void put_octal(char* block, Span span, std::uint64_t number) {
  for (std::size_t i = span.size - 1; i-- > 0; number >>= 3) {
    block[span.at + i] = static_cast<char>('0' + (number & 7));
  }
}

std::uint64_t checksum(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
    sum += own ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

std::string_view text_at(std::string_view block, Span span) {
  const std::string_view text = block.substr(span.at, span.size);
  return text.substr(0, text.find('\0'));
}

std::unexpected<Error> bad_header() { return invalid("archive/tar: invalid tar header"); }

Result<std::uint64_t> number_at(std::string_view block, Span span) {
  std::string_view text = block.substr(span.at, span.size);
  if (static_cast<unsigned char>(text[0]) & 0x80) {  // binary, most significant byte first
    std::uint64_t number = static_cast<unsigned char>(text[0]) & 0x7F;
    for (const char c : text.substr(1)) {
      if (number >> 56) return bad_header();
      number = number << 8 | static_cast<unsigned char>(c);
    }
    return number;
  }
  const auto begin = text.find_first_not_of(std::string_view(" \0", 2));
  if (begin == std::string_view::npos) return 0;
  text.remove_prefix(begin);
  text = text.substr(0, text.find_first_of(std::string_view(" \0", 2)));
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number, 8);
  if (fault != std::errc{} || end != text.data() + text.size()) return bad_header();
  return number;
}

/// The `path` of pax records ("27 path=…\n").
Result<std::string> pax_path(std::string_view records) {
  std::string path;
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, fault] =
        std::from_chars(records.data(), records.data() + records.size(), length);
    const auto digits = static_cast<std::size_t>(end - records.data());
    if (fault != std::errc{} || length > records.size() || length < digits + 3) return bad_header();
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    if (record.starts_with("path=")) path = record.substr(5);
    records.remove_prefix(length);
  }
  return path;
}

}  // namespace

void TarWriter::add_entry(std::string_view name, std::string_view content, char type) {
  std::array<char, kBlock> block{};
  std::memcpy(block.data(), name.data(), std::min(name.size(), kName.size));
  put_octal(block.data(), kMode, 0666);
  put_octal(block.data(), kUser, 0);
  put_octal(block.data(), kGroup, 0);
  put_octal(block.data(), kSize, content.size());
  put_octal(block.data(), kTime, static_cast<std::uint64_t>(std::time(nullptr)));
  block[kType] = type;
  std::memcpy(block.data() + kMagic.at, "ustar\00000", 8);
  const std::string_view view(block.data(), block.size());
  put_octal(block.data(), {kChecksum.at, kChecksum.size - 1}, checksum(view));
  block[kChecksum.at + kChecksum.size - 1] = ' ';
  out_.append(view).append(content).append(padded(content.size()) - content.size(), '\0');
}

Result<> TarWriter::add(std::string_view name, std::string_view content) {
  if (content.size() >= std::size_t{1} << 33) return invalid("a message is too large for tar");
  if (name.size() > kName.size) {
    // A record's length counts its own digits.
    std::size_t length = name.size() + std::string_view(" path=\n").size();
    std::string record;
    for (std::size_t digits = 1;; ++digits) {
      record = std::to_string(length + digits);
      if (record.size() == digits) break;
    }
    record.append(" path=").append(name).append("\n");
    add_entry("PaxHeaders.0/name", record, 'x');
  }
  add_entry(name, content, '0');
  return {};
}

void TarWriter::finish() { out_.append(2 * kBlock, '\0'); }

Result<> TarReader::feed(std::string_view bytes, const Sink& sink) {
  if (ended_) return {};
  buffer_ += bytes;
  std::string_view rest = buffer_;
  while (!ended_) {
    if (!TRY(take_entry(rest, sink))) break;
  }
  buffer_.erase(0, buffer_.size() - rest.size());
  return {};
}

Result<bool> TarReader::take_entry(std::string_view& rest, const Sink& sink) {
  if (rest.size() < kBlock) return false;
  const std::string_view block = rest.substr(0, kBlock);
  if (block.find_first_not_of('\0') == std::string_view::npos) {
    if (zero_block_) ended_ = true;
    zero_block_ = true;
    rest.remove_prefix(kBlock);
    return true;
  }
  if (zero_block_ || TRY(number_at(block, kChecksum)) != checksum(block)) return bad_header();
  const std::uint64_t size = TRY(number_at(block, kSize));
  if (size > kMaxFile) return invalid("archive/tar: a file is too large");
  if (rest.size() < kBlock + padded(size)) return false;
  const std::string_view content = rest.substr(kBlock, size);
  rest.remove_prefix(kBlock + padded(size));

  switch (block[kType]) {
    case 'x': long_name_ = TRY(pax_path(content)); return true;
    case 'L': long_name_ = content.substr(0, content.find('\0')); return true;
    case 'g':
    case 'K': return true;
    default: break;
  }
  std::string name(text_at(block, kName));
  if (block.substr(kMagic.at, kMagic.size) == std::string_view("ustar\0", 6)) {
    if (const auto prefix = text_at(block, kPrefix); !prefix.empty()) {
      name = std::string(prefix) + "/" + name;
    }
  }
  if (!long_name_.empty()) name = std::exchange(long_name_, {});
  sink(name, content);
  return true;
}

Result<> TarReader::finish() const {
  if (!ended_ && !buffer_.empty()) return invalid("unexpected EOF");
  return {};
}

Result<> TarReader::read(std::string_view bytes, const Sink& sink) {
  TRY(feed(bytes, sink));
  return finish();
}

}  // namespace tollgate
