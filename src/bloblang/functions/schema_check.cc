// json_schema.

#include <cmath>

#include "bloblang/functions/catalogue.h"
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

Value check(Call& call, Value target) {
  if (target.is(Kind::float64) && !std::isfinite(target.as_float64())) {
    return call.error("json: unsupported value: ", to_text(target, call.arena()));
  }
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
