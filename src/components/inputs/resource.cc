// resource: an input that is defined, and labelled, under `input_resources`.

#include "component/build_context.h"
#include "component/input.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string label;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::label, "The label of the input."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class InputReference final : public Input {
 public:
  explicit InputReference(std::shared_ptr<Input> input) : input_(std::move(input)) {}

  Result<> start(Intake& intake) override { return input_->start(intake); }
  void stop() override { input_->stop(); }
  bool connected() const override { return input_->connected(); }

 private:
  const std::shared_ptr<Input> input_;
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  return std::make_unique<InputReference>(TRY(context.input_resource(config.label)));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType resource_input;
constinit const InputType resource_input = component_type<schema, make>({
    .name = "resource",
    .categories = "Utility",
    .summary = "Reads from an input that is defined under `input_resources`.",
});

}  // namespace tollgate
