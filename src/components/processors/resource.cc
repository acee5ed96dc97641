// resource: a processor that is defined elsewhere, by its label.

#include <memory>

#include "component/build_context.h"
#include "component/processor.h"

namespace tollgate {
namespace {

struct Config {
  std::string label;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::label, "The label of a processor in `processor_resources`."),
  };
  return fields;
}

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return context.processor_resource(config.label);
}

}  // namespace

extern constinit const ProcessorType resource_processor;
constinit const ProcessorType resource_processor = component_type<schema, make>({
    .name = "resource",
    .categories = "Utility",
    .summary = "Runs a processor that is defined in `processor_resources`.",
    .description = R"md(
Lets one definition be used in several places, and keeps long pipelines readable.
)md",
});

}  // namespace tollgate
