#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tollgate {

/// Reads protobuf fields from a view, in place. Never reads outside the view; at the first byte
/// that cannot be, next() returns false and ok() turns false for good.
class WireReader {
 public:
  enum class Type : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

  explicit WireReader(std::string_view message)
      : at_(message.data()), end_(message.data() + message.size()) {}

  /// Moves to the next field. False at the end and on malformed input.
  [[gnu::always_inline]] bool next() {
    // Most fields have one byte of tag, and are short bytes, small numbers or fixed ones.
    if (end_ - at_ >= 2) [[likely]] {
      const auto tag = static_cast<unsigned char>(at_[0]), second = static_cast<unsigned char>(at_[1]);
      if (tag >= 8 && tag < 0x80) [[likely]] {
        field_ = tag >> 3;
        const std::ptrdiff_t behind = end_ - at_ - 2;
        if ((tag & 7) == 2 && second < 0x80 && second <= behind) [[likely]] {
          type_ = Type::bytes;
          bytes_ = {at_ + 2, second};
          at_ += 2 + second;
          return true;
        }
        if ((tag & 7) == 2 && behind > 0) {  // a record is mostly longer than 127 bytes
          const std::size_t high = static_cast<unsigned char>(at_[2]), size = (second & 0x7f) | high << 7;
          if (high < 0x80 && size < static_cast<std::size_t>(behind)) {
            type_ = Type::bytes;
            bytes_ = {at_ + 3, size};
            at_ += 3 + size;
            return true;
          }
        }
        if ((tag & 7) == 1 && behind >= 7) {
          type_ = Type::fixed64;
          std::memcpy(&number_, at_ + 1, sizeof number_);  // little-endian, as everywhere here
          at_ += 9;
          return true;
        }
        if ((tag & 7) == 0 && second < 0x80) {
          type_ = Type::varint;
          number_ = second;
          at_ += 2;
          return true;
        }
      }
    }
    if (at_ == end_) return false;
    const Field field = read(at_, end_);
    ok_ = field.next != nullptr;
    at_ = ok_ ? field.next : end_;
    number_ = field.number;
    bytes_ = field.bytes;
    field_ = field.field;
    type_ = field.type;
    return ok_;
  }

  bool ok() const { return ok_; }
  std::uint32_t field() const { return field_; }
  bool is(std::uint32_t field, Type type) const { return field_ == field && type_ == type; }

  std::uint64_t number() const { return number_; }  ///< of varint, fixed64 and fixed32 fields
  double float64() const {
    double value;
    std::memcpy(&value, &number_, sizeof value);
    return value;
  }
  std::string_view bytes() const { return bytes_; }

 private:
  /// A field of any kind, by value: the reader's own state can stay in registers.
  struct Field {
    const char* next;  ///< where it ends; null if it is malformed
    std::uint64_t number = 0;
    std::string_view bytes;
    std::uint32_t field = 0;
    Type type = Type::varint;
  };

  [[gnu::noinline]] static Field read(const char* at, const char* end) {
    constexpr Field malformed{nullptr, 0, {}, 0, Type::varint};
    std::uint64_t tag = 0;
    if (!varint(at, end, tag) || tag >> 3 == 0 || tag >> 32 != 0) return malformed;
    Field field{at, 0, {}, static_cast<std::uint32_t>(tag >> 3), Type::varint};
    bool ok = false;
    switch (tag & 7) {
      case 0: ok = varint(at, end, field.number); break;
      case 1:
        field.type = Type::fixed64;
        ok = fixed<std::uint64_t>(at, end, field.number);
        break;
      case 5:
        field.type = Type::fixed32;
        ok = fixed<std::uint32_t>(at, end, field.number);
        break;
      case 2: {
        field.type = Type::bytes;
        std::uint64_t size = 0;
        ok = varint(at, end, size) && size <= static_cast<std::size_t>(end - at);
        if (!ok) break;
        field.bytes = {at, static_cast<std::size_t>(size)};
        at += size;
        break;
      }
      default: break;
    }
    field.next = ok ? at : nullptr;
    return field;
  }

  static bool varint(const char*& at, const char* end, std::uint64_t& value) {
    if (at != end && static_cast<signed char>(*at) >= 0) [[likely]] {
      value = static_cast<unsigned char>(*at++);
      return true;
    }
    value = 0;
    for (unsigned shift = 0; shift < 64 && at != end; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  template <typename Integer>
  static bool fixed(const char*& at, const char* end, std::uint64_t& number) {
    if (static_cast<std::size_t>(end - at) < sizeof(Integer)) return false;
    Integer value;
    std::memcpy(&value, at, sizeof value);  // little-endian, as every machine we build for
    number = value;
    at += sizeof value;
    return true;
  }

  const char* at_;
  const char* end_;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  std::uint32_t field_ = 0;
  Type type_ = Type::varint;
  bool ok_ = true;
};

/// Appends protobuf fields to a string.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  void varint(std::uint32_t field, std::uint64_t value) {
    raw_varint(field << 3);
    raw_varint(value);
  }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    raw_varint(field << 3 | 1);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void fixed32(std::uint32_t field, std::uint32_t value) {
    raw_varint(field << 3 | 5);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void bytes(std::uint32_t field, std::string_view value) {
    raw_varint(field << 3 | 2);
    raw_varint(value.size());
    out_.append(value);
  }
  /// A submessage that `fill(WireWriter&)` writes.
  template <typename Fill>
  void message(std::uint32_t field, Fill&& fill) {
    std::string inner;
    WireWriter writer(inner);
    fill(writer);
    bytes(field, inner);
  }

 private:
  void raw_varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }

  std::string& out_;
};

}  // namespace tollgate
