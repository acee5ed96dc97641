// schedule: lets a child input give one batch at each tick.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "component/build_context.h"
#include "component/input.h"
#include "value/duration.h"
#include "value/timestamp.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  ChildInput input;
  Duration interval;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("input", &Config::input, "The input to read from."),
      required("interval", &Config::interval, "The time between two reads."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (body["interval"] && config.interval.value.count() <= 0) {
    context.error(body["interval"].position(), "interval must be longer than zero");
  }
}

// Implementation ----------------------------------------------------------------------------------

class Schedule final : public Input, private Intake {
 public:
  Schedule(std::unique_ptr<Input> child, std::chrono::nanoseconds interval)
      : child_(std::move(child)), interval_(interval) {
    append_duration(interval_text_, interval.count());
  }

  Result<> start(Intake& intake) override {
    downstream_ = &intake;
    {
      std::lock_guard lock(lock_);
      stopping_ = false;
      next_ = Clock::now() + interval_;
    }
    return child_->start(*this);
  }

  void stop() override {
    {
      std::lock_guard lock(lock_);
      stopping_ = true;
    }
    changed_.notify_all();
    child_->stop();
  }

  bool connected() const override { return child_->connected(); }

 private:
  using Clock = std::chrono::steady_clock;

  // Ticks that nobody waited for are one tick, as long as it was not taken.
  void take_tick() {
    const auto now = Clock::now();
    next_ += interval_ * ((now - next_) / interval_ + 1);
  }

  Result<> submit(Delivery delivery) override {
    {
      std::unique_lock lock(lock_);
      while (!stopping_ && Clock::now() < next_) changed_.wait_until(lock, next_);
      if (stopping_) return cancelled("the collector is stopping");
      take_tick();
    }
    return downstream_->submit(marked(std::move(delivery)));
  }

  bool try_submit(Delivery& delivery) override {
    std::unique_lock lock(lock_);
    if (stopping_ || Clock::now() < next_) return false;
    const std::size_t stages = delivery.stages.size();
    delivery.stages.push_back(mark());
    if (!downstream_->try_submit(delivery)) {
      delivery.stages.resize(stages);
      return false;
    }
    take_tick();
    return true;
  }

  void exhausted() override { downstream_->exhausted(); }
  void ended() override { downstream_->ended(); }

  std::function<Result<>(Batch, std::vector<Batch>&)> mark() const {
    std::string time;
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
    append_rfc3339(time, Timestamp{.seconds = now.count()});
    return [time, interval = interval_text_](Batch batch, std::vector<Batch>& out) -> Result<> {
      for (Message& message : batch) {
        message.set_metadata("schedule_time", Value::string(time));
        message.set_metadata("schedule_interval", Value::string(interval));
      }
      out.push_back(std::move(batch));
      return {};
    };
  }

  Delivery marked(Delivery delivery) const {
    delivery.stages.push_back(mark());
    return delivery;
  }

  const std::unique_ptr<Input> child_;
  const std::chrono::nanoseconds interval_;
  std::string interval_text_;
  Intake* downstream_ = nullptr;
  std::mutex lock_;
  std::condition_variable changed_;
  bool stopping_ = false;    // guarded by lock_
  Clock::time_point next_;   // guarded by lock_
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  if (config.interval.value.count() <= 0) return invalid("interval must be longer than zero");
  auto child = TRY(context.input("input", config.input.node));
  return std::make_unique<Schedule>(std::move(child), config.interval.value);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType schedule_input;
constinit const InputType schedule_input = component_type<schema, make, check>({
    .name = "schedule",
    .status = "beta",
    .categories = "Utility",
    .summary = "Reads one batch of a child input at each tick of an interval.",
    .description = R"md(
Each message has the metadata `schedule_time` (RFC 3339, UTC) and `schedule_interval`.
)md",
});

}  // namespace tollgate
