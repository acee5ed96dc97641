// with_schema_registry_header: the frame that names the schema of a Kafka message.

#include <algorithm>
#include <cmath>

#include "bloblang/functions/catalogue.h"

namespace tollgate::bloblang {
namespace {

constexpr std::int64_t kMaxSchema = UINT32_MAX;
constexpr std::size_t kHeader = 5;

/// The id, or an error.
Value schema_id(Call& call, Value id) {
  const std::string limit = std::to_string(kMaxSchema);
  if (id.is(Kind::int64)) {
    if (id.as_int64() >= 0 && id.as_int64() <= kMaxSchema) return id;
    return call.error("schema ID must be between 0 and ", limit, ", got ",
                      std::to_string(id.as_int64()));
  }
  if (!id.is(Kind::float64)) {
    return call.error("schema ID must be a number, got ", go_type(id));
  }
  const double number = id.as_float64();
  if (number >= 0 && number <= static_cast<double>(kMaxSchema) && number == std::floor(number)) {
    return Value::int64(static_cast<std::int64_t>(number));
  }
  return call.error("schema ID must be a valid integer between 0 and ", limit, ", got ",
                    std::to_string(number));
}

Value with_header(Call& call, Value) {
  const auto message = as_string(call[1], call.arena());
  if (!message) {
    return call.prefix(call.type_error(call[1], "bytes"), "message must be bytes or string: ");
  }
  const Value id = schema_id(call, call[0]);
  if (id.is_error()) return id;
  const auto framed = call.arena().allocate_array<char>(kHeader + message->size());
  framed[0] = 0;
  for (int i = 0; i < 4; ++i) framed[1 + i] = static_cast<char>(id.as_int64() >> (24 - 8 * i));
  std::copy(message->begin(), message->end(), framed + kHeader);
  return Value::bytes({framed, kHeader + message->size()});
}

constinit const Function kEntries[] = {
    {.name = "with_schema_registry_header",
     .category = Category::encoding,
     .parameters = {{"schema_id", Type::any, "The schema's number: 0 to 4294967295."},
                    {"message", Type::any, "The bytes that were encoded by it."}},
     .errors = Function::Errors::as_given,
     .call = with_header,
     .description = "The bytes with the header of five bytes before them that a schema registry's "
                    "clients expect: a zero and the schema's id, big-endian.",
     .examples = {{.mapping = "root.hex = with_schema_registry_header(258, \"ab\").encode(\"hex\")",
                   .cases = {{"{}", R"({"hex":"00000001026162"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kFramingFunctions = kEntries;

}  // namespace tollgate::bloblang
