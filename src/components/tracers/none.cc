// none: records no traces.

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

Result<std::unique_ptr<Tracer>> make(Config, BuildContext&) { return std::make_unique<Tracer>(); }

}  // namespace

extern constinit const TracerType none_tracer;
constinit const TracerType none_tracer = component_type<schema, make>({
    .name = "none",
    .summary = "Records no traces.",
});

}  // namespace tollgate
