#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "bloblang/bloblang.h"

namespace tollgate {

/// Label names and values, sorted by name.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// A monotone sum in one cell per thread group, so that threads do not share a cache line.
class Counter {
 public:
  static constexpr std::size_t kShards = 8;
  void add(double amount = 1);
  void add_count(std::uint64_t amount);
  double value() const;

 private:
  struct alignas(64) Shard {
    std::atomic<std::uint64_t> whole{0};
    std::atomic<double> fraction{0};
  };
  Shard shards_[kShards];
};

/// A value that goes up and down.
class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount);
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Durations in nanoseconds: count, sum, and a distribution in logarithmic buckets (about 3 % wide)
/// over a sliding window of ten minutes for quantiles. Recording takes no lock.
class Timer {
 public:
  /// `bounds`: ascending durations in nanoseconds for which count_below() is exact.
  explicit Timer(std::vector<double> bounds = {});
  ~Timer();
  void record(std::chrono::nanoseconds duration);
  std::uint64_t count() const;
  double sum_ns() const;
  /// The q-quantile of the window in nanoseconds; NaN if it is empty.
  double quantile_ns(double q) const;
  /// How many ever recorded were at most `bound_ns`, for histograms; estimated within a bucket if
  /// it is none of the bounds. Read before count(), it is never greater.
  std::uint64_t count_below(double bound_ns) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One time series as an exporter sees it.
struct Series {
  enum class Type : std::uint8_t { counter, gauge, timer };
  std::string name;
  Labels labels;
  Type type;
  const Counter* counter = nullptr;
  const Gauge* gauge = nullptr;
  const Timer* timer = nullptr;
  double value = 0;  ///< of a counter or gauge; all series of one reading belong together
};

/// All series of a process. Handles stay valid as long as the registry; the same name and labels
/// give the same handle. A name used with another type or other label names is refused: the caller
/// gets a handle that is counted nowhere, and one log line says so. Any thread.
class MetricsRegistry {
 public:
  explicit MetricsRegistry(Logger logger);
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  /// `metrics.mapping`: renames, relabels or suppresses each series as it is created. Call it
  /// before any series is.
  void set_mapping(std::shared_ptr<const Mapping> mapping);
  /// Timers created from now on count exactly at these durations (seconds, ascending).
  void set_histogram_bounds(const std::vector<double>& seconds);

  Counter& counter(std::string_view name, const Labels& labels = {});
  Gauge& gauge(std::string_view name, const Labels& labels = {});
  Timer& timer(std::string_view name, const Labels& labels = {});

  /// A gauge computed when it is read; an empty `read` ends that, and is not running afterwards.
  /// `read` must not use the registry.
  void gauge_function(std::string_view name, const Labels& labels, std::function<double()> read);
  /// `update` runs before each reading of all series, to bring several of them up to date together.
  /// It must not use the registry.
  void before_reading(std::function<void()> update);

  /// Every visible series, sorted by name then labels.
  std::vector<Series> series() const;

 private:
  struct Entry;
  struct Family;
  struct Renamed {
    std::string name;
    Labels labels;
    bool suppressed = false;
  };
  Entry& entry(std::string_view name, const Labels& labels, Series::Type type);
  Entry& create(const std::string& name, const Labels& labels, Series::Type type);
  std::string refusal(const Renamed& renamed, Series::Type type) const;

  Logger logger_;
  std::function<Renamed(const std::string& name, const Labels& labels)> rename_;
  std::vector<double> bounds_ns_;
  mutable std::mutex lock_;
  // Guarded by lock_. Several callers' names may be one visible series, and some are none.
  std::map<std::pair<std::string, Labels>, std::shared_ptr<Entry>> entries_;  // by callers' names
  std::map<std::pair<std::string, Labels>, std::shared_ptr<Entry>> visible_;  // by mapped names
  std::map<std::string, Family> families_;                                    // by printed name
  mutable std::mutex reading_;                                                // before lock_
  std::map<Gauge*, std::function<double()>> functions_;                       // guarded by reading_
  std::vector<std::function<void()>> updates_;                                // guarded by reading_
};

/// `name` with what Prometheus' text format does not allow replaced by underscores.
std::string prometheus_name(std::string_view name, bool colons = true);

/// What an exporter prints; the `prometheus`, `json_api` and `logger` components use these.
struct PrometheusOptions {
  bool histograms = false;             ///< timers as histograms in seconds, else summaries in ns
  std::vector<double> buckets;         ///< seconds; empty: Prometheus' defaults
  std::vector<double> quantiles{0.5, 0.9, 0.99};
  bool process_metrics = false;        ///< process_cpu_seconds_total, process_resident_memory_bytes …
};
std::string print_prometheus(const MetricsRegistry& registry, const PrometheusOptions& options);
std::string print_json_metrics(const MetricsRegistry& registry);

/// What a built-in metric counts, for the HELP line; empty for others.
std::string_view metric_help(std::string_view name);
/// Prometheus' default histogram bounds in seconds.
const std::vector<double>& default_histogram_bounds();

}  // namespace tollgate
