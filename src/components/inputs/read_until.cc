// read_until: ends a child input when a message passes a check, or when nothing comes for a while.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "component/build_context.h"
#include "component/input.h"
#include "component/intake_tools.h"
#include "net/backoff.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  ChildInput input;
  std::optional<MappingText> check;
  std::optional<Duration> idle_timeout;
  bool restart_input = false;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("input", &Config::input, "The input to read from."),
      field("check", &Config::check, "Gives true for the last message to read."),
      field("idle_timeout", &Config::idle_timeout, "End after this long without a message."),
      field("restart_input", &Config::restart_input,
            "Whether to start the input again if it ends by itself before."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if ((!config.check || !config.check->is_set()) &&
      (!config.idle_timeout || !config.idle_timeout->is_set())) {
    context.error(body.position(),
                  "it is required to set either check or idle_timeout");
  }
}

// Implementation ----------------------------------------------------------------------------------

class ReadUntil final : public Input, private Intake {
 public:
  ReadUntil(std::unique_ptr<Input> child, Config config, Logger logger)
      : child_(std::move(child)), config_(std::move(config)), logger_(std::move(logger)) {}
  ~ReadUntil() override { stop(); }

  Result<> start(Intake& intake) override {
    downstream_ = &intake;
    stopping_ = closed_ = child_ended_ = false;
    outstanding_ = 0;
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() override {
    {
      std::lock_guard lock(lock_);
      stopping_ = true;
      closed_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  bool connected() const override { return child_->connected(); }

 private:
  using Clock = std::chrono::steady_clock;

  void run() {
    Backoff restart({.initial = std::chrono::milliseconds(1),
                     .max = std::chrono::milliseconds(100)});
    std::unique_lock lock(lock_);
    last_message_ = Clock::now();
    while (!closed_) {
      child_ended_ = false;
      lock.unlock();
      const auto begun = child_->start(*this);
      if (!begun) logger_.error("Failed to start input: {}", begun.error().message());
      lock.lock();
      if (!begun) child_ended_ = true;
      wait_for_end(lock);
      lock.unlock();
      child_->stop();
      lock.lock();
      if (closed_ || !config_.restart_input) break;
      changed_.wait_for(lock, *restart.next(), [&] { return closed_; });
    }
    closed_ = true;
    if (stopping_) return;
    lock.unlock();
    downstream_->exhausted();
    lock.lock();
    changed_.wait(lock, [&] { return stopping_ || outstanding_ == 0; });
    if (stopping_) return;
    lock.unlock();
    downstream_->ended();
  }

  void wait_for_end(std::unique_lock<std::mutex>& lock) {
    const auto over = [&] { return closed_ || child_ended_; };
    if (!config_.idle_timeout || !config_.idle_timeout->is_set()) {
      return changed_.wait(lock, over);
    }
    while (!over()) {
      const auto end = last_message_ + config_.idle_timeout->value;
      if (Clock::now() >= end) {
        closed_ = true;
        return;
      }
      changed_.wait_until(lock, end);
    }
  }

  Result<> submit(Delivery delivery) override {
    {
      std::lock_guard lock(lock_);
      if (closed_) return cancelled("the input has ended");
      last_message_ = Clock::now();
    }
    // The check comes here and now, since it decides whether more is read.
    for (Batch& batch : open_fully(std::move(delivery))) {
      const bool final = is_final(batch);
      TRY(downstream_->submit(counted(carrying(std::move(batch)))));
      if (final) close();
    }
    return {};
  }

  bool try_submit(Delivery& delivery) override {
    {
      std::lock_guard lock(lock_);
      // One that is opened cannot be given back, so only one at a time is let in.
      if (closed_ || outstanding_ > 0) return false;
    }
    return submit(std::move(delivery)).has_value();
  }

  void exhausted() override {}
  void ended() override {
    std::lock_guard lock(lock_);
    child_ended_ = true;
    changed_.notify_all();
  }

  bool is_final(Batch& batch) const {
    if (!config_.check || !config_.check->mapping) return false;
    Arena scratch;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto passed = config_.check->mapping->check(batch, i, scratch);
      if (!passed) logger_.error("Failed to execute check query: {}", passed.error().message());
      if (!passed || !*passed) continue;
      batch[i].set_metadata("benthos_read_until", Value::string("final"));
      return true;
    }
    return false;
  }

  Delivery counted(Delivery delivery) {
    std::lock_guard lock(lock_);
    ++outstanding_;
    return observed(std::move(delivery), [this] {
      std::lock_guard held(lock_);
      --outstanding_;
      changed_.notify_all();
    });
  }

  void close() {
    std::lock_guard lock(lock_);
    closed_ = true;
    changed_.notify_all();
  }

  const std::unique_ptr<Input> child_;
  const Config config_;
  const Logger logger_;
  Intake* downstream_ = nullptr;
  std::thread thread_;
  std::mutex lock_;
  std::condition_variable changed_;
  bool stopping_ = false;           // guarded by lock_
  bool closed_ = false;             // guarded by lock_; no more is read
  bool child_ended_ = false;        // guarded by lock_
  std::size_t outstanding_ = 0;     // guarded by lock_
  Clock::time_point last_message_;  // guarded by lock_
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  auto child = TRY(context.input("input", config.input.node));
  return std::make_unique<ReadUntil>(std::move(child), std::move(config), context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType read_until_input;
constinit const InputType read_until_input = component_type<schema, make, check>({
    .name = "read_until",
    .categories = "Utility",
    .summary = "Reads an input until a message passes a check.",
    .description = R"md(
The message that passes is delivered too, with the metadata `benthos_read_until: final`.
)md",
});

}  // namespace tollgate
