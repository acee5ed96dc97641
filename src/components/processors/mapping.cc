// mapping, bloblang, mutation: the mapping language as processors.
//
// `mapping` (and its older name `bloblang`) builds a new message and leaves the old one alone when
// it fails; `mutation` edits in place and keeps partial edits. A message that fails is flagged and
// goes on, as everywhere.

#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  MappingText mapping;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("", &Config::mapping, "The mapping to run on each message."),
  };
  return fields;
}

/// The older name may be left empty by the lint's rules, and then does not build.
struct OlderConfig {
  MappingText mapping;
};

const Schema<OlderConfig>& older_schema() {
  static const Schema<OlderConfig> fields{
      field("", &OlderConfig::mapping, "The mapping to run on each message."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class MappingProcessor final : public Processor {
 public:
  struct Node {
    std::shared_ptr<const Mapping> mapping;
    bool in_place;
    ErrorSource source;
    Logger logger;
  };

  explicit MappingProcessor(std::shared_ptr<const Node> node) : node_(std::move(node)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (node_->in_place) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        settle(node_->mapping->mutate(batch, i), batch[i]);
      }
    } else if (bytes_alone_ && !node_->mapping->reads_other_messages()) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        settle(node_->mapping->encode(batch, i, *scratch_), batch[i]);
        scratch_->reset();
      }
      if (scratch_->footprint() > kMostScratch) scratch_.emplace();
    } else if (!node_->mapping->reads_other_messages()) {
      // A message is not touched before its mapping succeeded, so it can be its own target.
      for (std::size_t i = 0; i < batch.size(); ++i) {
        settle(node_->mapping->map(batch, i, batch[i]), batch[i]);
      }
    } else {
      // Every message is mapped against the batch as it came in, which `from()` may read.
      std::vector<Message> mapped;
      mapped.reserve(batch.size());
      for (std::size_t i = 0; i < batch.size(); ++i) {
        Message message = batch[i].copy();
        settle(node_->mapping->map(batch, i, message), message);
        mapped.push_back(std::move(message));
      }
      for (std::size_t i = 0; i < batch.size(); ++i) {
        mapped[i].receipt = std::move(batch[i].receipt);
      }
      batch.messages() = std::move(mapped);
    }
    std::erase_if(batch.messages(), [](Message& message) {
      if (message.collapsed != 0) return false;
      message.receipt.resolve(Outcome::filtered);
      return true;
    });
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }

  void expect_bytes_alone() override { bytes_alone_ = true; }

 private:
  void settle(const MapResult& result, Message& message) {
    switch (result.what) {
      case Mapped::failed:
        node_->source.flag(message, result.error);
        node_->logger.error("{}", result.error);
        break;
      case Mapped::deleted: message.collapsed = 0; break;  // removed below, once its receipt is back
      case Mapped::replaced:
      case Mapped::unchanged: break;
    }
  }

  /// What one large message may leave behind.
  static constexpr std::size_t kMostScratch = std::size_t{1} << 20;

  const std::shared_ptr<const Node> node_;
  bool bytes_alone_ = false;
  std::optional<Arena> scratch_{std::in_place};  // of one message, if bytes_alone_
};

template <typename Any, bool in_place>
Result<ProcessorFactory> make(Any config, BuildContext& context) {
  if (!config.mapping.mapping) {
    return invalid("failed to parse bloblang mapping '': expected import, map, or assignment, but "
                   "reached end of input");
  }
  using Node = MappingProcessor::Node;
  return [node = std::make_shared<const Node>(
              Node{config.mapping.mapping, in_place, ErrorSource(context), context.logger()})] {
    return std::make_unique<MappingProcessor>(node);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType mapping_processor;
constinit const ProcessorType mapping_processor = component_type<schema, make<Config, false>>({
    .name = "mapping",
    .categories = "Mapping,Parsing",
    .summary = "Builds a new message with a Bloblang mapping.",
    .description = R"md(
The mapping reads the message as it came in, whatever it has assigned so far. When it fails the
message continues unchanged and flagged; see `catch` and `reject_errored`.
)md",
});

extern constinit const ProcessorType bloblang_processor;
constinit const ProcessorType bloblang_processor =
    component_type<older_schema, make<OlderConfig, false>>({
        .name = "bloblang",
        .categories = "Mapping,Parsing",
        .summary = "The older name of `mapping`.",
    });

extern constinit const ProcessorType mutation_processor;
constinit const ProcessorType mutation_processor = component_type<schema, make<Config, true>>({
    .name = "mutation",
    .categories = "Mapping,Parsing",
    .summary = "Edits the message in place with a Bloblang mapping.",
    .description = R"md(
The document starts as the message's and later statements see earlier edits. When it fails the
message keeps the edits made until then, and is flagged.
)md",
});

}  // namespace tollgate
