#include <chrono>

#include "pipeline/observed.h"

namespace tollgate {

namespace {

using Clock = std::chrono::steady_clock;

/// The series of one cache operation.
struct Operation {
  Operation(BuildContext& context, const char* name)
      : success(context.counter("cache_success", {{"operation", name}})),
        error(context.counter("cache_error", {{"operation", name}})),
        latency(context.timer("cache_latency_ns", {{"operation", name}})) {}

  template <typename T>
  Result<T> count(Result<T> result, Clock::time_point begun) {
    latency.record(Clock::now() - begun);
    (result ? success : error).add_count(1);
    return result;
  }

  Counter &success, &error;
  Timer& latency;
};

class ObservedCache final : public Cache {
 public:
  ObservedCache(std::unique_ptr<Cache> child, BuildContext& context)
      : child_(std::move(child)),
        get_(context, "get"),
        set_(context, "set"),
        add_(context, "add"),
        delete_(context, "delete"),
        not_found_(context.counter("cache_not_found", {{"operation", "get"}})),
        duplicate_(context.counter("cache_duplicate", {{"operation", "add"}})) {}

  Result<std::optional<std::string>> get(std::string_view key) override {
    const auto begun = Clock::now();
    auto found = child_->get(key);
    if (!found || *found) return get_.count(std::move(found), begun);
    get_.latency.record(Clock::now() - begun);
    not_found_.add_count(1);
    return found;
  }
  Result<> set(std::string_view key, std::string_view value, Ttl ttl) override {
    const auto begun = Clock::now();
    return set_.count(child_->set(key, value, ttl), begun);
  }
  Result<bool> add(std::string_view key, std::string_view value, Ttl ttl) override {
    const auto begun = Clock::now();
    auto added = child_->add(key, value, ttl);
    if (!added || *added) return add_.count(std::move(added), begun);
    add_.latency.record(Clock::now() - begun);
    duplicate_.add_count(1);
    return added;
  }
  Result<> remove(std::string_view key) override {
    const auto begun = Clock::now();
    return delete_.count(child_->remove(key), begun);
  }

 private:
  const std::unique_ptr<Cache> child_;
  Operation get_, set_, add_, delete_;
  Counter &not_found_, &duplicate_;
};

class ObservedRateLimit final : public RateLimit {
 public:
  ObservedRateLimit(std::unique_ptr<RateLimit> child, BuildContext& context)
      : child_(std::move(child)),
        checked_(context.counter("rate_limit_checked")),
        triggered_(context.counter("rate_limit_triggered")),
        error_(context.counter("rate_limit_error")) {}

  Result<std::chrono::nanoseconds> access() override {
    checked_.add_count(1);
    auto wait = child_->access();
    if (!wait) {
      error_.add_count(1);
    } else if (wait->count() > 0) {
      triggered_.add_count(1);
    }
    return wait;
  }

 private:
  const std::unique_ptr<RateLimit> child_;
  Counter &checked_, &triggered_, &error_;
};

}  // namespace

std::unique_ptr<Cache> observe_cache(std::unique_ptr<Cache> cache, BuildContext& context) {
  return std::make_unique<ObservedCache>(std::move(cache), context);
}

std::unique_ptr<RateLimit> observe_rate_limit(std::unique_ptr<RateLimit> limit,
                                              BuildContext& context) {
  return std::make_unique<ObservedRateLimit>(std::move(limit), context);
}

}  // namespace tollgate
