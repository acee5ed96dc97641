// none: keeps all metrics to itself.

#include <memory>

#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

struct Config {
  Node body = Node::map({});
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::body, "Has no fields.").type_name("object"),
  };
  return fields;
}

Result<std::unique_ptr<MetricsExporter>> make(Config, BuildContext&) {
  return std::make_unique<MetricsExporter>();
}

}  // namespace

extern constinit const MetricsType none_metrics;
constinit const MetricsType none_metrics = component_type<schema, make>({
    .name = "none",
    .summary = "Publishes no metrics.",
});

}  // namespace tollgate
