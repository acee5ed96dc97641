// xml: makes a document of XML.

#include "components/processors/conversion.h"

namespace tollgate {
namespace {

struct Config {
  std::string operation;
  bool cast = false;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("operator", &Config::operation, "What to do.").options({"to_json"}),
      field("cast", &Config::cast,
            "Whether texts that spell a number or a boolean become one; else all are strings."),
  };
  return fields;
}

Result<ProcessorFactory> make(Config config, BuildContext&) {
  if (config.operation != "to_json") {
    return invalid("operator not recognised: " + config.operation);
  }
  return Conversion::factory(config.cast ? "content().parse_xml(cast: true)"
                                         : "content().parse_xml()",
                             {.reason_after = "parsing value as XML: "});
}

}  // namespace

extern constinit const ProcessorType xml_processor;
constinit const ProcessorType xml_processor = component_type<schema, make>({
    .name = "xml",
    .categories = "Parsing",
    .summary = "Makes a JSON document of each XML message.",
    .description = R"md(
An element becomes a member; its attributes become members whose names start with a dash, and its
text, if it has anything beside it, the member `#text`. Elements of the same name become an array.
The mapping method `parse_xml` does the same.
)md",
});

}  // namespace tollgate
