// none: no buffer. Batches go straight on, and so do their acknowledgements.

#include "component/build_context.h"
#include "component/intake_tools.h"
#include "component/resource.h"

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

class NoBuffer final : public Buffer {
 public:
  Result<> start(Intake& downstream) override {
    downstream_ = &downstream;
    return {};
  }
  Result<> write(Batch batch) override { return downstream_->submit(carrying(std::move(batch))); }
  void end_of_input() override {
    downstream_->exhausted();
    downstream_->ended();
  }
  void stop() override {}

 private:
  Intake* downstream_ = nullptr;
};

Result<std::unique_ptr<Buffer>> make(Config, BuildContext&) {
  return std::make_unique<NoBuffer>();
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const BufferType none_buffer;
constinit const BufferType none_buffer = component_type<schema, make>({
    .name = "none",
    .summary = "Keeps nothing: messages are acknowledged when they are delivered.",
});

}  // namespace tollgate
