// sleep: waits before passing each message on.

#include <memory>

#include "component/build_context.h"
#include "component/processor.h"
#include "component/wait.h"
#include "value/duration.h"

namespace tollgate {
namespace {

struct Config {
  InterpolatedText duration;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("duration", &Config::duration, "How long to wait for each message (\"100ms\")."),
  };
  return fields;
}

class Sleep final : public Processor {
 public:
  Sleep(Interpolated duration, Logger logger)
      : duration_(std::move(duration)), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      scratch_.reset();
      const auto text = duration_.eval(batch, i, scratch_);
      if (!text) {
        logger_.error("Period interpolation error: {}", text.error().message());
        continue;
      }
      const auto duration = parse_duration(*text);
      if (!duration) {
        logger_.error("Failed to parse duration: {}", duration.error().message());
        continue;
      }
      if (auto slept = wait_for(std::chrono::nanoseconds(*duration)); !slept) {
        batch.fail(slept.error());
        return slept;
      }
    }
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }

 private:
  const Interpolated duration_;
  const Logger logger_;
  Arena scratch_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [duration = config.duration.value, logger = context.logger()] {
    return std::make_unique<Sleep>(duration, logger);
  };
}

}  // namespace

extern constinit const ProcessorType sleep_processor;
constinit const ProcessorType sleep_processor = component_type<schema, make>({
    .name = "sleep",
    .categories = "Utility",
    .summary = "Waits before passing each message on.",
    .description = R"md(
The messages of a batch wait one after another, and go on together. A duration that cannot be read
is logged and not waited for.
)md",
    .rerunnable = false,
    .blocking = true,
});

}  // namespace tollgate
