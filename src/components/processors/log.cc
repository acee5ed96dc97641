// log: writes a line for each message.

#include <map>
#include <memory>

#include "component/build_context.h"
#include "component/processor.h"
#include "value/json.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string level = "INFO";
  std::optional<MappingText> fields_mapping;
  InterpolatedText message;
  std::optional<std::map<std::string, InterpolatedText>> fields;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("level", &Config::level, "The level of the lines.")
          .options({"ERROR", "WARN", "INFO", "DEBUG", "TRACE"}),
      field("fields_mapping", &Config::fields_mapping,
            "A mapping whose object gives more fields of the line."),
      field("message", &Config::message, "The text of the line."),
      field("fields", &Config::fields, "More fields of the line; use `fields_mapping`.")
          .deprecated(),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

/// "int64", "string" …: how the message about a result of the wrong type names it.
std::string_view type_in_message(Value value) {
  switch (value.kind()) {
    case Kind::null: return "<nil>";
    case Kind::boolean: return "bool";
    case Kind::float64: return "float64";
    case Kind::bytes: return "[]uint8";
    case Kind::array: return "[]interface {}";
    case Kind::number_text: return "json.Number";
    default: return kind_name(value.kind());
  }
}

std::string text_of(Value value, Arena& arena) {
  if (value.is_text()) return std::string(value.as_text());
  std::string text;
  append_json(text, value, arena);
  return text;
}

class Log final : public Processor {
 public:
  Log(std::shared_ptr<const Config> config, LogLevel level, Logger logger)
      : config_(std::move(config)), level_(level), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (logger_.enabled(level_)) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        scratch_.reset();
        if (const auto written = write(batch, i); !written) {
          logger_.error("{}", written.error().message());
        }
      }
    }
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }

 private:
  Result<> write(const Batch& batch, std::size_t index) {
    std::vector<LogField> fields;
    if (config_->fields_mapping && config_->fields_mapping->mapping) {
      TRY(add_mapped(batch, index, fields));
    }
    if (config_->fields) {
      for (const auto& [key, text] : *config_->fields) {
        auto value = text.value.eval(batch, index, scratch_);
        if (!value) {
          return std::unexpected(
              std::move(value).error().within("Field " + key + " interpolation error"));
        }
        fields.push_back({key, std::string(*value)});
      }
    }
    auto message = config_->message.value.eval(batch, index, scratch_);
    if (!message) {
      return std::unexpected(std::move(message).error().within("Message interpolation error"));
    }
    logger_.write(level_, *message, fields);
    return {};
  }

  Result<> add_mapped(const Batch& batch, std::size_t index, std::vector<LogField>& fields) {
    const Value mapped = config_->fields_mapping->mapping->query(batch, index, scratch_);
    if (mapped.is_error()) {
      return invalid("Failed to execute fields mapping: " + std::string(mapped.as_text()));
    }
    if (!mapped.is(Kind::object)) {
      return invalid("Fields mapping yielded a non-object result: " +
                     std::string(type_in_message(mapped)));
    }
    for (const Member& member : mapped.as_object().members(scratch_)) {
      std::string json;  // of what is no string, so that a JSON log keeps its type
      if (!member.value.is_text()) append_json(json, member.value, scratch_);
      fields.push_back({std::string(member.key), text_of(member.value, scratch_), std::move(json)});
    }
    return {};
  }

  const std::shared_ptr<const Config> config_;
  const LogLevel level_;
  const Logger logger_;
  Arena scratch_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  const LogLevel level = parse_log_level(config.level);
  return [config = std::make_shared<const Config>(std::move(config)), level,
          logger = context.logger().with({{"custom_source", "true"}})] {
    return std::make_unique<Log>(config, level, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType log_processor;
constinit const ProcessorType log_processor = component_type<schema, make>({
    .name = "log",
    .categories = "Utility",
    .summary = "Writes a log line for each message.",
    .description = R"md(
The message goes on unchanged. A mapping or interpolation that fails is itself logged, at ERROR, and
does not flag the message.
)md",
    .rerunnable = false,
});

}  // namespace tollgate
