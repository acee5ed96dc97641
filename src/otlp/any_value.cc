#include "otlp/any_value.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "value/encoding.h"
#include "value/number.h"

namespace tollgate::otlp_detail {

using Wire = WireReader::Type;

namespace {
constexpr int kDeepestAnyValue = 100;  // as protobuf's own readers
}

bool check_key_value(std::string_view wire, int depth) {
  WireReader reader(wire);
  while (reader.next()) {
    if (reader.is(2, Wire::bytes) && !check_any(reader.bytes(), depth)) return false;
  }
  return reader.ok();
}

bool check_any(std::string_view wire, int depth) {
  if (depth > kDeepestAnyValue) return false;
  WireReader reader(wire);
  while (reader.next()) {
    const bool list = reader.is(5, Wire::bytes), map = reader.is(6, Wire::bytes);
    if (!list && !map) continue;
    WireReader inner(reader.bytes());
    while (inner.next()) {
      if (!inner.is(1, Wire::bytes)) continue;
      if (list ? !check_any(inner.bytes(), depth + 1) : !check_key_value(inner.bytes(), depth + 1)) {
        return false;
      }
    }
    if (!inner.ok()) return false;
  }
  return reader.ok();
}

Any read_any(std::string_view wire, bool* ok) {
  Any any;
  WireReader reader(wire);
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        if (reader.is(1, Wire::bytes)) any = {Value::string(reader.bytes())};
        break;
      case 2:
        if (reader.is(2, Wire::varint)) any = {Value::boolean(reader.number() != 0)};
        break;
      case 3:
        if (reader.is(3, Wire::varint)) {
          any = {Value::int64(static_cast<std::int64_t>(reader.number()))};
        }
        break;
      case 4:
        if (reader.is(4, Wire::fixed64)) {
          any = {Value::uint64(reader.number()), Any::Form::float64};
        }
        break;
      case 5:
        if (reader.is(5, Wire::bytes)) any = {Value::bytes(reader.bytes()), Any::Form::list};
        break;
      case 6:
        if (reader.is(6, Wire::bytes)) any = {Value::bytes(reader.bytes()), Any::Form::map};
        break;
      case 7:
        if (reader.is(7, Wire::bytes)) any = {Value::bytes(reader.bytes()), Any::Form::base64};
        break;
      default: break;
    }
  }
  if (ok) *ok = reader.ok();
  return any;
}

KeyValue read_key_value(std::string_view wire, bool* ok) {
  KeyValue attribute;
  WireReader reader(wire);
  bool value_ok = true;
  while (reader.next()) {
    if (reader.is(1, Wire::bytes)) attribute.key = reader.bytes();
    if (reader.is(2, Wire::bytes)) attribute.value = read_any(reader.bytes(), &value_ok);
  }
  if (ok) *ok = reader.ok() && value_ok;
  return attribute;
}

namespace {

Value build_float(std::uint64_t bits, Arena& arena) {
  double number;
  std::memcpy(&number, &bits, sizeof number);
  // JSON has no such numbers; protobuf's own JSON writes these words.
  if (std::isnan(number)) return Value::string("NaN");
  if (std::isinf(number)) return Value::string(number > 0 ? "Infinity" : "-Infinity");
  std::string text;
  append_json_float(text, number);
  return Value::number_text(arena.copy(text));
}

Value build_list(std::string_view wire, Arena& arena) {
  Array* array = make_array(arena);
  WireReader reader(wire);
  while (reader.next()) {
    if (reader.is(1, Wire::bytes)) array->push(build_any(read_any(reader.bytes()), arena), arena);
  }
  return Value::array(array);
}

Value build_map(std::string_view wire, Arena& arena) {
  std::vector<Member> members;
  WireReader reader(wire);
  while (reader.next()) {
    if (!reader.is(1, Wire::bytes)) continue;
    const KeyValue attribute = read_key_value(reader.bytes());
    members.push_back({attribute.key, build_any(attribute.value, arena)});
  }
  Member* kept = arena.allocate_array<Member>(members.size());
  std::ranges::copy(members, kept);
  return Value::object(make_object_of(arena, kept, members.size()));
}

}  // namespace

Value build_base64(std::string_view bytes, Arena& arena) {
  std::string text;
  append_base64(text, bytes);
  return Value::string(arena.copy(text));
}

Value build_any(const Any& any, Arena& arena) {
  switch (any.form) {
    case Any::Form::ready: return any.value;
    case Any::Form::float64: return build_float(any.value.as_uint64(), arena);
    case Any::Form::base64: return build_base64(any.value.as_text(), arena);
    case Any::Form::list: return build_list(any.value.as_text(), arena);
    case Any::Form::map: return build_map(any.value.as_text(), arena);
  }
  return {};
}

}  // namespace tollgate::otlp_detail
