#include "journal/batch_codec.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "value/timestamp.h"

namespace tollgate {
namespace {

constexpr char kVersion = 1;
constexpr int kMostNesting = 10'000;

// A value's tag is its kind's number, which the format therefore fixes.
static_assert(static_cast<int>(Kind::null) == 0 && static_cast<int>(Kind::boolean) == 1 &&
              static_cast<int>(Kind::int64) == 2 && static_cast<int>(Kind::uint64) == 3 &&
              static_cast<int>(Kind::float64) == 4 && static_cast<int>(Kind::number_text) == 5 &&
              static_cast<int>(Kind::string) == 6 && static_cast<int>(Kind::bytes) == 7 &&
              static_cast<int>(Kind::timestamp) == 8 && static_cast<int>(Kind::array) == 9 &&
              static_cast<int>(Kind::object) == 10 && static_cast<int>(Kind::deleted) == 11 &&
              static_cast<int>(Kind::nothing) == 12 && static_cast<int>(Kind::error) == 13);

enum Has : std::uint8_t {
  identity = 1,
  derived = 2,
  metadata = 4,
  error = 8,
  error_source = 16,
  draws = 32,
  collapsed = 64,
};

void put_number(std::string& out, std::uint64_t number) {
  while (number >= 0x80) {
    out.push_back(static_cast<char>(number | 0x80));
    number >>= 7;
  }
  out.push_back(static_cast<char>(number));
}
void put_signed(std::string& out, std::int64_t number) {
  put_number(out, (static_cast<std::uint64_t>(number) << 1) ^
                      static_cast<std::uint64_t>(number >> 63));
}
void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}
void put_fixed(std::string& out, std::uint64_t number) {
  char bytes[8];
  std::memcpy(bytes, &number, sizeof bytes);
  out.append(bytes, sizeof bytes);
}

void put_value(std::string& out, Value value, Arena& arena) {
  value = value.shown();
  out.push_back(static_cast<char>(value.kind()));
  switch (value.kind()) {
    case Kind::null:
    case Kind::deleted:
    case Kind::nothing:
    case Kind::opaque: return;
    case Kind::boolean: out.push_back(value.as_boolean() ? 1 : 0); return;
    case Kind::int64: put_signed(out, value.as_int64()); return;
    case Kind::uint64: put_number(out, value.as_uint64()); return;
    case Kind::float64: put_fixed(out, std::bit_cast<std::uint64_t>(value.as_float64())); return;
    case Kind::number_text:
    case Kind::string:
    case Kind::bytes:
    case Kind::error: put_text(out, value.as_text()); return;
    case Kind::timestamp: {
      const Timestamp& time = value.as_timestamp();
      put_signed(out, time.seconds);
      put_number(out, static_cast<std::uint32_t>(time.nanoseconds));
      put_signed(out, time.zone ? time.zone->at(time.seconds).seconds : 0);
      put_text(out, time.zone ? time.zone->name() : "");
      return;
    }
    case Kind::array: {
      const Array& array = value.as_array();
      put_number(out, array.size);
      for (const Value each : array) put_value(out, each, arena);
      return;
    }
    case Kind::object: {
      const auto members = value.as_object().members(arena);
      put_number(out, members.size());
      for (const Member& member : members) {
        put_text(out, member.key);
        put_value(out, member.value, arena);
      }
      return;
    }
  }
}

/// Reads what the functions above wrote. After a mistake it reads zeros and `failed` is set.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}
  bool failed = false;
  bool at_end() const { return rest_.empty(); }

