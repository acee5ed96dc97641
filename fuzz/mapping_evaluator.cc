// The evaluator against a naive one (naive_evaluator.h): both run a mapping over a few documents,
// as a mapping, which may leave a document or bytes alone, and as a mutation, and must agree on the
// content and metadata, or both fail.

#include <cstdint>
#include <string>
#include <string_view>

#include "bloblang/bloblang.h"
#include "check.h"
#include "naive_evaluator.h"
#include "value/json.h"

namespace {

using namespace tollgate;
using fuzz::Mode;
using fuzz::NaiveOutcome;

constexpr std::string_view kDocuments[] = {
    R"({"a":1,"b":"two","c":[1,2,3],"d":{"e":{"f":"deep"},"g":null},"t":true,"x":1.5,"n":null})",
    R"({"a":{"b":[{"c":1},{"c":2},{"d":[null,false]}]},"b":18446744073709551615,"t":false})",
    R"([1,"two",null,{"a":[]}])", "not json", "null"};

enum class Way : std::uint8_t { map, encode, mutate };

Mode mode_of(Way way) { return way == Way::mutate ? Mode::mutation : Mode::mapping; }

MapResult run(const Mapping& mapping, Way way, Batch& batch, Message& copy, Arena& scratch) {
  switch (way) {
    case Way::map: return mapping.map(batch, 0, copy);
    case Way::encode: return mapping.encode(batch, 0, scratch);
    case Way::mutate: break;
  }
  return mapping.mutate(batch, 0);
}

NaiveOutcome evaluate(const Mapping& mapping, std::string_view content, Way way) {
  Arena scratch;
  Batch batch;
  Message& message = batch.add();
  message.set_bytes(content);
  message.set_metadata("foo", Value::string("bar"));
  Message copy = message.copy();
  Message& out = way == Way::map ? copy : message;
  const MapResult result = run(mapping, way, batch, copy, scratch);
  if (result.what == Mapped::failed) return {};
  if (result.what == Mapped::deleted) return {NaiveOutcome::Kind::deleted, {}, {}};
  NaiveOutcome outcome{NaiveOutcome::Kind::ok, std::string(out.bytes()), {}};
  Object none;
  Object* metadata = out.metadata() ? const_cast<Object*>(out.metadata()) : &none;
  append_json(outcome.metadata, Value::object(metadata), batch.arena());
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto mapping = Mapping::compile(source, {.pure_only = true});
  if (!mapping) return 0;
  for (const auto content : kDocuments) {
    for (const Way way : {Way::map, Way::encode, Way::mutate}) {
      const auto expected = fuzz::evaluate_naively(source, content, mode_of(way));
      if (!expected) continue;
      const NaiveOutcome found = evaluate(*mapping, content, way);
      fuzz::require(found == *expected,
                    std::string(content) + "\nexpected " + expected->payload + " " +
                        expected->metadata + "\nfound    " + found.payload + " " + found.metadata);
    }
  }
  return 0;
}
