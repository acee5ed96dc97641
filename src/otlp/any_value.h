#pragma once

#include <cstdint>
#include <string_view>

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

/// Tells most keys apart in one comparison.
inline std::uint32_t tag_of(std::string_view key) {
  if (key.empty()) return 0;
  const auto byte = [&](std::size_t at) {
    return std::uint32_t{static_cast<unsigned char>(key[at])};
  };
  return byte(0) | byte(key.size() / 2) << 8 | byte(key.size() - 1) << 16 |
         static_cast<std::uint32_t>(key.size()) << 24;
}

struct Attribute {
  std::string_view key;
  Any value;
  std::uint32_t tag = 0;  ///< tag_of(key), where it may be looked up by it
};

/// Whether `wire` is a well-formed AnyValue, or KeyValue, all the way down; `depth` levels are
/// around it.
bool check_any(std::string_view wire, int depth);
bool check_key_value(std::string_view wire, int depth);

/// Requires: check_any(wire), unless the caller looks at `ok`.
Any read_any(std::string_view wire, bool* ok = nullptr);
/// Requires: check_key_value(wire), unless the caller looks at `ok`. Leaves Attribute::tag alone.
Attribute read_key_value(std::string_view wire, bool* ok = nullptr);

/// The attribute as every encoder writes it: a short key, then a value that is a string or an
/// integer, and nothing else. False, and nothing said, of any other.
[[gnu::always_inline]] inline bool read_plain_attribute(std::string_view wire,
                                                        Attribute& attribute) {
  constexpr unsigned char kKey = 0x0a, kValue = 0x12, kString = 0x0a, kInteger = 0x18;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(wire[at]); };
  if (wire.size() < 6 || byte(0) != kKey) return false;
  const std::size_t key_size = byte(1);
  const std::size_t value_at = key_size + 4;
  if (key_size >= 0x80 || wire.size() < value_at + 2 || byte(value_at - 2) != kValue ||
      byte(value_at - 1) != wire.size() - value_at || byte(value_at - 1) >= 0x80) {
    return false;
  }
  attribute.key = wire.substr(2, key_size);
  const std::string_view value = wire.substr(value_at);
  if (byte(value_at) == kString && byte(value_at + 1) == value.size() - 2) {
    attribute.value = {Value::string(value.substr(2))};
    return true;
  }
  if (byte(value_at) != kInteger || value.size() > 3 ||
      static_cast<signed char>(value.back()) < 0) {
    return false;
  }
  std::int64_t number = value[1] & 0x7f;
  if (value.size() == 3) {
    if (static_cast<signed char>(value[1]) >= 0) return false;
    number |= std::int64_t{value[2]} << 7;
  }
  attribute.value = {Value::int64(number)};
  return true;
}

/// The value as documents have it: bytes in base64, numbers that JSON does not know as words.
Value build_any(const Any& any, Arena& arena);
Value build_base64(std::string_view bytes, Arena& arena);

}  // namespace tollgate::otlp_detail
