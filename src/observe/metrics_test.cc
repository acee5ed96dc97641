#include "observe/metrics.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>
#include <thread>

namespace tollgate {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A logger whose lines can be read.
class ReadableLog {
 public:
  ReadableLog() {
    path_ = ::testing::TempDir() + "tollgate_metrics_XXXXXX";
    close(mkstemp(path_.data()));
    options_.file = path_;
    options_.add_timestamp = false;
    options_.static_fields.clear();
  }
  ~ReadableLog() { unlink(path_.c_str()); }
  Logger logger() { return Logger::open(options_).value(); }
  std::string text() const {
    std::ifstream file(path_);
    return (std::ostringstream() << file.rdbuf()).str();
  }

 private:
  std::string path_;
  LogOptions options_;
};

TEST(Counter, AddsWholeAndPartialAmounts) {
  Counter counter;
  counter.add();
  counter.add(2.5);
  counter.add_count(10);
  EXPECT_EQ(counter.value(), 13.5);
  counter.add(-1);
  counter.add(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(counter.value(), 13.5);
}

TEST(Counter, LosesNothingBetweenThreads) {
  Counter counter;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 20; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          counter.add();
          counter.add(0.5);
        }
      });
    }
  }
  EXPECT_EQ(counter.value(), 30000);
}

TEST(Gauge, SetsAndAdds) {
  Gauge gauge;
  gauge.set(5);
  gauge.add(-7.5);
  EXPECT_EQ(gauge.value(), -2.5);
}

TEST(Timer, IsEmptyAtFirst) {
  const Timer timer;
  EXPECT_EQ(timer.count(), 0u);
  EXPECT_EQ(timer.sum_ns(), 0);
  EXPECT_TRUE(std::isnan(timer.quantile_ns(0.5)));
  EXPECT_EQ(timer.count_below(1e18), 0u);
}

TEST(Timer, TellsConstantDurationsExactly) {
  for (const std::int64_t ns : {0l, 1l, 31l, 32l, 63l, 64l, 1500000000l,
                                std::numeric_limits<std::int64_t>::max()}) {
    Timer timer;
    for (int i = 0; i < 10; ++i) timer.record(std::chrono::nanoseconds(ns));
    for (const double q : {0.0, 0.5, 0.99, 1.0}) {
      EXPECT_EQ(timer.quantile_ns(q), static_cast<double>(ns)) << ns;
    }
  }
}

TEST(Timer, CountsNegativeDurationsAsZero) {
  Timer timer;
  timer.record(-5ns);
  EXPECT_EQ(timer.sum_ns(), 0);
  EXPECT_EQ(timer.quantile_ns(1), 0);
}

TEST(Timer, EstimatesQuantilesWithinABucket) {
  std::mt19937_64 random(3);
  std::lognormal_distribution<double> spread(std::log(1e6), 2);
  Timer timer;
  std::vector<double> sample;
  for (int i = 0; i < 20000; ++i) {
    const auto ns = static_cast<std::int64_t>(spread(random));
    sample.push_back(static_cast<double>(ns));
    timer.record(std::chrono::nanoseconds(ns));
  }
  std::ranges::sort(sample);
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = sample[static_cast<std::size_t>(q * 20000)];
    EXPECT_NEAR(timer.quantile_ns(q), exact, exact * 0.04) << q;
  }
  for (const double bound : {1e4, 1e6, 3.3e7}) {
    const auto above = std::ranges::upper_bound(sample, bound);
    const auto exact = static_cast<double>(above - sample.begin());
    EXPECT_NEAR(static_cast<double>(timer.count_below(bound)), exact, 20000 * 0.01) << bound;
  }
}

TEST(Timer, CountsExactlyAtItsBounds) {
  Timer timer({100, 200, 300});
  for (const int ns : {100, 101, 200, 250, 300, 301, 1000}) {
    timer.record(std::chrono::nanoseconds(ns));
  }
  EXPECT_EQ(timer.count_below(100), 1u);
  EXPECT_EQ(timer.count_below(200), 3u);
  EXPECT_EQ(timer.count_below(300), 5u);
  EXPECT_EQ(timer.count(), 7u);
}

TEST(Timer, RecordsFromManyThreads) {
  Timer timer({5e5});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) timer.record(std::chrono::microseconds(i));
      });
    }
    for (int i = 0; i < 200; ++i) {
      const auto below = timer.count_below(5e5);
      EXPECT_LE(below, timer.count());
      timer.quantile_ns(0.5);
    }
  }
  EXPECT_EQ(timer.count(), 4000u);
  EXPECT_EQ(timer.count_below(5e5), 4u * 501);
  EXPECT_EQ(timer.count_below(1e18), 4000u);
  EXPECT_EQ(timer.sum_ns(), 4 * 499500e3);
}

