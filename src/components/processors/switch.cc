// switch: runs the processors of the first case whose check a message passes.

#include <algorithm>
#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct CaseConfig {
  MappingText check;
  std::vector<ChildProcessor> processors;
  bool fallthrough = false;
  bool go_on = false;
};

const Schema<CaseConfig>& case_schema() {
  static const Schema<CaseConfig> fields{
      field("check", &CaseConfig::check,
            "A mapping that tells whether a message is of this case; empty: all are."),
      field("processors", &CaseConfig::processors, "What to run on the messages of this case."),
      field("fallthrough", &CaseConfig::fallthrough,
            "Whether messages of this case are of the next one too, unchecked.")
          .advanced(),
      field("continue", &CaseConfig::go_on,
            "Whether messages of this case are checked for the next ones too.")
          .advanced(),
  };
  return fields;
}

struct Config {
  std::vector<CaseConfig> cases;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      sections("", &Config::cases, case_schema(), "The cases, in order."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  for (std::size_t i = 0; i < config.cases.size() && i < body.items().size(); ++i) {
    const Position where = body.items()[i].position();
    if (config.cases[i].processors.empty()) {
      context.error(where, "case has no processors, in order to have a no-op case use a `noop` "
                           "processor");
    }
    if (config.cases[i].fallthrough && config.cases[i].go_on) {
      context.error(where,
                    "a case cannot have both 'fallthrough' and 'continue' set to true");
    }
  }
}

// Implementation ----------------------------------------------------------------------------------

struct CaseFactory {
  std::shared_ptr<const Mapping> check;  ///< null: passes
  std::vector<ProcessorFactory> processors;
  bool fallthrough;
  bool go_on;
};

class Switch final : public Processor {
 public:
  Switch(const std::vector<CaseFactory>& cases, Logger logger) : logger_(std::move(logger)) {
    for (const CaseFactory& each : cases) {
      cases_.push_back({each.check, ChildList(each.processors), each.fallthrough, each.go_on});
    }
  }

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    // Places bring the messages back into order, whatever the cases make of them. Outer places (of
    // a switch around this one) are put back at the end.
    std::vector<std::uint32_t> outer_places;
    outer_places.reserve(batch.size());
    for (Message& message : batch) {
      outer_places.push_back(message.place);
      message.place = static_cast<std::uint32_t>(outer_places.size() - 1);
    }

    Batch done(batch.shared_memory());
    Batch carried(batch.shared_memory());
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      if (auto ran = run_case(i, batch, carried, done); !ran) {
        for (Batch* lost : {&batch, &carried, &done}) lost->fail(ran.error());
        return ran;
      }
    }
    append(done, std::move(batch));
    append(done, std::move(carried));  // of a last case with `fallthrough`
    std::ranges::stable_sort(done.messages(), {}, &Message::place);
    for (Message& message : done) message.place = outer_places[message.place];
    if (!done.empty()) out.push_back(std::move(done));
    return {};
  }

 private:
  struct Case {
    std::shared_ptr<const Mapping> check;
    ChildList processors;
    bool fallthrough;
    bool go_on;
  };

  /// Takes the messages of case `index` out of `remaining`, adds them to those of `carried`, and
  /// puts the results where they belong.
  Result<> run_case(std::size_t index, Batch& remaining, Batch& carried, Batch& done) {
    Case& each = cases_[index];
    enum class Verdict : unsigned char { passed, failed, broken };
    std::vector<Verdict> verdicts(remaining.size(), Verdict::passed);
    if (each.check) {
      // All checks see the messages that remain as one batch, so none is moved before the last.
      for (std::size_t i = 0; i < remaining.size(); ++i) {
        scratch_.reset();
        const auto passed = each.check->check(remaining, i, scratch_);
        if (!passed) {
          logger_.error("Failed to test case {}: {}", index, passed.error().message());
          remaining[i].set_error(passed.error().message());
          verdicts[i] = Verdict::broken;
        } else if (!*passed) {
          verdicts[i] = Verdict::failed;
        }
      }
    }
    Batch passed = std::exchange(carried, Batch(remaining.shared_memory()));
    Batch failed(remaining.shared_memory());
    for (std::size_t i = 0; i < remaining.size(); ++i) {
      Batch& to = verdicts[i] == Verdict::passed   ? passed
                  : verdicts[i] == Verdict::failed ? failed
                                                   : done;
      to.add(std::move(remaining[i]));
    }
    remaining = std::move(failed);
    if (passed.empty()) return {};
    Batch& to = each.fallthrough ? carried : each.go_on ? remaining : done;
    return each.processors.run(std::move(passed), to);
  }

  std::vector<Case> cases_;
  const Logger logger_;
  Arena scratch_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  std::vector<CaseFactory> cases;
  for (std::size_t i = 0; i < config.cases.size(); ++i) {
    const CaseConfig& each = config.cases[i];
    auto processors = TRY(context.processors(std::to_string(i) + ".processors", each.processors));
    cases.push_back({each.check.mapping, std::move(processors), each.fallthrough, each.go_on});
  }
  return [cases = std::move(cases), logger = context.logger()] {
    return std::make_unique<Switch>(cases, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType switch_processor;
constinit const ProcessorType switch_processor = component_type<schema, make, check>({
    .name = "switch",
    .categories = "Composition",
    .summary = "Runs the processors of the first case whose check a message passes.",
    .description = R"md(
Messages are checked one by one, but those of a case go through its processors as one batch. After
that the old order is restored. A message that no case matches goes on unchanged; one whose check
fails to run is flagged and skips the cases that are left.
)md",
});

}  // namespace tollgate
