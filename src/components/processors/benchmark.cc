// benchmark: logs and counts how many messages and bytes pass.

#include <atomic>
#include <memory>
#include <mutex>

#include "component/build_context.h"
#include "component/processor.h"
#include "runtime/timer_queue.h"
#include "value/number.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  Duration interval = "5s";
  bool count_bytes = true;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("interval", &Config::interval, "How often to log; 0s is only at the end."),
      field("count_bytes", &Config::count_bytes, "Whether bytes are counted too."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

/// 82854982 as "83 MB", 1234 as "1.2 kB".
std::string human_bytes(double bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) bytes /= 1000, ++unit;
  return fmt::format("{:.{}f} {}", bytes, bytes < 10 && unit > 0 ? 1 : 0, kUnits[unit]);
}

std::string human_number(double number) {
  std::string text = fmt::format("{:.6f}", number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

/// What all instances of a node count in. Logs at each interval while it lives, and at its end.
class Meter : public std::enable_shared_from_this<Meter> {
 public:
  Meter(const Config& config, BuildContext& context)
      : interval_(config.interval.value),
        count_bytes_(config.count_bytes),
        timers_(interval_.count() > 0 ? &context.timers() : nullptr),
        logger_(context.logger()),
        messages_per_second_(context.gauge("benchmark_messages_per_second")),
        bytes_per_second_(context.gauge("benchmark_bytes_per_second")),
        messages_total_(context.counter("benchmark_messages_total")),
        bytes_total_(context.counter("benchmark_bytes_total")) {}

  ~Meter() { report("total", messages_, bytes_, TimerQueue::Clock::now() - start_); }

  bool counts_bytes() const { return count_bytes_; }

  void add(std::uint64_t messages, std::uint64_t bytes) {
    messages_ += messages;
    bytes_ += bytes;
    messages_total_.add_count(messages);
    bytes_total_.add_count(bytes);
  }

  void schedule() {
    if (!timers_) return;
    timers_->after(interval_, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->report_rolling();
      self->schedule();
    });
  }

 private:
  void report_rolling() {
    const std::uint64_t messages = messages_, bytes = bytes_;
    report("rolling", messages - reported_messages_, bytes - reported_bytes_, interval_);
    reported_messages_ = messages;
    reported_bytes_ = bytes;
  }

  void report(std::string_view window, std::uint64_t messages, std::uint64_t bytes,
              std::chrono::nanoseconds elapsed) {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    if (seconds <= 0) return;
    const double message_rate = static_cast<double>(messages) / seconds;
    const double byte_rate = static_cast<double>(bytes) / seconds;
    messages_per_second_.set(message_rate);
    bytes_per_second_.set(byte_rate);
    std::string text = fmt::format("{} stats: {} msg/sec", window, human_number(message_rate));
    std::vector<LogField> fields{{"msg/sec", human_number(message_rate)}};
    if (count_bytes_) {
      text += fmt::format(", {}/sec", human_bytes(byte_rate));
      fields.push_back({"bytes/sec", human_number(byte_rate)});
    }
    logger_.write(LogLevel::info, text, fields);
  }

  const std::chrono::nanoseconds interval_;
  const bool count_bytes_;
  TimerQueue* const timers_;
  const Logger logger_;
  Gauge& messages_per_second_;
  Gauge& bytes_per_second_;
  Counter& messages_total_;
  Counter& bytes_total_;
  const TimerQueue::Clock::time_point start_ = TimerQueue::Clock::now();
  std::atomic<std::uint64_t> messages_{0}, bytes_{0};
  std::uint64_t reported_messages_ = 0, reported_bytes_ = 0;  // timer thread only
};

class Benchmark final : public Processor {
 public:
  explicit Benchmark(std::shared_ptr<Meter> meter) : meter_(std::move(meter)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    std::uint64_t bytes = 0;
    if (meter_->counts_bytes()) {
      for (Message& message : batch) bytes += message.bytes().size();
    }
    meter_->add(batch.size(), bytes);
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }

 private:
  const std::shared_ptr<Meter> meter_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  auto meter = std::make_shared<Meter>(config, context);
  meter->schedule();
  return [meter = std::move(meter)] { return std::make_unique<Benchmark>(meter); };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType benchmark_processor;
constinit const ProcessorType benchmark_processor = component_type<schema, make>({
    .name = "benchmark",
    .categories = "Utility",
    .summary = "Logs how many messages and bytes pass each second, and counts them.",
    .description = R"md(
Counters: `benchmark_messages_total`, `benchmark_bytes_total`; gauges:
`benchmark_messages_per_second`, `benchmark_bytes_per_second`.
)md",
    .rerunnable = false,
});

}  // namespace tollgate
