// parallel: like for_each, several messages at once.

#include <memory>

#include "components/processors/parallel_children.h"

namespace tollgate {
namespace {

struct Config {
  std::int64_t cap = 0;
  std::vector<ChildProcessor> processors;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("cap", &Config::cap, "How many messages at once at most; 0 is 64."),
      required("processors", &Config::processors, "What to run on each message."),
  };
  return fields;
}

class Parallel final : public Processor {
 public:
  Parallel(const std::vector<ProcessorFactory>& processors, std::int64_t cap)
      : children_(processors, cap) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    return children_.run(std::move(batch), out, [](ChildList& children, Batch one, Batch& made) {
      return children.run(std::move(one), made);
    });
  }

 private:
  ParallelChildren children_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [processors = TRY(context.processors("processors", config.processors)),
          cap = config.cap] { return std::make_unique<Parallel>(processors, cap); };
}

}  // namespace

extern constinit const ProcessorType parallel_processor;
constinit const ProcessorType parallel_processor = component_type<schema, make>({
    .name = "parallel",
    .categories = "Composition",
    .summary = "Runs processors on the messages of a batch at the same time, each alone.",
    .description = R"md(
For processors that wait for others, such as `http`. The results keep the order of the messages.
)md",
    .blocking = true,
});

}  // namespace tollgate
