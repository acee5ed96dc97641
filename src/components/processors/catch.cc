// catch: runs processors on messages that failed, then clears every failure flag of the batch.

#include <algorithm>
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
      field("", &Config::processors, "The processors to run on failed messages, in order."),
  };
  return fields;
}

void check(const Config&, const Node& body, ReadContext& context) {
  for (const Node& child : body.items()) {
    const Node nested = child["try"];
    if (nested.is(Node::Kind::list) || child["type"].text() == "try") {
      context.error(nested ? nested.position() : child.position(),
                    "'catch' block contains a 'try' block which will never execute due to errors "
                    "only being cleared at the end of the 'catch'; put an empty 'catch: []' "
                    "before the 'try' to clear them");
    }
  }
}

// Implementation ----------------------------------------------------------------------------------

class Catch final : public Processor {
 public:
  explicit Catch(const std::vector<ProcessorFactory>& children) : children_(children) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (std::ranges::none_of(batch, [](const Message& m) { return m.error() != nullptr; })) {
      if (!batch.empty()) out.push_back(std::move(batch));
      return {};
    }
    Batch joined(batch.shared_memory());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!batch[i].error()) {
        joined.add(std::move(batch[i]));
      } else if (auto done = children_.run(take_one(batch, i), joined); !done) {
        joined.fail(done.error());
        batch.fail(done.error());
        return done;
      }
    }
    for (Message& message : joined) message.clear_error();
    if (!joined.empty()) out.push_back(std::move(joined));
    return {};
  }

 private:
  ChildList children_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [children = TRY(context.processors("", config.processors))] {
    return std::make_unique<Catch>(children);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType catch_processor;
constinit const ProcessorType catch_processor = component_type<schema, make, check>({
    .name = "catch",
    .categories = "Composition",
    .summary = "Runs processors on messages that failed earlier and clears the failure flags.",
    .description = R"md(
The processors run on each failed message alone, which stays flagged (`error()` tells why) until
all of them are done. Then the flags of the whole batch are cleared, also if a processor inside
failed again. With an empty list it only clears them.
)md",
});

}  // namespace tollgate
