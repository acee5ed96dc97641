// branch: runs processors on a message made of each message, and maps the result back into it.

#include <algorithm>
#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  MappingText request_map;
  std::vector<ChildProcessor> processors;
  MappingText result_map;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("request_map", &Config::request_map,
            "Makes the message for the processors; empty: a copy. `root = deleted()` leaves a "
            "message out of the branch."),
      required("processors", &Config::processors, "What to run on the branch messages."),
      field("result_map", &Config::result_map,
            "Writes the result into the original: `this` and `content()` are the result, `root` "
            "is the original document. Empty: the result is thrown away."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (body["processors"] && config.processors.empty()) {
    context.error(body["processors"].position(),
                  "the branch processor requires at least one child processor");
  }
}

// Implementation ----------------------------------------------------------------------------------

/// Does not name a source, whoever failed inside.
void flag(Message& message, std::string_view prefix, std::string_view text) {
  message.set_error(concat(message.memory().arena, {prefix, ": ", text}));
}

class Branch final : public Processor {
 public:
  Branch(std::shared_ptr<const Mapping> request_map,
         const std::vector<ProcessorFactory>& processors,
         std::shared_ptr<const Mapping> result_map, Logger logger)
      : request_map_(std::move(request_map)),
        result_map_(std::move(result_map)),
        processors_(processors),
        logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    std::vector<std::size_t> origins;  // whom request i was made of
    std::vector<std::string_view> request_errors(batch.size());
    Batch requests = make_requests(batch, origins, request_errors);
    const std::size_t asked = requests.size();

    Batch results(batch.shared_memory());
    if (asked > 0) {
      if (auto ran = processors_.run(std::move(requests), results); !ran) {
        batch.fail(ran.error());
        return ran;
      }
    }
    if (const std::string mismatch = compare_counts(asked, results.size()); !mismatch.empty()) {
      logger_.error("Failed to align branch result: {}. Filters, splits and archives belong before "
                    "or after the branch.", mismatch);
      for (Message& message : batch) message.set_error(mismatch);
    } else {
      overlay(batch, std::move(results), origins);
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!request_errors[i].empty()) {
        flag(batch[i], "request mapping failed", request_errors[i]);
      }
    }
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }

 private:
  /// The branch messages: without receipts, since the originals stay, and without old failures.
  Batch make_requests(Batch& batch, std::vector<std::size_t>& origins,
                      std::vector<std::string_view>& errors) const {
    Batch requests(batch.shared_memory());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Message request = batch[i].copy();
      request.clear_error();
      request.identity = spawn(batch[i]);
      request.draws = 0;
      if (request_map_) {
        request.set_bytes("");
        const MapResult mapped = request_map_->map(batch, i, request);
        if (mapped.what == Mapped::failed) {
          errors[i] = mapped.error;
          continue;
        }
        if (mapped.what == Mapped::deleted) continue;
      }
      origins.push_back(i);
      requests.add(std::move(request));
    }
    return requests;
  }

  static std::string compare_counts(std::size_t asked, std::size_t answered) {
    if (asked == answered) return {};
    if (answered == 0) return "child processors resulted in zero messages";
    // The incumbent confuses the two numbers, and mappings may look at the text.
    return "message count from branch processors does not match request, started with " +
           std::to_string(answered) + " messages, finished with " + std::to_string(asked);
  }

  void overlay(Batch& batch, Batch results, const std::vector<std::size_t>& origins) const {
    // The result map sees results at the positions of their originals, and empty messages at those
    // of messages that were left out.
    Batch aligned(batch.shared_memory());
    std::vector<bool> usable(batch.size(), false);
    std::size_t next = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (next == origins.size() || origins[next] != i) {
        aligned.add().set_bytes("");
        continue;
      }
      Message result = std::move(results[next++]);
      if (result.error()) {
        flag(batch[i], "processors failed", result.error()->text);
      } else {
        usable[i] = true;
      }
      aligned.add(std::move(result));
    }
    if (!result_map_) return;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (usable[i]) overlay_one(batch[i], aligned, i);
    }
  }

  void overlay_one(Message& original, Batch& results, std::size_t index) const {
    Message target = original.copy();
    const MapResult mapped = result_map_->overlay(results, index, target);
    if (mapped.what == Mapped::failed) {
      logger_.error("Branch error: result mapping failed: {}", mapped.error);
      flag(original, "result mapping failed", mapped.error);
    } else if (mapped.what != Mapped::deleted) {
      target.receipt = std::move(original.receipt);
      original = std::move(target);
    }
  }

  const std::shared_ptr<const Mapping> request_map_;
  const std::shared_ptr<const Mapping> result_map_;
  ChildList processors_;
  const Logger logger_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [request_map = config.request_map.mapping,
          processors = TRY(context.processors("processors", config.processors)),
          result_map = config.result_map.mapping, logger = context.logger()] {
    return std::make_unique<Branch>(request_map, processors, result_map, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType branch_processor;
constinit const ProcessorType branch_processor = component_type<schema, make, check>({
    .name = "branch",
    .categories = "Composition",
    .summary = "Runs processors on a message made for them and maps the result back.",
    .description = R"md(
The original message stays as it is but for what `result_map` writes. The processors must give as
many messages as they got, in the same order.

When anything fails, the original is flagged and unchanged; the text begins with
`request mapping failed`, `processors failed` or `result mapping failed`.
)md",
});

}  // namespace tollgate