  std::uint8_t byte() {
    if (rest_.empty()) return fail();
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      if (!(next & 0x80)) return value;
    }
    return fail();
  }
  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  /// A count of things of at least one byte each.
  std::size_t count() {
    const std::uint64_t value = number();
    return value <= rest_.size() ? value : fail();
  }
  std::string_view text() { return take(count()); }
  std::uint64_t fixed() {
    const auto bytes = take(8);
    std::uint64_t value = 0;
    if (bytes.size() == 8) std::memcpy(&value, bytes.data(), 8);
    return value;
  }

  Value value(Arena& arena, int depth = 0) {
    const auto kind = static_cast<Kind>(byte());
    if (depth > kMostNesting) fail();
    if (failed) return {};
    switch (kind) {
      case Kind::null: return Value::null();
      case Kind::deleted: return Value::deleted();
      case Kind::nothing: return Value::nothing();
      case Kind::boolean: return Value::boolean(byte() != 0);
      case Kind::int64: return Value::int64(signed_number());
      case Kind::uint64: return Value::uint64(number());
      case Kind::float64: return Value::float64(std::bit_cast<double>(fixed()));
      case Kind::number_text: return Value::number_text(text());
      case Kind::string: return Value::string(text());
      case Kind::bytes: return Value::bytes(text());
      case Kind::error: return Value::error(text());
      case Kind::timestamp: return time(arena);
      case Kind::array: {
        const std::size_t size = count();
        Array* array = make_array(arena, size);
        for (std::size_t i = 0; i < size && !failed; ++i) array->push(value(arena, depth + 1), arena);
        return Value::array(array);
      }
      case Kind::object: return Value::object(object(arena, depth));
      case Kind::opaque: break;  // what it shows was written
    }
    fail();
    return {};
  }

  Object* object(Arena& arena, int depth) {
    const std::size_t size = count();
    auto* members = arena.allocate_array<Member>(size);
    std::size_t read = 0;
    for (; read < size && !failed; ++read) {
      const auto key = text();
      members[read] = {key, value(arena, depth + 1)};
    }
    return make_object_of(arena, members, read);
  }

 private:
  std::uint8_t fail() {
    failed = true;
    rest_ = {};
    return 0;
  }
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  Value time(Arena& arena) {
    Timestamp time;
    time.seconds = signed_number();
    const auto nanoseconds = number();
    const auto offset = signed_number();
    const auto name = text();
    if (nanoseconds > 999'999'999 || offset < -200'000 || offset > 200'000) fail();
    if (failed) return {};
    time.nanoseconds = static_cast<std::int32_t>(nanoseconds);
    const Zone* zone = name.empty() || name == "UTC" ? nullptr : Zone::find(std::string(name));
    if (zone && zone->at(time.seconds).seconds == offset) {
      time.zone = zone;
    } else if (offset != 0) {
      time.zone = Zone::fixed(static_cast<std::int32_t>(offset), name);
    }
    return Value::timestamp(arena.make<Timestamp>(time));
  }

  std::string_view rest_;
};

void put_message(std::string& out, const Message& message, Arena& arena) {
  const bool has_metadata = message.metadata() && message.metadata()->size > 0;
  const MessageError* failure = message.error();
  std::uint8_t has = 0;
  if (message.identity.is_set()) has |= Has::identity;
  if (message.identity.derived) has |= Has::derived;
  if (has_metadata) has |= Has::metadata;
  if (failure) has |= Has::error;
  if (failure && failure->has_source) has |= Has::error_source;
  if (message.draws != 0) has |= Has::draws;
  if (message.collapsed != 1) has |= Has::collapsed;
  out.push_back(static_cast<char>(has));
  if (has & Has::identity) {
    put_fixed(out, message.identity.high);
    put_fixed(out, message.identity.low);
  }
  if (has & Has::draws) put_number(out, message.draws);
  if (has & Has::collapsed) put_number(out, message.collapsed);
  if (failure) {
    put_text(out, failure->text);
    put_text(out, failure->source_name);
    put_text(out, failure->source_label);
    put_text(out, failure->source_path);
  }
  if (has_metadata) {
    put_value(out, Value::object(const_cast<Object*>(message.metadata())), arena);
  }
  put_text(out, message.bytes());
}

void read_message(Input& input, Message& message) {
  Arena& arena = message.memory().arena;
  const std::uint8_t has = input.byte();
  if (has & Has::identity) {
    message.identity.high = input.fixed();
    message.identity.low = input.fixed();
    message.identity.derived = (has & Has::derived) != 0;
  }
  if (has & Has::draws) message.draws = static_cast<std::uint32_t>(input.number());
  if (has & Has::collapsed) message.collapsed = static_cast<std::uint32_t>(input.number());
  if (has & Has::error) {
    MessageError failure;
    failure.text = input.text();
    failure.source_name = input.text();
    failure.source_label = input.text();
    failure.source_path = input.text();
    failure.has_source = (has & Has::error_source) != 0;
    message.set_error(failure);
  }
  if (has & Has::metadata) {
    const Value metadata = input.value(arena);
    if (metadata.is(Kind::object)) {
      message.set_all_metadata(&metadata.as_object());
    } else {
      input.failed = true;
    }
  }
  message.set_bytes(input.text());
}

}  // namespace

void append_batch(std::string& out, const Batch& batch) {
  Arena scratch;
  out.reserve(out.size() + batch.payload_bytes() + batch.size() * 32 + 8);
  out.push_back(kVersion);
  put_number(out, batch.size());
  for (const Message& message : batch) put_message(out, message, scratch);
}

Result<Batch> decode_batch(std::shared_ptr<const std::string> bytes,
                           const std::vector<bool>& left_out) {
  Input input(*bytes);
  if (const auto version = input.byte(); version != kVersion) {
    return invalid(fmt::format("a stored batch has the form {}, where this program knows {}",
                               version, static_cast<int>(kVersion)));
  }
  Batch batch;
  batch.memory().retained.push_back(bytes);
  const std::size_t count = input.count();
  for (std::size_t i = 0; i < count && !input.failed; ++i) {
    Message message(batch.memory());
    read_message(input, message);
    if (i >= left_out.size() || !left_out[i]) batch.add(std::move(message));
  }
  if (input.failed || !input.at_end()) return invalid("a stored batch cannot be understood");
  return batch;
}

}  // namespace tollgate
