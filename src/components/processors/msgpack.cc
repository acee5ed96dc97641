// msgpack: MessagePack to JSON and back.

#include "components/processors/conversion.h"

namespace tollgate {
namespace {

struct Config {
  std::string operation;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("operator", &Config::operation, "Which way to convert.")
          .options({"from_json", "to_json"}),
  };
  return fields;
}

/// What the mapping language puts before a method's own words.
constexpr std::string_view kFailed = "failed assignment (line 1): ";

Result<ProcessorFactory> make(Config config, BuildContext&) {
  if (config.operation == "to_json") {
    return Conversion::factory("content().parse_msgpack()",
                               {.reason_after = kFailed,
                                .error_prefix = "converting MsgPack document to JSON: "});
  }
  return Conversion::factory("this.format_msgpack()",
                             {.from_document = true,
                              .to_document = false,
                              .reason_after = kFailed,
                              .error_prefix = "converting JSON to MsgPack: "});
}

}  // namespace

extern constinit const ProcessorType msgpack_processor;
constinit const ProcessorType msgpack_processor = component_type<schema, make>({
    .name = "msgpack",
    .categories = "Parsing",
    .summary = "Converts each message between MessagePack and JSON.",
    .description = "The mapping methods `parse_msgpack` and `format_msgpack` do the same.",
});

}  // namespace tollgate
