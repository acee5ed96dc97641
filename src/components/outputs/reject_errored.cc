// reject_errored: fails messages that a processor flagged, one by one, and writes the others.

#include <fmt/format.h>

#include "component/build_context.h"
#include "component/write_results.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  ChildOutput output;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("", &Config::output, "The output for messages that did not fail."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class RejectErrored final : public WrappedOutput {
 public:
  using WrappedOutput::WrappedOutput;

  void write(SharedBatch batch, Ack ack) override {
    std::vector<std::uint32_t> good;
    StatusTable table(batch->size());
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      const MessageError* error = (*batch)[i].error();
      if (!error) {
        good.push_back(i);
        continue;
      }
      table.replace(i, {Outcome::failed,
                        Error(Fault::invalid,
                              fmt::format("rejecting due to failed processing: {}", error->text)),
                        Refusal::none});
    }
    if (good.size() == batch->size()) return child().write(std::move(batch), std::move(ack));
    if (good.empty()) return ack(std::move(table).finish());
    SharedBatch part = subset(batch, good);
    child().write(std::move(part), Ack([table = std::move(table), good = std::move(good),
                                        ack = std::move(ack)](const WriteResult& result) mutable {
                    table.worsen(good, result);
                    ack(std::move(table).finish());
                  }));
  }
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  return std::make_unique<RejectErrored>(TRY(context.output("", config.output.node)));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType reject_errored_output;
constinit const OutputType reject_errored_output = component_type<schema, make>({
    .name = "reject_errored",
    .categories = "Utility",
    .summary = "Rejects messages that failed processing and writes the others to its child output.",
});

}  // namespace tollgate
