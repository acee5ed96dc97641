// while: repeats processors as long as a check holds.

#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  bool at_least_once = false;
  std::int64_t max_loops = 0;
  MappingText check;
  std::vector<ChildProcessor> processors;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("at_least_once", &Config::at_least_once,
            "Whether the processors run once before the check is asked."),
      field("max_loops", &Config::max_loops, "How often they run at most; 0 is no limit.")
          .advanced(),
      field("check", &Config::check, "Goes on while this gives true for the first message."),
      required("processors", &Config::processors, "What is repeated."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.check.text.empty()) context.error(body.position(), "a check query is required");
}

// Implementation ----------------------------------------------------------------------------------

class While final : public Processor {
 public:
  While(std::shared_ptr<const Mapping> check, const std::vector<ProcessorFactory>& processors,
        bool at_least_once, std::int64_t max_loops, Logger logger)
      : check_(std::move(check)),
        processors_(processors),
        at_least_once_(at_least_once),
        max_loops_(max_loops),
        logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    std::vector<Batch> current;
    current.push_back(std::move(batch));
    bool again = at_least_once_ || holds(current[0]);
    for (std::int64_t loops = 0; again && (max_loops_ <= 0 || loops < max_loops_); ++loops) {
      std::vector<Batch> next;
      for (auto at = current.begin(); at != current.end(); ++at) {
        if (auto done = processors_.run(std::move(*at), next); !done) {
          for (auto rest = at + 1; rest != current.end(); ++rest) rest->fail(done.error());
          for (Batch& made : next) made.fail(done.error());
          return done;
        }
      }
      current = std::move(next);
      if (current.empty()) return {};
      again = holds(current[0]);
    }
    for (Batch& each : current) {
      if (!each.empty()) out.push_back(std::move(each));
    }
    return {};
  }

 private:
  bool holds(const Batch& batch) {
    if (batch.empty()) return false;
    scratch_.reset();
    const auto passed = check_->check(batch, 0, scratch_);
    if (!passed) logger_.error("Query failed for loop: {}", passed.error().message());
    return passed && *passed;
  }

  const std::shared_ptr<const Mapping> check_;
  ChildList processors_;
  const bool at_least_once_;
  const std::int64_t max_loops_;
  const Logger logger_;
  Arena scratch_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  if (!config.check.mapping) return invalid("a check query is required");
  return [check = config.check.mapping,
          processors = TRY(context.processors("processors", config.processors)),
          once = config.at_least_once, loops = config.max_loops, logger = context.logger()] {
    return std::make_unique<While>(check, processors, once, loops, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType while_processor;
constinit const ProcessorType while_processor = component_type<schema, make, check>({
    .name = "while",
    .categories = "Composition",
    .summary = "Repeats processors while a check gives true for the first message of the batch.",
    .description = R"md(
A check that fails to run ends the loop. Set `max_loops` unless the check is sure to end it.
)md",
});

}  // namespace tollgate