TEST(Registry, GivesTheSameHandleForTheSameSeries) {
  MetricsRegistry registry{Logger()};
  Counter& counter = registry.counter("c", {{"b", "1"}, {"a", "2"}});
  EXPECT_EQ(&counter, &registry.counter("c", {{"a", "2"}, {"b", "1"}}));
  EXPECT_NE(&counter, &registry.counter("c", {{"a", "3"}, {"b", "1"}}));
  counter.add(4);
  const auto series = registry.series();
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0].labels, (Labels{{"a", "2"}, {"b", "1"}}));
  EXPECT_EQ(series[0].value, 4);
}

TEST(Registry, RefusesWhatCannotBePrintedTogether) {
  struct {
    std::string name;
    Labels labels;
    Series::Type type;
    std::string complaint;
  } const rows[] = {
      {.name = "c", .labels = {}, .type = Series::Type::gauge,
       .complaint = "Metric 'c' is a counter already and cannot be a gauge"},
      {.name = "c", .labels = {{"x", "y"}}, .type = Series::Type::counter,
       .complaint = "Metrics label mismatch 0 [] versus 1 [x] for name 'c'"},
      {.name = "l", .labels = {{"b", ""}}, .type = Series::Type::counter,
       .complaint = "Metrics label mismatch 1 [a] versus 1 [b] for name 'l'"},
      {.name = "a-b", .labels = {}, .type = Series::Type::counter,
       .complaint = "Metric 'a-b' collides with metric 'a_b'"},
      {.name = "t_count", .labels = {}, .type = Series::Type::counter,
       .complaint = "Metric 't_count' collides with timer 't'"},
      {.name = "u", .labels = {}, .type = Series::Type::timer,
       .complaint = "Timer 'u' collides with metric 'u_sum'"},
      {.name = "", .labels = {}, .type = Series::Type::counter,
       .complaint = "A metric needs a name"},
      {.name = "d", .labels = {{"a-", ""}, {"a_", ""}}, .type = Series::Type::counter,
       .complaint = "are not distinct names"},
      {.name = "q", .labels = {{"quantile", ""}}, .type = Series::Type::timer,
       .complaint = "is reserved"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.complaint);
    ReadableLog log;
    MetricsRegistry registry(log.logger());
    registry.counter("c");
    registry.counter("l", {{"a", ""}});
    registry.counter("a_b");
    registry.counter("u_sum");
    registry.timer("t");
    const auto before = print_prometheus(registry, {});
    for (int twice = 0; twice < 2; ++twice) {
      switch (row.type) {
        case Series::Type::counter: registry.counter(row.name, row.labels).add(5); break;
        case Series::Type::gauge: registry.gauge(row.name, row.labels).set(5); break;
        case Series::Type::timer: registry.timer(row.name, row.labels).record(5ns); break;
      }
    }
    EXPECT_EQ(print_prometheus(registry, {}), before);
    EXPECT_THAT(log.text(), HasSubstr(row.complaint));
    EXPECT_EQ(std::ranges::count(log.text(), '\n'), 1);
  }
}

TEST(Registry, ReadsGaugeFunctionsWhenAsked) {
  MetricsRegistry registry{Logger()};
  double depth = 1;
  registry.gauge_function("depth", {}, [&] { return depth; });
  EXPECT_EQ(registry.series()[0].value, 1);
  depth = 2;
  EXPECT_EQ(registry.series()[0].value, 2);
  registry.gauge_function("depth", {}, nullptr);
  depth = 3;
  EXPECT_EQ(registry.series()[0].value, 2);
}

TEST(Registry, UpdatesBeforeReading) {
  MetricsRegistry registry{Logger()};
  Gauge& a = registry.gauge("a");
  Gauge& b = registry.gauge("b");
  registry.before_reading([&] {
    a.add(1);
    b.add(-1);
  });
  std::vector<std::jthread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const auto series = registry.series();
        EXPECT_EQ(series[0].value + series[1].value, 0);
      }
    });
  }
}

