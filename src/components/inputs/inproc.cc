// inproc: receives what `inproc` outputs of the same name in this process send.

#include <fmt/format.h>

#include "component/build_context.h"
#include "component/inproc.h"
#include "component/input.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string name;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::name, "The name that outputs send to."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class InprocInput final : public Input {
 public:
  InprocInput(std::string name, InprocHub& hub) : name_(std::move(name)), hub_(hub) {}
  ~InprocInput() override { stop(); }

  Result<> start(Intake& intake) override {
    if (!hub_.add(name_, intake)) {
      return invalid(fmt::format("another inproc input is called '{}'", name_));
    }
    registered_ = true;
    return {};
  }

  void stop() override {
    if (std::exchange(registered_, false)) hub_.remove(name_);
  }

 private:
  const std::string name_;
  InprocHub& hub_;
  bool registered_ = false;
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  return std::make_unique<InprocInput>(std::move(config.name), context.inproc());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType inproc_input;
constinit const InputType inproc_input = component_type<schema, make>({
    .name = "inproc",
    .categories = "Utility",
    .summary = "Receives batches of `inproc` outputs of the same name in this process.",
    .description = R"md(
A batch is acknowledged to the output that sent it once it is settled here.
)md",
});

}  // namespace tollgate
