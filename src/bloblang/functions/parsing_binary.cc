// Methods of category Parsing: MessagePack.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/msgpack.h"
#include "bloblang/program/structure.h"

namespace tollgate::bloblang {
namespace {

Value parse(Call& call, Value target) {
  const auto bytes = as_string(target, call.arena());
  if (!bytes) return call.type_error(target, "bytes");
  return parse_msgpack(*bytes, call.arena());
}

Value format(Call& call, Value target) {
  const Value refusal = check_structure(call.run(), target);
  if (refusal.is_error()) return refusal;
  std::string bytes;
  append_msgpack(bytes, target, call.arena());
  return call.bytes(bytes);
}

constexpr auto kAsGiven = Function::Errors::as_given;

constinit const Function kEntries[] = {
    {.name = "parse_msgpack",
     .category = Category::parsing,
     .errors = kAsGiven,
     .call = parse,
     .description = "The value that MessagePack bytes stand for.",
     .examples = {{.mapping = "root = this.hex.decode(\"hex\").parse_msgpack()",
                   .cases = {{R"({"hex":"82a16101a162c3"})", R"({"a":1,"b":true})"}}}}},
    {.name = "format_msgpack",
     .category = Category::parsing,
     .errors = kAsGiven,
     .call = format,
     .description = "The value in MessagePack, as bytes.",
     .examples = {{.mapping = "root.hex = this.doc.format_msgpack().encode(\"hex\")",
                   .cases = {{R"({"doc":{"a":1,"b":true}})", R"({"hex":"82a16101a162c3"})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kBinaryParsingMethods = kEntries;

}  // namespace tollgate::bloblang
