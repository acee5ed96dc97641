// resource: an output that is defined, and labelled, under `output_resources`.

#include "component/build_context.h"
#include "component/output.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string label;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::label, "The label of the output."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

/// Start and close are the resource's own: several may write to it.
class OutputReference final : public Output {
 public:
  explicit OutputReference(std::shared_ptr<Output> output) : output_(std::move(output)) {}

  void write(SharedBatch batch, Ack ack) override {
    output_->write(std::move(batch), std::move(ack));
  }
  bool saturated() const override { return output_->saturated(); }
  bool connected() const override { return output_->connected(); }
  void flush() override { output_->flush(); }

 private:
  const std::shared_ptr<Output> output_;
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  return std::make_unique<OutputReference>(TRY(context.output_resource(config.label)));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType resource_output;
constinit const OutputType resource_output = component_type<schema, make>({
    .name = "resource",
    .categories = "Utility",
    .summary = "Writes to an output that is defined under `output_resources`.",
});

}  // namespace tollgate
