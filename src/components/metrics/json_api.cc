// json_api: offers all metrics as one JSON object.

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

class JsonApi final : public MetricsExporter {
 public:
  explicit JsonApi(const MetricsRegistry& registry) : registry_(registry) {}

  std::optional<std::string> page(std::string& content_type) override {
    content_type = "application/json";
    return print_json_metrics(registry_);
  }

 private:
  const MetricsRegistry& registry_;
};

Result<std::unique_ptr<MetricsExporter>> make(Config, BuildContext& context) {
  return std::make_unique<JsonApi>(context.metrics());
}

}  // namespace

extern constinit const MetricsType json_api_metrics;
constinit const MetricsType json_api_metrics = component_type<schema, make>({
    .name = "json_api",
    .summary = "Offers all metrics as one JSON object at `/metrics` and `/stats`.",
    .description = R"md(
Each key is the name of a metric with its labels in braces. Counters and gauges are numbers; a
timing is an object of the quantiles `p50`, `p90` and `p99` of the last ten minutes, in nanoseconds.
)md",
});

}  // namespace tollgate
