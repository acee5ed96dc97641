// command: runs a program for each message.

#include <memory>

#include "component/build_context.h"
#include "component/http_request.h"
#include "component/processor.h"
#include "component/wait.h"
#include "runtime/child_process.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  InterpolatedText name;
  std::optional<MappingText> args_mapping;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("name", &Config::name, "The program to run."),
      field("args_mapping", &Config::args_mapping,
            "A mapping whose result is the list of arguments."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

constexpr std::size_t kMaxOutput = std::size_t{256} << 20;

class Command final : public Processor {
 public:
  struct Options {
    Interpolated name;
    std::shared_ptr<const Mapping> arguments;  ///< null: none
  };

  explicit Command(std::shared_ptr<const Options> options) : options_(std::move(options)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto done = treat(batch, i);
      if (done) continue;
      if (done.error().fault() == Fault::cancelled) {
        batch.fail(done.error());
        return done;
      }
      batch[i].set_error(done.error().message());
    }
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }

 private:
  Result<> treat(Batch& batch, std::size_t index) {
    Message& message = batch[index];
    scratch_.reset();
    auto name = options_->name.eval(batch, index, scratch_);
    if (!name) {
      return std::unexpected(std::move(name).error().within("name interpolation error"));
    }
    const std::string program(*name);
    const auto arguments = TRY(arguments_for(batch, index));
    auto ran = run_command(program, arguments, message.bytes(), kMaxOutput, waits_abandoned());
    if (!ran) {
      if (ran.error().fault() == Fault::cancelled) return std::unexpected(ran.error());
      message.set_metadata("exit_code", Value::int64(-1));
      return invalid(fmt::format("execution error: {}: ", ran.error().message()));
    }
    message.set_metadata("exit_code", Value::int64(ran->status));
    if (ran->status != 0) {
      return invalid(fmt::format("execution error: {}: {}", ran->how, ran->errors));
    }
    message.set_bytes(batch.arena().copy(ran->output));
    if (!ran->errors.empty()) {
      message.set_metadata("command_stderr", Value::string(ran->errors));
    }
    return {};
  }

  Result<std::vector<std::string>> arguments_for(const Batch& batch, std::size_t index) {
    std::vector<std::string> arguments;
    if (!options_->arguments) return arguments;
    const Value list = options_->arguments->query(batch, index, scratch_);
    if (list.is_error()) {
      return invalid("args mapping error: " + std::string(list.as_text()));
    }
    if (!list.is(Kind::array)) {
      return invalid(fmt::format("args mapping result error: expected array value, got {}",
                                 kind_name(list.kind())));
    }
    for (const Value& argument : list.as_array()) {
      arguments.push_back(value_text(argument, scratch_));
    }
    return arguments;
  }

  const std::shared_ptr<const Options> options_;
  Arena scratch_;
};

Result<ProcessorFactory> make(Config config, BuildContext&) {
  auto options = std::make_shared<const Command::Options>(
      Command::Options{config.name.value,
                       config.args_mapping ? config.args_mapping->mapping : nullptr});
  return [options = std::move(options)] { return std::make_unique<Command>(options); };
}

std::vector<ComponentExample> examples() {
  return {
      {"Ask a program", "The message goes to the program's standard input.",
       R"yaml(
pipeline:
  processors:
    - command:
        name: tr
        args_mapping: '["a-z", "A-Z"]'
)yaml"},
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType command_processor;
constinit const ProcessorType command_processor = component_type<schema, make>({
    .name = "command",
    .categories = "Integration",
    .summary = "Runs a program for each message, which reads it and prints what replaces it.",
    .description = R"md(
The metadata `exit_code` tells how it ended, `command_stderr` what it printed on its standard error,
if anything. A message whose program fails, or cannot be started, is flagged and keeps its payload.

Programs are started without a shell. Whoever can choose `name` or the arguments can do what this
process may do: do not take them from messages that you do not trust.
)md",
    .examples = examples,
    .rerunnable = false,
    .blocking = true,
});

}  // namespace tollgate
