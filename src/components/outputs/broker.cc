// broker: one output made of several, by one of six patterns.

#include <algorithm>
#include <atomic>
#include <mutex>

#include "component/build_context.h"
#include "component/retrying_output.h"
#include "component/write_results.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  int copies = 1;
  std::string pattern = "fan_out";
  std::vector<ChildOutput> outputs;
  BatchPolicyConfig batching;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("copies", &Config::copies, "How many times to make each of the outputs.").advanced(),
      field("pattern", &Config::pattern, "How messages are shared out.")
          .options({"fan_out", "fan_out_fail_fast", "fan_out_sequential",
                    "fan_out_sequential_fail_fast", "round_robin", "greedy"}),
      required("outputs", &Config::outputs, "The outputs."),
      section("batching", &Config::batching, batch_policy_schema(),
              "How to gather messages into batches before they are shared out."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.outputs.empty() && body["outputs"]) {
    context.error(body["outputs"].position(),
                  "attempting to create broker output type with no outputs");
  }
  if (config.copies < 1) {
    context.error(body["copies"].position(), "copies must be at least 1");
  }
}

// Implementation ----------------------------------------------------------------------------------

/// Every output gets every message, all at the same time.
class FanOut final : public OutputGroup {
 public:
  using OutputGroup::OutputGroup;

  void write(SharedBatch batch, Ack ack) override {
    struct Shared {
      Shared(std::size_t messages, std::size_t outputs, Ack to_answer)
          : indexes(all_indexes(messages)),
            table(messages),
            ack(std::move(to_answer)),
            open(outputs) {}
      const std::vector<std::uint32_t> indexes;
      std::mutex lock;
      StatusTable table;  // guarded by lock
      Ack ack;
      std::atomic<std::size_t> open;
    };
    auto shared = std::make_shared<Shared>(batch->size(), size(), std::move(ack));
    for (std::size_t i = 0; i < size(); ++i) {
      child(i).write(batch, Ack([shared](const WriteResult& result) {
                       {
                         std::lock_guard hold(shared->lock);
                         shared->table.worsen(shared->indexes, result);
                       }
                       if (--shared->open == 0) shared->ack(std::move(shared->table).finish());
                     }));
    }
  }
};

/// Every output gets every message, each output after the one before accepted it.
class FanOutSequential final : public OutputGroup {
 public:
  using OutputGroup::OutputGroup;

  void write(SharedBatch batch, Ack ack) override {
    const std::size_t messages = batch->size();
    next(0, std::move(batch), all_indexes(messages), StatusTable(messages), std::move(ack));
  }

 private:
  // `indexes` are the messages of `batch` that no output failed so far.
  void next(std::size_t level, SharedBatch batch, std::vector<std::uint32_t> indexes,
            StatusTable table, Ack ack) {
    if (level == size() || indexes.empty()) return ack(std::move(table).finish());
    SharedBatch part = part_of(batch, indexes);
    child(level).write(
        std::move(part),
        Ack([this, level, batch = std::move(batch), indexes = std::move(indexes),
             table = std::move(table), ack = std::move(ack)](const WriteResult& result) mutable {
          table.worsen(indexes, result);
          std::vector<std::uint32_t> left;
          for (std::uint32_t i = 0; i < indexes.size(); ++i) {
            if (result.of(i).outcome != Outcome::failed) left.push_back(indexes[i]);
          }
          next(level + 1, std::move(batch), std::move(left), std::move(table), std::move(ack));
        }));
  }
};

/// Each batch goes to one output: the next in turn, or the one with the least to do.
class OneOfMany final : public OutputGroup {
 public:
  OneOfMany(std::vector<std::unique_ptr<Output>> outputs, bool greedy)
      : OutputGroup(std::move(outputs)), greedy_(greedy) {
    for (std::size_t i = 0; i < size(); ++i) {
      in_flight_.push_back(std::make_shared<std::atomic<std::size_t>>(0));
    }
  }

  void write(SharedBatch batch, Ack ack) override {
    const std::size_t chosen = greedy_ ? least_busy() : turn_.fetch_add(1) % size();
    auto counter = in_flight_[chosen];
    ++*counter;
    child(chosen).write(std::move(batch), Ack([counter, ack = std::move(ack)](
                                                  WriteResult result) mutable {
                          --*counter;
                          ack(std::move(result));
                        }));
  }

  bool saturated() const override {
    if (!greedy_) return child(turn_.load() % size()).saturated();
    for (std::size_t i = 0; i < size(); ++i) {
      if (!child(i).saturated()) return false;
    }
    return true;
  }

 private:
  std::size_t least_busy() {
    const std::size_t first = turn_.fetch_add(1) % size();
    std::size_t best = first;
    auto rank = [&](std::size_t i) {
      return std::pair(child(i).saturated(), in_flight_[i]->load());
    };
    auto best_rank = rank(first);
    for (std::size_t k = 1; k < size(); ++k) {
      const std::size_t i = (first + k) % size();
      if (const auto each = rank(i); each < best_rank) {
        best = i;
        best_rank = each;
      }
    }
    return best;
  }

  const bool greedy_;
  std::atomic<std::size_t> turn_{0};
  std::vector<std::shared_ptr<std::atomic<std::size_t>>> in_flight_;
};

std::unique_ptr<Output> combine(const std::string& pattern,
                                std::vector<std::unique_ptr<Output>> outputs) {
  if (outputs.size() == 1) return std::move(outputs.front());
  if (pattern.starts_with("fan_out_sequential")) {
    return std::make_unique<FanOutSequential>(std::move(outputs));
  }
  if (pattern.starts_with("fan_out")) return std::make_unique<FanOut>(std::move(outputs));
  return std::make_unique<OneOfMany>(std::move(outputs), pattern == "greedy");
}

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  const bool retries = config.pattern == "fan_out" || config.pattern == "fan_out_sequential";
  std::vector<std::unique_ptr<Output>> outputs;
  for (int copy = 0; copy < config.copies; ++copy) {
    for (std::size_t i = 0; i < config.outputs.size(); ++i) {
      auto output =
          TRY(context.output("outputs." + std::to_string(i), config.outputs[i].node));
      if (retries) {
        output = std::make_unique<RetryingOutput>(std::move(output), RetryingOutput::Options{},
                                                  context.timers(), context.logger());
      }
      outputs.push_back(std::move(output));
    }
  }
  if (outputs.empty()) return invalid("attempting to create broker output type with no outputs");
  return context.batched(combine(config.pattern, std::move(outputs)), config.batching);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType broker_output;
constinit const OutputType broker_output = component_type<schema, make, check>({
    .name = "broker",
    .categories = "Utility",
    .summary = "Shares messages out to several outputs.",
    .description = R"md(
- `fan_out`: every output gets every message. One that fails is written again, for ever, without
  bothering the others.
- `fan_out_fail_fast`: the same, but a message that one output fails is rejected.
- `fan_out_sequential`, `fan_out_sequential_fail_fast`: an output gets a message after the one
  before accepted it.
- `round_robin`: batches go to the outputs in turn.
- `greedy`: a batch goes to the output with the least to do.
)md",
});

}  // namespace tollgate
