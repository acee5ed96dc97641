// The OTLP decoder, and the encoder against it: what was decoded says the same after it was encoded
// as an export and decoded again.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "check.h"
#include "otlp/logs.h"
#include "otlp/wire.h"
#include "value/json.h"

namespace {

using namespace tollgate;

using Wire = WireReader::Type;

bool same_field(const WireReader& a, const WireReader& b) {
  for (const Wire type : {Wire::varint, Wire::fixed64, Wire::fixed32}) {
    if (a.is(a.field(), type)) return b.is(a.field(), type) && a.number() == b.number();
  }
  return b.is(a.field(), Wire::bytes) && a.bytes() == b.bytes();
}

/// Every byte of a message is in one of its fields, and fields can be written as they were read.
void check_wire(std::string_view message) {
  WireReader reader(message);
  std::string copy;
  WireWriter writer(copy);
  while (reader.next()) {
    const auto field = reader.field();
    if (reader.is(field, Wire::varint)) {
      writer.varint(field, reader.number());
    } else if (reader.is(field, Wire::fixed64)) {
      writer.fixed64(field, reader.number());
    } else if (reader.is(field, Wire::fixed32)) {
      writer.fixed32(field, static_cast<std::uint32_t>(reader.number()));
    } else {
      writer.bytes(field, reader.bytes());
    }
  }
  if (!reader.ok()) return;
  fuzz::require(copy.size() <= message.size(), "written longer than it came");
  WireReader first(message), second(copy);
  while (first.next()) {
    fuzz::require(second.next() && same_field(first, second), "a field changed");
  }
  fuzz::require(!second.next() && second.ok(), "a field too many");
}

Result<DecodedLogs> decode(std::string request) {
  return decode_logs(std::make_shared<const std::string>(std::move(request)), {});
}

/// The message's JSON as it reads once it was written: U+FFFD has more than one form.
std::string json_of(const Message& message) {
  Arena arena;
  Message copy = message.copy();
  copy.set_bytes(arena.copy(copy.bytes()));
  std::string out;
  fuzz::require(append_json(out, copy.document(), arena), "a document without a JSON form");
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_wire(text);
  read_partial_success(text);
  const auto decoded = decode(text);
  if (!decoded) {
    fuzz::require(decoded.error().fault() == Fault::invalid, "a fault that is not the sender's");
    fuzz::require(!decoded.error().message().empty(), "an error without words");
    return 0;
  }
  for (const Message& message : decoded->batch) {
    Arena arena;
    const Value document = message.document(arena);
    fuzz::require(document.is(Kind::object), "a record that is no object");
    std::string request;
    const auto encoded = append_resource_logs(request, document, arena);
    fuzz::require(encoded.has_value(), "what was decoded cannot be encoded");
    const auto again = decode(request);
    fuzz::require(again && again->batch.size() == 1, "what was encoded cannot be decoded");
    const std::string before = json_of(message), after = json_of(again->batch[0]);
    fuzz::require(before == after, "a record changed on the way\nbefore " + before + "\nafter  " + after);
  }
  return 0;
}
