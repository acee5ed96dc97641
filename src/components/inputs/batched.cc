// batched: gathers what a child input gives into batches.

#include "component/build_context.h"
#include "component/input.h"
#include "component/input_batcher.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  ChildInput child;
  BatchPolicyConfig policy;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("child", &Config::child, "The input to read from."),
      section("policy", &Config::policy, batch_policy_schema(), "When a batch is complete."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class Batched final : public Input, private Intake {
 public:
  Batched(std::unique_ptr<Input> child, std::unique_ptr<InputBatcher> batcher)
      : child_(std::move(child)), batcher_(std::move(batcher)) {}

  Result<> start(Intake& intake) override {
    downstream_ = &intake;
    if (batcher_) batcher_->start(intake);
    return child_->start(*this);
  }

  void stop() override {
    child_->stop();
    if (batcher_) batcher_->stop();
  }

  bool connected() const override { return child_->connected(); }

 private:
  Intake& target() { return batcher_ ? batcher_->intake() : *downstream_; }

  Result<> submit(Delivery delivery) override { return target().submit(std::move(delivery)); }
  bool try_submit(Delivery& delivery) override { return target().try_submit(delivery); }
  void exhausted() override {
    if (batcher_) batcher_->intake().exhausted();
    downstream_->exhausted();
  }
  void ended() override { downstream_->ended(); }

  const std::unique_ptr<Input> child_;
  const std::unique_ptr<InputBatcher> batcher_;  // null if the policy asks for nothing
  Intake* downstream_ = nullptr;
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  auto child = TRY(context.input("child", config.child.node));
  std::unique_ptr<InputBatcher> batcher;
  if (config.policy.active()) batcher = TRY(InputBatcher::build(config.policy, context));
  return std::make_unique<Batched>(std::move(child), std::move(batcher));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType batched_input;
constinit const InputType batched_input = component_type<schema, make>({
    .name = "batched",
    .categories = "Utility",
    .summary = "Gathers the messages of a child input into batches.",
    .description = R"md(
Each message is acknowledged or rejected to the child by itself.
)md",
});

}  // namespace tollgate
