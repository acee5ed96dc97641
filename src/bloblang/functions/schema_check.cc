// json_schema.

#include <cmath>
#include <optional>
#include <vector>

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/json_refusal.h"
#include "bloblang/program/limits.h"
#include "value/json.h"
#include "value/json_schema.h"

namespace tollgate::bloblang {
namespace {

struct SchemaState final : CallState {
  explicit SchemaState(JsonSchema compiled) : schema(std::move(compiled)) {}
  JsonSchema schema;
};

Prepared prepare_schema(const Arguments& arguments) {
  auto schema = JsonSchema::compile(arguments.text(0));
  if (!schema) {
    return std::unexpected("failed to parse json schema definition: " +
                           std::string(schema.error().message()));
  }
  return std::make_unique<SchemaState>(std::move(*schema));
}

/// The incumbent writes the value as JSON before it looks at it. Numbers alone can stop that where
/// documents are ordinary, so only what has one that is not finite is written here. What shares parts
/// within itself may have elements without end, and is not looked at to the last.
std::optional<std::string> refusal_of_numbers(Value value, Arena& arena) {
  std::vector<Value> open{value};
  for (std::uint64_t seen = 0; !open.empty() && seen < kMaxElements; ++seen) {
    const Value each = open.back();
    open.pop_back();
    const bool is_strange = (each.is(Kind::float64) && !std::isfinite(each.as_float64())) ||
                            each.is(Kind::timestamp);
    if (is_strange) {
      std::string text;
      if (append_json(text, value, arena)) return std::nullopt;
      return json_refusal(value, arena);
    }
    if (each.is(Kind::array)) {
      for (const Value& item : each.as_array()) open.push_back(item);
    } else if (each.is(Kind::object)) {
      for (const auto& member : each.as_object().members(arena)) open.push_back(member.value);
    }
  }
  return std::nullopt;
}

Value check(Call& call, Value target) {
  if (const auto refusal = refusal_of_numbers(target, call.arena())) return call.error(*refusal);
  const auto failures = call.state<SchemaState>().schema.validate(target, call.arena());
  return failures.empty() ? target : call.error(describe(failures));
}

constinit const Function kEntries[] = {
    {.name = "json_schema",
     .category = Category::object_array,
     .parameters = {{"schema", Type::string, "A JSON Schema, of draft 4, 6 or 7."}},
     .stability = Function::Stability::beta,
     .prepare = prepare_schema,
     .call = check,
     .description = "The value, if it fits a JSON Schema; else an error with a line for each "
                    "complaint.",
     .examples = {{.mapping = "root = this.json_schema(\"\"\"{\"type\":\"object\",\"properties\":"
                              "{\"n\":{\"type\":\"string\"}}}\"\"\")",
                   .cases = {{R"({"n":"x"})", R"({"n":"x"})"},
                             {R"({"n":5})", "",
                              "failed assignment (line 1): field `this`: n invalid type. expected: "
                              "string, given: integer"}}}}},
};

}  // namespace

constinit const std::span<const Function> kSchemaMethods = kEntries;

}  // namespace tollgate::bloblang
