// drop: takes everything and keeps nothing.

#include "component/build_context.h"
#include "component/output.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  Node ignored = Node::map({});
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::ignored, "An empty object.").type_name("object"),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class Drop final : public Output {
 public:
  // The user named this the destination: arriving here is being delivered.
  void write(SharedBatch, Ack ack) override { ack(WriteResult::delivered()); }
};

Result<std::unique_ptr<Output>> make(Config, BuildContext&) { return std::make_unique<Drop>(); }

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType drop_output;
constinit const OutputType drop_output = component_type<schema, make>({
    .name = "drop",
    .categories = "Utility",
    .summary = "Acknowledges all messages and discards them.",
});

}  // namespace tollgate
