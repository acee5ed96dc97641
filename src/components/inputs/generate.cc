// generate: messages made by a mapping, at intervals or as fast as they are taken.

#include <chrono>

#include <fmt/format.h>

#include "component/build_context.h"
#include "component/cron.h"
#include "component/input.h"
#include "value/duration.h"

namespace tollgate {
namespace {

using namespace std::chrono_literals;

// Configuration -----------------------------------------------------------------------------------

struct Config {
  MappingText mapping;
  std::string interval = "1s";
  std::int64_t count = 0;
  int batch_size = 1;
  bool auto_replay_nacks = true;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("mapping", &Config::mapping, "The mapping that makes a message."),
      field("interval", &Config::interval,
            "The time between batches: a duration, or a cron expression with an optional field of "
            "seconds and an optional prefix `TZ=Zone`. Empty: as fast as they are taken."),
      field("count", &Config::count, "End after this many messages; 0 never ends."),
      field("batch_size", &Config::batch_size, "Messages to make at a time."),
      field("auto_replay_nacks", &Config::auto_replay_nacks,
            "Whether to send rejected messages again."),
  };
  return fields;
}

/// When batches are due: by a fixed interval (zero: at once), or a cron schedule.
struct Rhythm {
  std::chrono::nanoseconds interval{};
  std::optional<CronSchedule> schedule;
};

Result<Rhythm> parse_rhythm(const std::string& text) {
  if (text.empty()) return Rhythm{};
  const auto interval = parse_duration(text);
  if (interval) return Rhythm{std::chrono::nanoseconds(*interval), std::nullopt};
  auto schedule = CronSchedule::parse(text);
  if (schedule) return Rhythm{{}, std::move(*schedule)};
  return invalid(fmt::format(
      "failed to parse interval as duration string: {}, or as cron expression: {}",
      interval.error().message(), schedule.error().message()));
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (const auto rhythm = parse_rhythm(config.interval); !rhythm) {
    context.error(body["interval"].position(), std::string(rhythm.error().message()));
  }
  if (config.batch_size < 1) {
    context.error(body["batch_size"].position(), "batch_size must be at least 1");
  }
}

// Implementation ----------------------------------------------------------------------------------

class Generate final : public PolledInput {
 public:
  Generate(Config config, Rhythm rhythm, Logger logger)
      : PolledInput({.replay_failed = true, .max_outstanding = SIZE_MAX}),
        config_(std::move(config)),
        rhythm_(std::move(rhythm)),
        logger_(std::move(logger)) {}

 protected:
  Result<> connect() override {
    made_ = 0;
    // The first batch of an interval is made at once, that of a schedule when it is due.
    due_ = std::chrono::steady_clock::now();
    scheduled_ = std::chrono::duration_cast<std::chrono::seconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
    return {};
  }

  Result<std::optional<Batch>> read() override {
    if (config_.count > 0 && made_ >= config_.count) return std::nullopt;
    if (!wait_until_due()) return std::nullopt;
    Batch batch;
    for (int i = 0; i < config_.batch_size; ++i) {
      if (config_.count > 0 && made_ >= config_.count) break;
      if (auto added = add_message(batch); !added) {
        logger_.error("Failed to read message: {}", added.error().message());
        return std::unexpected(std::move(added).error());
      }
    }
    return batch;
  }

 private:
  // False if there is nothing to wait for, or the input is being stopped.
  bool wait_until_due() {
    if (rhythm_.schedule) {
      const auto next = rhythm_.schedule->next(scheduled_);
      if (!next) return false;
      const auto now = std::chrono::system_clock::now();
      scheduled_ = std::max<std::int64_t>(
          *next, std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
      return wait_for(std::chrono::system_clock::time_point(std::chrono::seconds(*next)) - now);
    }
    if (rhythm_.interval <= 0ns) return true;
    const auto now = std::chrono::steady_clock::now();
    if (!wait_for(std::max<std::chrono::nanoseconds>(due_ - now, 0ns))) return false;
    // What was missed while nobody took messages is not made up for.
    due_ = std::max(due_ + rhythm_.interval, std::chrono::steady_clock::now());
    return true;
  }

  // Later messages of a batch are mapped over the first, and may look at all made so far.
  Result<> add_message(Batch& batch) {
    std::optional<Batch> empty;
    if (batch.empty()) {
      empty.emplace(batch.shared_memory());
      empty->add().set_bytes("");
    }
    Batch& source = empty ? *empty : batch;
    Message made = source[0].copy();
    made.identity = Identity::random();
    made.draws = 0;
    const MapResult result = config_.mapping.mapping->map(source, 0, made);
    if (result.what == Mapped::failed) return transient(std::string(result.error));
    if (result.what == Mapped::deleted) return {};
    batch.add(std::move(made));
    ++made_;
    return {};
  }

  const Config config_;
  const Rhythm rhythm_;
  const Logger logger_;
  std::int64_t made_ = 0;
  std::chrono::steady_clock::time_point due_;
  std::int64_t scheduled_ = 0;  // Unix seconds of the last batch
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  Rhythm rhythm = TRY(parse_rhythm(config.interval));
  return std::make_unique<Generate>(std::move(config), std::move(rhythm), context.logger());
}

std::vector<ComponentExample> examples() {
  return {{"Every minute", "A message at the start of each minute in Berlin.", R"yaml(
input:
  generate:
    interval: TZ=Europe/Berlin 0 * * * * *
    mapping: |
      root.id = uuid_v4()
      root.time = now()
)yaml"}};
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType generate_input;
constinit const InputType generate_input = component_type<schema, make, check>({
    .name = "generate",
    .categories = "Utility",
    .summary = "Makes messages with a mapping.",
    .description = R"md(
With a duration the first batch is made at once, with a cron expression when it is first due. A
mapping that deletes its root makes nothing that time. Rejected messages are always sent again.
)md",
    .examples = examples,
});

}  // namespace tollgate
