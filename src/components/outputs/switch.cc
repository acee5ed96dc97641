// switch: each message goes to the output of the first case it passes.

#include <atomic>
#include <mutex>

#include "component/build_context.h"
#include "component/retrying_output.h"
#include "component/write_results.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct CaseConfig {
  MappingText check;
  ChildOutput output;
  bool goes_on = false;
};

struct Config {
  bool retry_until_success = false;
  bool strict_mode = false;
  std::vector<CaseConfig> cases;
};

const Schema<CaseConfig>& case_schema() {
  static const Schema<CaseConfig> fields{
      field("check", &CaseConfig::check,
            "Gives true for messages to take. Without one all are taken; an error counts as false."),
      required("output", &CaseConfig::output, "Where they go."),
      field("continue", &CaseConfig::goes_on,
            "Whether messages taken here are offered to the later cases too.")
          .advanced(),
  };
  return fields;
}

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("retry_until_success", &Config::retry_until_success,
            "Whether to write failed messages again for ever instead of rejecting them."),
      field("strict_mode", &Config::strict_mode,
            "Whether to reject messages that no case takes; otherwise they are dropped.")
          .advanced(),
      sections("cases", &Config::cases, case_schema(), "The cases, in order."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.cases.size() < 2) {
    context.error(body["cases"] ? body["cases"].position() : body.position(),
                  "attempting to create switch with fewer than 2 cases");
  }
}

// Implementation ----------------------------------------------------------------------------------

struct Rule {
  std::shared_ptr<const Mapping> check;  // null: all pass
  bool goes_on;
};

/// One batch on its way to several outputs; answers when the last of them did.
struct Split {
  Split(std::size_t messages, Ack to_answer) : table(messages), ack(std::move(to_answer)) {}

  void absorb(const std::vector<std::uint32_t>& indexes, const WriteResult& result) {
    std::lock_guard hold(lock);
    table.worsen(indexes, result);
  }
  void part_done() {
    if (--open_parts == 0) ack(std::move(table).finish());
  }

  std::mutex lock;
  StatusTable table;  // guarded by lock
  Ack ack;
  std::atomic<std::size_t> open_parts{1};  // the writer holds one itself
};

class Switch final : public OutputGroup {
 public:
  Switch(std::vector<std::unique_ptr<Output>> outputs, std::vector<Rule> rules, bool strict,
         Logger logger)
      : OutputGroup(std::move(outputs)),
        rules_(std::move(rules)),
        strict_(strict),
        logger_(std::move(logger)) {}

  void write(SharedBatch batch, Ack ack) override {
    std::vector<std::vector<std::uint32_t>> parts(rules_.size());
    auto split = std::make_shared<Split>(batch->size(), std::move(ack));
    bool unmatched = false;
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      if (!route(*batch, i, parts)) {
        split->table.replace(i, unmatched_status());
        unmatched = true;
      }
    }
    if (unmatched && strict_) {
      logger_.error("Message failed to match against at least one output check with strict mode "
                    "enabled, it will be nacked and/or re-processed");
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].empty()) continue;
      ++split->open_parts;
      SharedBatch part = part_of(batch, parts[i]);
      child(i).write(std::move(part),
                     Ack([split, indexes = std::move(parts[i])](const WriteResult& result) {
                       split->absorb(indexes, result);
                       split->part_done();
                     }));
    }
    split->part_done();
  }

 private:
  // Adds the message to the parts of the cases that take it; false if none does.
  bool route(const Batch& batch, std::uint32_t index,
             std::vector<std::vector<std::uint32_t>>& parts) const {
    bool taken = false;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (rules_[i].check) {
        Arena scratch;
        const auto passed = rules_[i].check->check(batch, index, scratch);
        if (!passed) logger_.error("Failed to test case {}: {}", i, passed.error().message());
        if (!passed || !*passed) continue;
      }
      parts[i].push_back(index);
      taken = true;
      if (!rules_[i].goes_on) break;
    }
    return taken;
  }

  WriteStatus unmatched_status() const {
    Error error(Fault::invalid, "no switch output conditions were met by message");
    return {strict_ ? Outcome::failed : Outcome::dropped, std::move(error), Refusal::none};
  }

  const std::vector<Rule> rules_;
  const bool strict_;
  const Logger logger_;
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  std::vector<std::unique_ptr<Output>> outputs;
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < config.cases.size(); ++i) {
    CaseConfig& each = config.cases[i];
    auto output =
        TRY(context.output("cases." + std::to_string(i) + ".output", each.output.node));
    if (config.retry_until_success) {
      output = std::make_unique<RetryingOutput>(std::move(output), RetryingOutput::Options{},
                                                context.timers(), context.logger());
    }
    outputs.push_back(std::move(output));
    rules.push_back({each.check.mapping, each.goes_on});
  }
  return std::make_unique<Switch>(std::move(outputs), std::move(rules), config.strict_mode,
                                  context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType switch_output;
constinit const OutputType switch_output = component_type<schema, make, check>({
    .name = "switch",
    .categories = "Utility",
    .summary = "Routes each message to an output by checks.",
    .description = R"md(
The messages of a batch go their ways separately, and each is accepted or rejected by the outputs it
went to. Messages that no case takes are dropped, and counted as such, unless `strict_mode` is on.
)md",
});

}  // namespace tollgate
