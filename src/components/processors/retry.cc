// retry: runs processors on a message again until it comes out without a failure.

#include <algorithm>
#include <memory>

#include "component/wait.h"
#include "components/processors/parallel_children.h"
#include "net/backoff.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct BackoffConfig {
  Duration initial_interval = "500ms";
  Duration max_interval = "10s";
  Duration max_elapsed_time = "1m";
};

const Schema<BackoffConfig>& backoff_schema() {
  static const Schema<BackoffConfig> fields{
      field("initial_interval", &BackoffConfig::initial_interval, "The first wait."),
      field("max_interval", &BackoffConfig::max_interval, "The longest wait."),
      field("max_elapsed_time", &BackoffConfig::max_elapsed_time,
            "How long to go on altogether; 0s is for ever."),
  };
  return fields;
}

struct Config {
  BackoffConfig backoff;
  std::vector<ChildProcessor> processors;
  bool parallel = false;
  std::int64_t max_retries = 0;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      section("backoff", &Config::backoff, backoff_schema(), "How long to wait between attempts."),
      required("processors", &Config::processors, "What is tried."),
      field("parallel", &Config::parallel,
            "Whether the messages of a batch are tried at the same time."),
      field("max_retries", &Config::max_retries,
            "After how many failed attempts to give up; 0 is never."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (body["processors"] && config.processors.empty()) {
    context.error(body["processors"].position(), "at least one child processor must be specified");
  }
}

// Implementation ----------------------------------------------------------------------------------

class Retry final : public Processor {
 public:
  Retry(const std::vector<ProcessorFactory>& processors, Backoff::Options backoff,
        std::int64_t max_retries, bool parallel, Logger logger)
      : children_(processors, parallel ? 0 : 1),
        one_by_one_(processors),
        backoff_(backoff),
        max_retries_(max_retries),
        parallel_(parallel),
        logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (parallel_) {
      return children_.run(std::move(batch), out,
                           [this](ChildList& children, Batch one, Batch& made) {
                             return treat(children, std::move(one), made);
                           });
    }
    Batch joined(batch.shared_memory());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (auto done = treat(one_by_one_, take_one(batch, i), joined); !done) {
        joined.fail(done.error());
        batch.fail(done.error());
        return done;
      }
    }
    if (!joined.empty()) out.push_back(std::move(joined));
    return {};
  }

 private:
  /// Every attempt works on a copy without a receipt; the results of the last one share that of the
  /// message.
  Result<> treat(ChildList& children, Batch one, Batch& out) const {
    Message& message = one[0];
    message.clear_error();
    Backoff backoff(backoff_);
    std::int64_t retries = 0;
    Backoff::Duration waited{0};
    Batch made(one.shared_memory());
    while (true) {
      made = Batch(one.shared_memory());
      if (auto done = children.run(one.copy(), made); !done) {
        one.fail(done.error());
        return done;
      }
      const bool failed =
          std::ranges::any_of(made, [](const Message& m) { return m.error() != nullptr; });
      if (!failed || ++retries == max_retries_) break;
      const auto wait = backoff.next();
      if (!wait) break;
      logger_.debug("Error occurred, sleeping for next backoff period.");
      if (auto slept = wait_for(*wait); !slept) {
        one.fail(slept.error());
        return slept;
      }
      waited += *wait;
    }
    for (Message& result : made) {
      result.set_metadata("retry_count", Value::int64(retries));
      result.set_metadata("backoff_duration", Value::int64(waited.count()));
      result.receipt = message.receipt.share();
    }
    settle(message);  // the share that the results do not hold
    append(out, std::move(made));
    return {};
  }

  ParallelChildren children_;
  ChildList one_by_one_;
  const Backoff::Options backoff_;
  const std::int64_t max_retries_;
  const bool parallel_;
  const Logger logger_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  const Backoff::Options backoff{.initial = config.backoff.initial_interval.value,
                                 .max = config.backoff.max_interval.value,
                                 .max_elapsed = config.backoff.max_elapsed_time.value};
  return [processors = TRY(context.processors("processors", config.processors)), backoff,
          retries = config.max_retries, parallel = config.parallel, logger = context.logger()] {
    return std::make_unique<Retry>(processors, backoff, retries, parallel, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType retry_processor;
constinit const ProcessorType retry_processor = component_type<schema, make, check>({
    .name = "retry",
    .status = "beta",
    .categories = "Composition",
    .summary = "Runs processors on each message again until it comes out without a failure.",
    .description = R"md(
Each attempt starts from the message as it was, without a failure flag. The metadata `retry_count`
and `backoff_duration` (nanoseconds) tell what it took. When it gives up, the result of the last
attempt goes on, flagged.
)md",
    .blocking = true,
});

}  // namespace tollgate
