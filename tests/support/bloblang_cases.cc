// bloblang_cases: runs mapping cases, one JSON object a line on stdin, and prints each with its
// result, so that runs of different engines or versions can be compared.
//
//   in:  mapping, input (or input_b64), meta (texts by key); optionally batch (payloads) with index,
//        mode ("mutation", "text" for an interpolated string), failed (error text of the message)
//   out: the same with result (ok, deleted, error, parse_error), output (with output_b64 beside it
//        where it is no UTF-8), out_meta
//
// Options: --quiet prints nothing, --repeat N runs each mapping N times (for profiles).

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

#include "bloblang/bloblang.h"
#include "bloblang/program/convert.h"
#include "value/coerce.h"
#include "value/encoding.h"
#include "value/json.h"

namespace tollgate {
namespace {

struct Options {
  bool quiet = false;
  int repeat = 1;
};

std::string_view text_at(const Object& line, std::string_view key, Arena& arena) {
  const Value* found = line.find(key, arena);
  return found && found->is(Kind::string) ? found->as_text() : std::string_view{};
}

std::string_view payload_of(const Object& line, Arena& arena) {
  const auto encoded = text_at(line, "input_b64", arena);
  if (encoded.empty()) return text_at(line, "input", arena);
  return arena.copy(decode_base64(encoded).value_or(""));
}

/// Makes the batch of a case; the index of the message that it is about.
std::size_t fill(Batch& batch, const Object& line, Arena& arena) {
  std::size_t index = 0;
  if (const Value* payloads = line.find("batch", arena); payloads && payloads->is(Kind::array)) {
    for (const Value& payload : payloads->as_array()) {
      batch.add().set_bytes(batch.arena().copy(payload.as_text()));
    }
    if (const Value* at = line.find("index", arena)) {
      index = static_cast<std::size_t>(*get_int(*at));
    }
  } else {
    batch.add().set_bytes(batch.arena().copy(payload_of(line, arena)));
  }
  Message& message = batch[index];
  if (const Value* meta = line.find("meta", arena); meta && meta->is(Kind::object)) {
    for (const auto& [key, value] : meta->as_object().members(arena)) {
      message.set_metadata(key, value);
    }
  }
  if (const auto failure = text_at(line, "failed", arena); !failure.empty()) {
    message.set_error(failure);
  }
  return index;
}

struct Outcome {
  std::string_view result = "ok";
  std::string output;
  Value metadata;  // in the arena of the line
};

Outcome run_mapping(const Mapping& mapping, const Object& line, Arena& arena) {
  Batch batch;
  const std::size_t index = fill(batch, line, arena);
  const bool mutates = text_at(line, "mode", arena) == "mutation";
  // Pipelines map a message into itself where they may, keeping its bytes alone or not; others get a
  // copy. Which way a line goes is no matter of chance.
  const bool by_copy = mutates || mapping.reads_other_messages();
  const std::size_t way = by_copy ? 0 : text_at(line, "mapping", arena).size() % 3;
  Message copy = batch[index].copy();
  Message& out = mutates || way > 0 ? batch[index] : copy;
  Arena scratch;
  const MapResult mapped = mutates    ? mapping.mutate(batch, index)
                           : way == 2 ? mapping.encode(batch, index, scratch)
                                      : mapping.map(batch, index, out);
  if (mapped.what == Mapped::failed) return {"error", std::string(mapped.error), {}};
  if (mapped.what == Mapped::deleted) return {"deleted", {}, {}};
  Outcome outcome{"ok", std::string(out.bytes()), {}};
  if (out.metadata()) {
    outcome.metadata = deep_copy(Value::object(const_cast<Object*>(out.metadata())), arena);
  }
  return outcome;
}

Outcome run_text(const Object& line, Arena& arena) {
  const auto source = text_at(line, "mapping", arena);
  const auto text = Interpolated::compile(source);
  if (!text) return {"parse_error", text.error().text_with_found, {}};
  Batch batch;
  const std::size_t index = fill(batch, line, arena);
  const auto value = text->eval(batch, index, batch.arena());
  if (!value) return {"error", std::string(value.error().message()), {}};
  return {"ok", std::string(*value), {}};
}

Outcome run_case(const Object& line, const Options& options, Arena& arena) {
  if (text_at(line, "mode", arena) == "text") return run_text(line, arena);
  const auto source = text_at(line, "mapping", arena);
  const auto mapping = Mapping::compile(source);
  if (!mapping) return {"parse_error", mapping.error().with_caret(source), {}};
  for (int i = 1; i < options.repeat; ++i) run_mapping(*mapping, line, arena);
  return run_mapping(*mapping, line, arena);
}

void run_line(const std::string& text, const Options& options) {
  Arena arena;
  const Value parsed = parse_json(text, arena);
  if (!parsed.is(Kind::object)) {
    std::cerr << "not a case: " << text << "\n";
    std::exit(1);
  }
  const Outcome outcome = run_case(parsed.as_object(), options, arena);
  if (options.quiet) return;

  Object* printed = make_object(arena);
  for (const auto& [key, value] : parsed.as_object().members(arena)) {
    if (key != "out_meta" && key != "output_b64") printed->set(key, value, arena);
  }
  printed->set("result", Value::string(outcome.result), arena);
  // JSON has U+FFFD for what is no UTF-8; the bytes themselves are beside it.
  printed->set("output", Value::string(outcome.output), arena);
  std::string encoded;
  if (!valid_utf8(outcome.output)) {
    append_base64(encoded, outcome.output);
    printed->set("output_b64", Value::string(encoded), arena);
  }
  if (outcome.metadata.is(Kind::object) && outcome.metadata.as_object().size) {
    printed->set("out_meta", outcome.metadata, arena);
  }
  std::string json;
  if (!append_json(json, Value::object(printed), arena)) {  // metadata that JSON cannot hold
    Object* const shown = make_object(arena, 1);
    shown->set("unprintable", Value::string(arena.copy(bloblang::display(outcome.metadata, arena))), arena);
    printed->set("out_meta", Value::object(shown), arena);
    append_json(json, Value::object(printed), arena);
  }
  std::cout << json << std::endl;
}

}  // namespace
}  // namespace tollgate

int main(int count, char** arguments) {
  tollgate::Options options;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--quiet") == 0) {
      options.quiet = true;
    } else if (std::strcmp(arguments[i], "--repeat") == 0 && i + 1 < count) {
      options.repeat = std::atoi(arguments[++i]);
    } else {
      std::cerr << "usage: bloblang_cases [--quiet] [--repeat N] < cases.jsonl\n";
      return 2;
    }
  }
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!line.empty()) tollgate::run_line(line, options);
  }
  return 0;
}