TEST(Prometheus, PrintsFamiliesInOrder) {
  MetricsRegistry registry{Logger()};
  registry.counter("my_counter", {{"quote", "a\"b\\c\nd"}, {"uni", "\u00e9\t"}}).add(36);
  registry.counter("my_counter", {{"quote", ""}, {"uni", "z"}}).add(1.5);
  registry.gauge("my_gauge").set(123456789);
  registry.gauge("infinite").set(-INFINITY);
  registry.gauge("nan").set(NAN);
  registry.counter("input_received", {{"label", ""}, {"path", "root.input"}}).add(2695050);
  registry.counter("bad-name \u00e9", {{"bad:label", ""}}).add(1);
  for (int i = 0; i < 4; ++i) registry.timer("latency_ns").record(1500ms);
  registry.timer("unused_ns");
  EXPECT_EQ(print_prometheus(registry, {}), R"(# HELP bad_name__ Counter of this configuration.
# TYPE bad_name__ counter
bad_name__{bad_label=""} 1
# HELP infinite Gauge of this configuration.
# TYPE infinite gauge
infinite -Inf
# HELP input_received Messages read by the input.
# TYPE input_received counter
input_received{label="",path="root.input"} 2.69505e+06
# HELP latency_ns Timing of this configuration.
# TYPE latency_ns summary
latency_ns{quantile="0.5"} 1.5e+09
latency_ns{quantile="0.9"} 1.5e+09
latency_ns{quantile="0.99"} 1.5e+09
latency_ns_sum 6e+09
latency_ns_count 4
# HELP my_counter Counter of this configuration.
# TYPE my_counter counter
my_counter{quote="",uni="z"} 1.5
my_counter{quote="a\"b\\c\nd",uni="é	"} 36
# HELP my_gauge Gauge of this configuration.
# TYPE my_gauge gauge
my_gauge 1.23456789e+08
# HELP nan Gauge of this configuration.
# TYPE nan gauge
nan NaN
# HELP unused_ns Timing of this configuration.
# TYPE unused_ns summary
unused_ns{quantile="0.5"} NaN
unused_ns{quantile="0.9"} NaN
unused_ns{quantile="0.99"} NaN
unused_ns_sum 0
unused_ns_count 0
)");
}

TEST(Prometheus, PrintsHistogramsInSeconds) {
  MetricsRegistry registry{Logger()};
  registry.set_histogram_bounds({1e-7, 0.1, 1.5, 1e7});
  Timer& timer = registry.timer("latency_ns", {{"a", "b"}});
  timer.record(100ns);
  timer.record(1500ms);
  timer.record(2s);
  EXPECT_EQ(print_prometheus(registry, {.histograms = true, .buckets = {1e-7, 0.1, 1.5, 1e7}}),
            R"(# HELP latency_ns Timing of this configuration.
# TYPE latency_ns histogram
latency_ns_bucket{a="b",le="1e-07"} 1
latency_ns_bucket{a="b",le="0.1"} 1
latency_ns_bucket{a="b",le="1.5"} 2
latency_ns_bucket{a="b",le="1e+07"} 3
latency_ns_bucket{a="b",le="+Inf"} 3
latency_ns_sum{a="b"} 3.5000001
latency_ns_count{a="b"} 3
)");
  EXPECT_THAT(print_prometheus(registry, {.histograms = true}),
              AllOf(HasSubstr("le=\"0.005\"} 1\n"), HasSubstr("le=\"10\"} 3\n")));
}

TEST(Prometheus, TellsAboutTheProcess) {
  MetricsRegistry registry{Logger()};
  registry.counter("zebra");
  const std::string text = print_prometheus(registry, {.process_metrics = true});
  for (const std::string_view name :
       {"process_cpu_seconds_total", "process_max_fds", "process_open_fds",
        "process_resident_memory_bytes", "process_start_time_seconds",
        "process_virtual_memory_bytes", "process_virtual_memory_max_bytes"}) {
    EXPECT_THAT(text, HasSubstr(fmt::format("\n{} ", name)));
  }
  EXPECT_THAT(text, StartsWith("# HELP process_cpu_seconds_total "));
  EXPECT_THAT(print_prometheus(registry, {}), Not(HasSubstr("process_")));
}

TEST(JsonMetrics, PrintsOneObjectSortedByKey) {
  MetricsRegistry registry{Logger()};
  EXPECT_EQ(print_json_metrics(registry), "{}");
  registry.counter("my_counter", {{"quote", "a\"b\\c\nd<"}, {"uni", "\u00e9\t"}}).add(35);
  registry.gauge("my_gauge").set(1.5);
  registry.gauge("my_gauge2", {{"a", ""}}).set(123456789);
  registry.gauge("nan").set(NAN);
  registry.timer("t_ns").record(1500ms);
  registry.timer("unused_ns");
  EXPECT_EQ(print_json_metrics(registry),
            R"({"my_counter{quote=\"a\\\"b\\\\c\\nd\u003c\",uni=\"\\u00e9\\t\"}":35,)"
            R"("my_gauge":1.5,"my_gauge2{a=\"\"}":123456789,"nan":0,)"
            R"("t_ns":{"p50":1500000000,"p90":1500000000,"p99":1500000000},)"
            R"("unused_ns":{"p50":0,"p90":0,"p99":0}})");
}

}  // namespace
}  // namespace tollgate
