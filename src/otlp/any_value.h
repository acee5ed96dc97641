#pragma once

#include <cstdint>
#include <string_view>

#include "base/same_text.h"
#include "otlp/wire.h"
#include "value/value.h"

/// AnyValues and attributes as they stand on the wire: checked and looked at in place, built as
/// values when they are asked for. Internal to the decoding of logs.
namespace tollgate::otlp_detail {

/// An AnyValue as found: scalars are Values already, the rest is built when asked for.
struct Any {
  enum class Form : std::uint8_t { ready, float64, base64, list, map };
  Value value;  // ready; else float64 its bits as uint64, the others their wire bytes
  Form form = Form::ready;
};

struct KeyValue {
  std::string_view key;
  Any value;
};

/// A KeyValue in half a cache line: what a record's table of attributes is made of.
class Attribute {
 public:
  Attribute() = default;
  explicit Attribute(const KeyValue& from)
      : key_(from.key.data()),
        key_size_(static_cast<std::uint32_t>(from.key.size())),
        form_(from.value.form),
        tag_(key_tag(from.key)),
        value_(from.value.value) {}

  std::string_view key() const { return {key_, key_size_}; }
  bool has_key(std::string_view key, std::uint32_t tag) const {
    return tag_ == tag && same_text(this->key(), key);
  }
  Any value() const { return {value_, form_}; }
  /// The value itself where it need not be built; null pointer otherwise.
  const Value* ready_value() const { return form_ == Any::Form::ready ? &value_ : nullptr; }

 private:
  static constexpr int kSizeBits = 29;  // a request has fewer bytes

  const char* key_;
  std::uint32_t key_size_ : kSizeBits;
  Any::Form form_ : 3;
  std::uint32_t tag_;  // key_tag(key())
  Value value_;
};
static_assert(sizeof(Attribute) == 32);

/// Whether `wire` is a well-formed AnyValue, or KeyValue, all the way down; `depth` levels are
/// around it.
bool check_any(std::string_view wire, int depth);
bool check_key_value(std::string_view wire, int depth);

/// Requires: check_any(wire), unless the caller looks at `ok`.
Any read_any(std::string_view wire, bool* ok = nullptr);
/// Requires: check_key_value(wire), unless the caller looks at `ok`.
KeyValue read_key_value(std::string_view wire, bool* ok = nullptr);

/// The attribute as every encoder writes it: a short key, then a value that is a string or an
/// integer below 2^14, and nothing else. False, and nothing said, of any other.
[[gnu::always_inline]] inline bool read_plain_attribute(std::string_view wire,
                                                        KeyValue& attribute) {
  constexpr unsigned char kKey = 0x0a, kValue = 0x12, kString = 0x0a, kInteger = 0x18;
  const char* const at = wire.data();
  const std::size_t size = wire.size();
  const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  if (size < 6 || byte(0) != kKey) return false;
  const std::size_t key_size = byte(1);
  const std::size_t value_at = key_size + 4;
  if (key_size >= 0x80 || size < value_at + 2 || byte(value_at - 2) != kValue) return false;
  const std::size_t value_size = size - value_at;
  if (byte(value_at - 1) != value_size || value_size >= 0x80) return false;
  attribute.key = {at + 2, key_size};
  const unsigned char first = byte(value_at + 1);
  if (byte(value_at) == kString && first == value_size - 2) {
    attribute.value = {Value::string({at + value_at + 2, value_size - 2})};
    return true;
  }
  if (byte(value_at) != kInteger || value_size > 3 || byte(size - 1) >= 0x80) return false;
  std::int64_t number = first & 0x7f;
  if (value_size == 3) {
    if (first < 0x80) return false;
    number |= std::int64_t{byte(value_at + 2)} << 7;
  }
  attribute.value = {Value::int64(number)};
  return true;
}

/// Where a plain attribute stands in its record, so that it need not be parsed again.
class PlainAttribute {
 public:
  PlainAttribute() = default;
  PlainAttribute(const KeyValue& plain, const char* record)
      : key_(static_cast<std::uint32_t>(plain.key.data() - record)),
        key_size_(static_cast<std::uint8_t>(plain.key.size())) {
    const Value value = plain.value.value;
    is_text_ = value.is(Kind::string);
    value_ = static_cast<std::uint16_t>(is_text_ ? value.as_text().size()
                                                 : static_cast<std::size_t>(value.as_int64()));
  }

  std::string_view key(const char* record) const { return {record + key_, key_size_}; }
  Value value(const char* record) const {
    // Between key and text: tag and size of the value, then of the text.
    if (is_text_) return Value::string({record + key_ + key_size_ + 4, value_});
    return Value::int64(value_);
  }

 private:
  std::uint32_t key_;
  std::uint8_t key_size_;
  bool is_text_;
  std::uint16_t value_;  // the size of the text, or the integer
};
static_assert(sizeof(PlainAttribute) == 8);

/// The value as documents have it: bytes in base64, numbers that JSON does not know as words.
Value build_any(const Any& any, Arena& arena);
Value build_base64(std::string_view bytes, Arena& arena);

}  // namespace tollgate::otlp_detail
