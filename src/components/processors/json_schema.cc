// json_schema: flags messages that do not fit a JSON Schema.

#include <memory>
#include <optional>

#include "component/build_context.h"
#include "component/processor.h"
#include "value/json_schema.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::optional<std::string> schema;
  std::optional<std::string> schema_path;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("schema", &Config::schema, "The schema itself, as JSON. Either this or `schema_path`."),
      field("schema_path", &Config::schema_path,
            "Where the schema is: `file://` and a path. Either this or `schema`."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class JsonSchemaCheck final : public MessageProcessor {
 public:
  explicit JsonSchemaCheck(std::shared_ptr<const JsonSchema> schema)
      : schema_(std::move(schema)) {}

 private:
  Result<Verdict> transform(Batch& batch, std::size_t index) override {
    const Value document = batch[index].document();
    if (document.is_error()) return invalid(std::string(document.as_text()));
    scratch_.reset();
    const auto failures = schema_->validate(document, scratch_);
    if (!failures.empty()) return invalid(describe(failures));
    return Verdict::keep;
  }

  const std::shared_ptr<const JsonSchema> schema_;
  Arena scratch_;
};

Result<JsonSchema> load(const Config& config) {
  if (config.schema_path && !config.schema_path->empty()) {
    const std::string& path = *config.schema_path;
    if (!path.starts_with("file://") && !path.starts_with("http://")) {
      return invalid("invalid schema_path provided, must start with file:// or http://");
    }
    return JsonSchema::load(path);
  }
  if (config.schema && !config.schema->empty()) return JsonSchema::compile(*config.schema);
  return invalid("either schema or schema_path must be provided");
}

Result<ProcessorFactory> make(Config config, BuildContext&) {
  auto loaded = load(config);
  if (!loaded) {
    return std::unexpected(
        std::move(loaded).error().within("failed to load JSON schema definition"));
  }
  return [schema = std::make_shared<const JsonSchema>(*std::move(loaded))] {
    return std::make_unique<JsonSchemaCheck>(schema);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType json_schema_processor;
constinit const ProcessorType json_schema_processor = component_type<schema, make>({
    .name = "json_schema",
    .categories = "Mapping",
    .summary = "Flags messages that do not fit a JSON Schema (drafts 4, 6 and 7).",
    .description = R"md(
The message is not changed. What is wrong with it is in `error()`, one line for each complaint:
the field, then the complaint.

References to other schemas (`$ref`) may point into the schema and to files (`file://`); nothing is
fetched over the network.
)md",
});

}  // namespace tollgate
