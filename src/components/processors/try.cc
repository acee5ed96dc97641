// try: runs processors on each message until one of them fails.

#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::vector<ChildProcessor> processors;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::processors, "The processors to run, in order."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class Try final : public Processor {
 public:
  explicit Try(const std::vector<ProcessorFactory>& children) : children_(children) {}
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    return children_.run_each(std::move(batch), out, ChildList::Stop::at_failure);
  }

 private:
  ChildList children_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [children = TRY(context.processors("", config.processors))] {
    return std::make_unique<Try>(children);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType try_processor;
constinit const ProcessorType try_processor = component_type<schema, make>({
    .name = "try",
    .categories = "Composition",
    .summary = "Runs processors on each message alone and skips the rest once one of them fails.",
    .description = R"md(
A message that was flagged as failed before the `try` skips all of it. The flag stays; follow with
`catch` to handle it.
)md",
});

}  // namespace tollgate
