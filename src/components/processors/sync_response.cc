// sync_response: makes messages the answer to the request they came from, and passes them on.

#include <map>
#include <memory>

#include "component/build_context.h"
#include "component/processor.h"

namespace tollgate {
namespace {

struct Config {
  Node ignored = Node::map({});
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::ignored, "Has no fields.").type_name("object"),
  };
  return fields;
}

class SyncResponse final : public Processor {
 public:
  Result<> process(Batch batch, std::vector<Batch>& out) override {
    // A batch may have been gathered of several requests; each gets its own messages.
    std::map<ResponseStore*, Batch> answers;
    for (const Message& message : batch) {
      if (!message.response) continue;
      answers.try_emplace(message.response.get(), batch.shared_memory())
          .first->second.add(message.copy());
    }
    for (auto& [store, answer] : answers) store->add(answer);
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }
};

Result<ProcessorFactory> make(Config, BuildContext&) {
  return [] { return std::make_unique<SyncResponse>(); };
}

}  // namespace

extern constinit const ProcessorType sync_response_processor;
constinit const ProcessorType sync_response_processor = component_type<schema, make>({
    .name = "sync_response",
    .categories = "Utility",
    .summary = "Makes each message, as it is now, the answer to the request it came from.",
    .description = R"md(
The messages go on. Has no effect for inputs that do not answer.
)md",
    .rerunnable = false,
});

}  // namespace tollgate
