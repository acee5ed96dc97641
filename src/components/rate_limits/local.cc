// local: permits per window of time, counted in this process.

#include <memory>
#include <mutex>

#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::int64_t count = 1000;
  Duration interval = "1s";
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("count", &Config::count, "Permits in a window."),
      field("interval", &Config::interval, "The length of a window."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.count <= 0) {
    context.error(body["count"].position(), "count must be larger than zero");
  }
}

// Implementation ----------------------------------------------------------------------------------

/// A window starts with the first request after the one before it ran out.
class LocalRateLimit final : public RateLimit {
 public:
  LocalRateLimit(std::int64_t count, std::chrono::nanoseconds window)
      : count_(count), window_(window), left_(count) {}

  Result<std::chrono::nanoseconds> access() override {
    std::lock_guard lock(lock_);
    if (left_ == 0) {
      const auto now = Clock::now();
      const auto wait = window_ - (now - started_);
      if (wait.count() > 0) return wait;
      left_ = count_;
      started_ = now;
    }
    --left_;
    return std::chrono::nanoseconds(0);
  }

 private:
  using Clock = std::chrono::steady_clock;

  const std::int64_t count_;
  const std::chrono::nanoseconds window_;
  std::mutex lock_;
  std::int64_t left_;                           // guarded by lock_
  Clock::time_point started_ = Clock::now();    // guarded by lock_
};

Result<std::unique_ptr<RateLimit>> make(Config config, BuildContext&) {
  if (config.count <= 0) return invalid("count must be larger than zero");
  return std::make_unique<LocalRateLimit>(config.count, config.interval.value);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const RateLimitType local_rate_limit;
constinit const RateLimitType local_rate_limit = component_type<schema, make, check>({
    .name = "local",
    .summary = "Allows so many accesses in each window of time, in this process.",
});

}  // namespace tollgate
