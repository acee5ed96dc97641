// crash: ends the process with a message; for tests of what runs around it.

#include <cstdlib>
#include <memory>

#include "component/build_context.h"
#include "component/processor.h"

namespace tollgate {
namespace {

struct Config {
  InterpolatedText message;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("", &Config::message, "What is logged before the end."),
  };
  return fields;
}

class Crash final : public MessageProcessor {
 public:
  Crash(Interpolated message, Logger logger)
      : message_(std::move(message)), logger_(std::move(logger)) {}

 private:
  Result<Verdict> transform(Batch& batch, std::size_t index) override {
    const auto text = message_.eval(batch, index, batch.arena());
    logger_.write(LogLevel::fatal, text ? *text : text.error().message());
    // At once, as a crash is: nothing is drained.
    std::_Exit(EXIT_FAILURE);
  }

  const Interpolated message_;
  const Logger logger_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [message = config.message.value, logger = context.logger()] {
    return std::make_unique<Crash>(message, logger);
  };
}

}  // namespace

extern constinit const ProcessorType crash_processor;
constinit const ProcessorType crash_processor = component_type<schema, make>({
    .name = "crash",
    .status = "beta",
    .categories = "Utility",
    .summary = "Logs a message and ends the process.",
    .rerunnable = false,
});

}  // namespace tollgate
