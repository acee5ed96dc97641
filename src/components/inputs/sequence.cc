// sequence: several inputs, one after another.
//
// The next input starts when the one before has no more data, even if some of it is not settled
// yet: an output that waits for a full batch gets the rest of it from the next input.

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "component/build_context.h"
#include "component/input.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct JoinConfig {
  std::string type = "none";
  std::string id_path;
  int iterations = 1;
  std::string merge_strategy = "array";
};

struct Config {
  JoinConfig sharded_join;
  std::vector<ChildInput> inputs;
};

const Schema<JoinConfig>& join_schema() {
  static const Schema<JoinConfig> fields{
      field("type", &JoinConfig::type, "The join; only `none` can be run.")
          .advanced()
          .options({"none", "full-outer", "outer", "full-outter", "outter"}),
      field("id_path", &JoinConfig::id_path, "The path of the documents' common key.").advanced(),
      field("iterations", &JoinConfig::iterations, "How many passes to make.").advanced(),
      field("merge_strategy", &JoinConfig::merge_strategy, "What to do with values that collide.")
          .advanced()
          .options({"array", "replace", "keep"}),
  };
  return fields;
}

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      section("sharded_join", &Config::sharded_join, join_schema(),
              "Joining the documents of all inputs.")
          .advanced(),
      required("inputs", &Config::inputs, "The inputs, in order."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.inputs.empty() && body["inputs"]) {
    context.error(body["inputs"].position(), "requires at least one child input");
  }
  if (config.sharded_join.type != "none") {
    context.error(body["sharded_join"].position(),
                  "sharded_join is not supported: join the documents downstream, for example with "
                  "a cache");
  }
}

// Implementation ----------------------------------------------------------------------------------

class Sequence final : public Input {
 public:
  Sequence(std::vector<std::unique_ptr<Input>> children, Logger logger)
      : children_(std::move(children)), logger_(std::move(logger)) {}
  ~Sequence() override { stop(); }

  Result<> start(Intake& intake) override {
    downstream_ = &intake;
    stopping_ = false;
    places_.clear();
    for (std::size_t i = 0; i < children_.size(); ++i) {
      places_.push_back(std::make_unique<Place>(*this, i + 1 == children_.size()));
    }
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() override {
    {
      std::lock_guard lock(lock_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  /// What one child submits to.
  struct Place final : Intake {
    Place(Sequence& sequence, bool is_last) : owner(sequence), last(is_last) {}

    Result<> submit(Delivery delivery) override {
      return owner.downstream_->submit(std::move(delivery));
    }
    bool try_submit(Delivery& delivery) override { return owner.downstream_->try_submit(delivery); }
    void exhausted() override {
      mark(dry);
      if (last) owner.downstream_->exhausted();
    }
    void ended() override { mark(done); }
    void mark(bool& flag) {
      std::lock_guard lock(owner.lock_);
      flag = true;
      owner.changed_.notify_all();
    }

    Sequence& owner;
    const bool last;
    bool dry = false;   // guarded by owner.lock_; it has no more data
    bool done = false;  // guarded by owner.lock_; and everything is settled
  };

  void run() {
    std::size_t started = 0;
    std::unique_lock lock(lock_);
    for (; started < children_.size() && !stopping_; ++started) {
      Place& place = *places_[started];
      lock.unlock();
      const auto begun = children_[started]->start(place);
      lock.lock();
      if (!begun) {
        logger_.error("Failed to start input {}: {}", started, begun.error().message());
        place.done = true;
      }
      changed_.wait(lock, [&] { return stopping_ || place.dry || place.done; });
    }
    changed_.wait(lock, [&] {
      return stopping_ || std::ranges::all_of(places_, [](const auto& p) { return p->done; });
    });
    const bool finished = !stopping_;
    lock.unlock();
    for (std::size_t i = 0; i < started; ++i) children_[i]->stop();
    if (!finished) return;
    logger_.info("Exhausted all sequence inputs, shutting down.");
    downstream_->ended();
  }

  const std::vector<std::unique_ptr<Input>> children_;
  const Logger logger_;
  Intake* downstream_ = nullptr;
  std::vector<std::unique_ptr<Place>> places_;
  std::thread thread_;
  std::mutex lock_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by lock_
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  std::vector<std::unique_ptr<Input>> children;
  for (std::size_t i = 0; i < config.inputs.size(); ++i) {
    children.push_back(TRY(context.input("", config.inputs[i].node)));
  }
  return std::make_unique<Sequence>(std::move(children), context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType sequence_input;
constinit const InputType sequence_input = component_type<schema, make, check>({
    .name = "sequence",
    .categories = "Utility",
    .summary = "Reads several inputs, one after another.",
});

}  // namespace tollgate
