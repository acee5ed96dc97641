// sync_response: makes a batch the answer to the request it came from.

#include <algorithm>

#include "component/build_context.h"
#include "component/output.h"
#include "component/write_results.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  Node ignored = Node::map({});
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::ignored, "An empty object.").type_name("object"),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class SyncResponse final : public Output {
 public:
  void write(SharedBatch batch, Ack ack) override {
    // A batch may have been gathered of several requests; each gets its own messages.
    std::vector<std::pair<ResponseStore*, std::vector<std::uint32_t>>> groups;
    StatusTable table(batch->size());
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      ResponseStore* store = (*batch)[i].response.get();
      if (!store) {
        table.replace(i, {Outcome::failed,
                          Error(Fault::invalid, "result store not found within batch context"),
                          Refusal::none});
        continue;
      }
      auto group = std::ranges::find(groups, store, [](const auto& each) { return each.first; });
      if (group == groups.end()) group = groups.insert(groups.end(), {store, {}});
      group->second.push_back(i);
    }
    for (const auto& [store, indexes] : groups) store->add(*part_of(batch, indexes));
    ack(std::move(table).finish());
  }
};

Result<std::unique_ptr<Output>> make(Config, BuildContext&) {
  return std::make_unique<SyncResponse>();
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType sync_response_output;
constinit const OutputType sync_response_output = component_type<schema, make>({
    .name = "sync_response",
    .categories = "Utility",
    .summary = "Answers the request that a batch came from with the batch.",
    .description = R"md(
The answer is sent once all messages of the request are settled. Inputs that cannot answer make this
output fail.
)md",
});

}  // namespace tollgate
