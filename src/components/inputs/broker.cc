// broker: several inputs at the same time, merged into one.

#include <algorithm>
#include <atomic>

#include "component/build_context.h"
#include "component/input.h"
#include "component/input_batcher.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  int copies = 1;
  std::vector<ChildInput> inputs;
  BatchPolicyConfig batching;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("copies", &Config::copies, "How many times to make each of the inputs.").advanced(),
      required("inputs", &Config::inputs, "The inputs."),
      section("batching", &Config::batching, batch_policy_schema(),
              "How to gather the merged messages into batches."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.inputs.empty() && body["inputs"]) {
    context.error(body["inputs"].position(),
                  "attempting to create broker input type with no inputs");
  }
  if (config.copies < 1) {
    context.error(body["copies"].position(), "copies must be at least 1");
  }
}

// Implementation ----------------------------------------------------------------------------------

class Broker final : public Input {
 public:
  Broker(std::vector<std::unique_ptr<Input>> children, std::unique_ptr<InputBatcher> batcher)
      : batcher_(std::move(batcher)) {
    for (auto& child : children) {
      children_.push_back(std::make_unique<Child>(*this, std::move(child)));
    }
  }

  Result<> start(Intake& intake) override {
    downstream_ = &intake;
    running_ = children_.size();
    giving_ = children_.size();
    started_ = 0;
    if (batcher_) batcher_->start(intake);
    for (const auto& child : children_) {
      TRY(child->input->start(*child));
      ++started_;
    }
    return {};
  }

  void stop() override {
    for (std::size_t i = 0; i < started_; ++i) children_[i]->input->stop();
    started_ = 0;
    if (batcher_) batcher_->stop();
  }

  /// One that ended has nothing more to be connected for.
  bool connected() const override {
    return std::ranges::all_of(children_, [](const auto& child) {
      return child->has_ended || child->input->connected();
    });
  }

 private:
  struct Child final : Intake {
    Child(Broker& broker, std::unique_ptr<Input> made) : owner(broker), input(std::move(made)) {}

    Result<> submit(Delivery delivery) override {
      return owner.target().submit(std::move(delivery));
    }
    bool try_submit(Delivery& delivery) override { return owner.target().try_submit(delivery); }
    void exhausted() override { owner.one_exhausted(); }
    void ended() override {
      has_ended = true;
      owner.one_ended();
    }

    Broker& owner;
    const std::unique_ptr<Input> input;
    std::atomic<bool> has_ended{false};
  };

  Intake& target() { return batcher_ ? batcher_->intake() : *downstream_; }

  void one_exhausted() {
    if (--giving_ > 0) return;
    if (batcher_) batcher_->intake().exhausted();
    downstream_->exhausted();
  }
  void one_ended() {
    if (--running_ == 0) downstream_->ended();
  }

  std::vector<std::unique_ptr<Child>> children_;
  const std::unique_ptr<InputBatcher> batcher_;  // null if the policy asks for nothing
  Intake* downstream_ = nullptr;
  std::size_t started_ = 0;
  std::atomic<std::size_t> running_{0};
  std::atomic<std::size_t> giving_{0};
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  std::vector<std::unique_ptr<Input>> children;
  for (int copy = 0; copy < config.copies; ++copy) {
    for (std::size_t i = 0; i < config.inputs.size(); ++i) {
      children.push_back(
          TRY(context.input("inputs." + std::to_string(i), config.inputs[i].node)));
    }
  }
  if (children.empty()) return invalid("attempting to create broker input type with no inputs");
  std::unique_ptr<InputBatcher> batcher;
  if (config.batching.active()) batcher = TRY(InputBatcher::build(config.batching, context));
  if (children.size() == 1 && !batcher) return std::move(children.front());
  return std::make_unique<Broker>(std::move(children), std::move(batcher));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType broker_input;
constinit const InputType broker_input = component_type<schema, make, check>({
    .name = "broker",
    .categories = "Utility",
    .summary = "Reads several inputs at the same time.",
    .description = R"md(
It ends when all of its inputs ended.
)md",
});

}  // namespace tollgate
