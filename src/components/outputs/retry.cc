// retry: writes what its child failed again, without telling those above.

#include "component/build_context.h"
#include "component/retrying_output.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct BackoffConfig {
  Duration initial_interval = "500ms";
  Duration max_interval = "3s";
  Duration max_elapsed_time = "0s";
};

struct Config {
  int max_retries = 0;
  BackoffConfig backoff;
  ChildOutput output;
};

const Schema<BackoffConfig>& backoff_schema() {
  static const Schema<BackoffConfig> fields{
      field("initial_interval", &BackoffConfig::initial_interval, "The first wait.").advanced(),
      field("max_interval", &BackoffConfig::max_interval, "The longest wait.").advanced(),
      field("max_elapsed_time", &BackoffConfig::max_elapsed_time,
            "Give up this long after the first attempt; 0 never does.")
          .advanced(),
  };
  return fields;
}

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("max_retries", &Config::max_retries, "Attempts after the first; 0 has no limit.")
          .advanced(),
      section("backoff", &Config::backoff, backoff_schema(), "The waits between attempts.")
          .advanced(),
      required("output", &Config::output, "The output to write to."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  auto output = TRY(context.output("output", config.output.node));
  RetryingOutput::Options options;
  options.max_retries = config.max_retries;
  options.backoff = {.initial = config.backoff.initial_interval.value,
                     .max = config.backoff.max_interval.value,
                     .max_elapsed = config.backoff.max_elapsed_time.value};
  return std::make_unique<RetryingOutput>(std::move(output), options, context.timers(),
                                          context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType retry_output;
constinit const OutputType retry_output = component_type<schema, make>({
    .name = "retry",
    .categories = "Utility",
    .summary = "Writes messages that its child output failed again.",
    .description = R"md(
Only the messages of a batch that failed are written again. Each wait is half as long again as the
one before, half more or less. While any message waits no new ones are taken.
)md",
});

}  // namespace tollgate
