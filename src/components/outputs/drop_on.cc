// drop_on: gives up messages that its child failed for reasons the user named, and only those.
//
// What is given up is reported as dropped with the reason, and logged: it is the one place where
// data is lost on purpose after a failure.

#include <re2/re2.h>

#include <atomic>

#include <fmt/format.h>

#include "component/build_context.h"
#include "component/write_results.h"
#include "runtime/timer_queue.h"
#include "value/duration.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  bool error = false;
  std::optional<std::vector<std::string>> error_patterns;
  std::optional<Duration> back_pressure;
  ChildOutput output;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("error", &Config::error, "Whether to drop messages that failed for any reason."),
      field("error_patterns", &Config::error_patterns,
            "Drop messages whose error any of these regular expressions (RE2) matches anywhere."),
      field("back_pressure", &Config::back_pressure,
            "How long a write may take. One that takes longer fails; with `error` it is dropped."),
      required("output", &Config::output, "The output to write to."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.error && config.error_patterns && !config.error_patterns->empty()) {
    context.error(body["error_patterns"].position(),
                  "field 'error_patterns' is ineffective when 'error' is set to `true`");
  }
  if (!config.error_patterns) return;
  for (std::size_t i = 0; i < config.error_patterns->size(); ++i) {
    const re2::RE2 pattern((*config.error_patterns)[i], re2::RE2::Quiet);
    if (pattern.ok()) continue;
    const auto& items = body["error_patterns"].items();
    context.error(i < items.size() ? items[i].position() : body.position(),
                  fmt::format("failed to compile regexp: {}", pattern.error()));
  }
}

// Implementation ----------------------------------------------------------------------------------

/// What is dropped. Immutable.
class Rules {
 public:
  Rules(const Config& config, Logger logger) : any_(config.error), logger_(std::move(logger)) {
    for (const std::string& text : config.error_patterns.value_or(std::vector<std::string>{})) {
      patterns_.push_back(std::make_unique<re2::RE2>(text, re2::RE2::Quiet));
    }
  }

  /// Turns a failure that a rule names into a drop, and logs that.
  void apply(WriteStatus& status, bool too_late = false) const {
    if (status.outcome != Outcome::failed) return;
    // Being stopped is no reason to lose anything: the sender still has it.
    if (status.error && status.error->fault() == Fault::cancelled) return;
    const std::string_view text = status.error ? status.error->message() : std::string_view();
    // Whoever found a refused message logged it, with its id and the reason.
    const LogLevel level = status.refusal == Refusal::none ? LogLevel::warn : LogLevel::debug;
    if (any_) {
      if (too_late) {
        logger_.warn("Message dropped due to back pressure.");
      } else {
        logger_.write(level, fmt::format("Message dropped due to: {}", text), {});
      }
      status.outcome = Outcome::dropped;
      return;
    }
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      if (!re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *patterns_[i])) {
        continue;
      }
      logger_.write(level,
                    fmt::format("Message dropped due to error matching pattern {}: {}", i, text), {});
      status.outcome = Outcome::dropped;
      return;
    }
  }

  void apply(WriteResult& result) const {
    apply(result.status);
    for (auto& [_, status] : result.exceptions) apply(status);
  }

 private:
  const bool any_;
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
  const Logger logger_;
};

class DropOn final : public WrappedOutput {
 public:
  DropOn(std::unique_ptr<Output> output, std::shared_ptr<const Rules> rules,
         std::chrono::nanoseconds patience, TimerQueue& timers)
      : WrappedOutput(std::move(output)),
        rules_(std::move(rules)),
        patience_(patience),
        timers_(timers) {}

  void write(SharedBatch batch, Ack ack) override {
    if (patience_.count() > 0) return write_in_time(std::move(batch), std::move(ack));
    child().write(std::move(batch),
                  Ack([rules = rules_, ack = std::move(ack)](WriteResult result) mutable {
                    rules->apply(result);
                    ack(std::move(result));
                  }));
  }

  // Waiting for room is for the child's patience to end, not for the writers to do.
  bool saturated() const override { return patience_.count() == 0 && child().saturated(); }

 private:
  /// A write and its deadline; whichever comes first answers.
  struct Race {
    Ack ack;
    std::atomic<bool> answered{false};
    std::atomic<bool> late{false};
    TimerQueue::Id timer = 0;
  };

  void write_in_time(SharedBatch batch, Ack ack) {
    if (*late_ > 0 || child().saturated()) return ack(too_late());
    auto race = std::make_shared<Race>();
    race->ack = std::move(ack);
    race->timer = timers_.after(patience_, [race, late = late_, expired = too_late_of()]() mutable {
      race->late = true;
      ++*late;
      if (race->answered.exchange(true)) {
        if (race->late.exchange(false)) --*late;
        return;
      }
      race->ack(expired());
    });
    child().write(std::move(batch),
                  Ack([race, rules = rules_, late = late_, &timers = timers_](WriteResult result) {
                    if (race->answered.exchange(true)) {
                      if (race->late.exchange(false)) --*late;
                      return;
                    }
                    timers.cancel(race->timer);
                    rules->apply(result);
                    race->ack(std::move(result));
                  }));
  }

  std::function<WriteResult()> too_late_of() const {
    return [rules = rules_, patience = patience_] {
      std::string text = "experienced back pressure beyond: ";
      append_duration(text, patience.count());
      WriteResult result = WriteResult::failed(Error(Fault::transient, std::move(text)));
      rules->apply(result.status, true);
      return result;
    };
  }
  WriteResult too_late() const { return too_late_of()(); }

  const std::shared_ptr<const Rules> rules_;
  const std::chrono::nanoseconds patience_;
  TimerQueue& timers_;
  /// Writes that went over their time and are still under way: the child takes nothing more.
  const std::shared_ptr<std::atomic<int>> late_ = std::make_shared<std::atomic<int>>(0);
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  auto output = TRY(context.output("output", config.output.node));
  auto rules = std::make_shared<const Rules>(config, context.logger());
  const auto patience =
      config.back_pressure ? config.back_pressure->value : std::chrono::nanoseconds{};
  return std::make_unique<DropOn>(std::move(output), std::move(rules), patience, context.timers());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType drop_on_output;
constinit const OutputType drop_on_output = component_type<schema, make, check>({
    .name = "drop_on",
    .categories = "Utility",
    .summary = "Drops messages that its child output failed for certain reasons.",
    .description = R"md(
Messages that failed for other reasons are rejected as usual. Of a batch only the messages that
failed are dropped. Each drop is logged as a warning and counted as dropped.

`back_pressure` alone drops nothing: a write that takes longer fails, and so do later ones until the
output caught up. With `error: true` they are dropped.
)md",
});

}  // namespace tollgate
