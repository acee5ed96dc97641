// fallback: a list of outputs, each taking what the one before failed.

#include <algorithm>

#include "component/build_context.h"
#include "component/intake_tools.h"
#include "component/write_results.h"
#include "components/outputs/dead_letter.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::vector<ChildOutput> outputs;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::outputs, "The outputs, the preferred one first."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.outputs.empty()) {
    context.error(body.position(), "fallback needs at least one output");
  }
}

// Implementation ----------------------------------------------------------------------------------

class Fallback final : public OutputGroup {
 public:
  using OutputGroup::OutputGroup;

  void write(SharedBatch batch, Ack ack) override {
    const std::size_t messages = batch->size();
    attempt(0, std::move(batch), all_indexes(messages), {}, StatusTable(messages), std::move(ack));
  }

  // The later ones serve when the first does not.
  bool saturated() const override { return child(0).saturated(); }
  bool connected() const override {
    for (std::size_t i = 0; i < size(); ++i) {
      if (child(i).connected()) return true;
    }
    return false;
  }

 private:
  /// Writes `batch` to output `level`. `indexes` says which message of the table each of it is,
  /// `refusals` why the outputs before refused it for its content, if they did.
  void attempt(std::size_t level, SharedBatch batch, std::vector<std::uint32_t> indexes,
               std::vector<std::optional<WriteStatus>> refusals, StatusTable table, Ack ack) {
    child(level).write(
        batch, Ack([this, level, batch, indexes = std::move(indexes),
                    refusals = std::move(refusals), table = std::move(table),
                    ack = std::move(ack)](const WriteResult& result) mutable {
          std::vector<std::uint32_t> left;
          std::vector<std::optional<WriteStatus>> why;
          Batch next;
          for (std::uint32_t i = 0; i < indexes.size(); ++i) {
            const WriteStatus& status = result.of(i);
            const auto before = level == 0 ? std::nullopt : std::move(refusals[i]);
            const bool set_aside = before && status.outcome == Outcome::delivered;
            table.replace(indexes[i], set_aside ? dead_lettered(*before) : status);
            if (level + 1 == size() || !moves_on(status)) continue;
            left.push_back(indexes[i]);
            why.push_back(before || !is_refused(status) ? before : std::optional(status));
            add_with_reason((*batch)[i], status, "fallback_error", next);
          }
          if (left.empty()) return ack(std::move(table).finish());
          attempt(level + 1, std::make_shared<const Batch>(std::move(next)), std::move(left),
                  std::move(why), std::move(table), std::move(ack));
        }));
  }

  /// A message that the outputs before refused, and not for trouble of their own, was set aside.
  static WriteStatus dead_lettered(const WriteStatus& refusal) {
    return {Outcome::dead_lettered, refusal.error, refusal.refusal};
  }

  // Being stopped is no failure of the output: the sender still has the message.
  static bool moves_on(const WriteStatus& status) {
    return status.outcome == Outcome::failed &&
           !(status.error && status.error->fault() == Fault::cancelled);
  }
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  std::vector<std::unique_ptr<Output>> outputs;
  for (std::size_t i = 0; i < config.outputs.size(); ++i) {
    outputs.push_back(TRY(context.output(std::to_string(i), config.outputs[i].node)));
  }
  if (outputs.empty()) return invalid("fallback needs at least one output");
  return std::make_unique<Fallback>(std::move(outputs));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType fallback_output;
constinit const OutputType fallback_output = component_type<schema, make, check>({
    .name = "fallback",
    .categories = "Utility",
    .summary = "Writes messages that one output failed to the next of a list.",
    .description = R"md(
Only the messages of a batch that failed go on, with the reason as metadata `fallback_error`. One
that was refused for its content, or whose processing failed (`reject_errored`), counts as
dead-lettered where it ends up. An output that retries for ever never fails, so the first should have
a limit.
)md",
});

}  // namespace tollgate
