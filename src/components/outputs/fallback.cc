// fallback: a list of outputs, each taking what the one before failed.

#include <algorithm>

#include "component/build_context.h"
#include "component/intake_tools.h"
#include "component/write_results.h"

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
    attempt(0, std::move(batch), all_indexes(messages), StatusTable(messages), std::move(ack));
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
  /// Writes `batch` to output `level`. `indexes` says which message of the table each of it is.
  void attempt(std::size_t level, SharedBatch batch, std::vector<std::uint32_t> indexes,
               StatusTable table, Ack ack) {
    child(level).write(batch, Ack([this, level, batch, indexes = std::move(indexes),
                                   table = std::move(table),
                                   ack = std::move(ack)](const WriteResult& result) mutable {
                         std::vector<std::uint32_t> left;
                         Batch next;
                         for (std::uint32_t i = 0; i < indexes.size(); ++i) {
                           const WriteStatus& status = result.of(i);
                           table.replace(indexes[i], status);
                           if (level + 1 == size() || !moves_on(status)) continue;
                           left.push_back(indexes[i]);
                           add_failed((*batch)[i], status, next);
                         }
                         if (left.empty()) return ack(std::move(table).finish());
                         attempt(level + 1, std::make_shared<const Batch>(std::move(next)),
                                 std::move(left), std::move(table), std::move(ack));
                       }));
  }

  // Being stopped is no failure of the output: the sender still has the message.
  static bool moves_on(const WriteStatus& status) {
    return status.outcome == Outcome::failed &&
           !(status.error && status.error->fault() == Fault::cancelled);
  }

  // The batch is shared and constant, so the note goes on a copy.
  static void add_failed(const Message& message, const WriteStatus& status, Batch& next) {
    Message copy = message.copy();
    Message& moved = next.add(copy.move_to(next.memory()));
    moved.set_metadata("fallback_error",
                       Value::string(status.error ? status.error->message() : "failed"));
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
Only the messages of a batch that failed go on, with the reason as metadata `fallback_error`. An
output that retries for ever never fails, so the first should have a limit.
)md",
});

}  // namespace tollgate
