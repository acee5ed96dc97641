// logger: prints all metrics as log lines, at an interval and at the end.

#include <map>
#include <memory>

#include "component/build_context.h"
#include "component/resource.h"
#include "components/metrics/periodic.h"
#include "value/number.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::optional<Duration> push_interval;
  bool flush_metrics = false;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("push_interval", &Config::push_interval,
            "How often to print. Unset: only when the collector stops."),
      field("flush_metrics", &Config::flush_metrics,
            "Counters start again from zero after each print, and timings that recorded nothing "
            "since the last one are left out."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.push_interval && config.push_interval->is_set() &&
      config.push_interval->value.count() <= 0) {
    context.error(body["push_interval"].position(), "push_interval must be more than zero");
  }
}

// Implementation ----------------------------------------------------------------------------------

LogField number_field(std::string key, double number) {
  LogField field{std::move(key), ""};
  append_go_float(field.value, number);
  if (number - number == 0) append_json_float(field.json, number);  // finite
  return field;
}

class LoggerMetrics final : public MetricsExporter {
 public:
  LoggerMetrics(const Config& config, BuildContext& context)
      : registry_(context.metrics()), logger_(context.logger()), flush_(config.flush_metrics) {
    if (config.push_interval && config.push_interval->is_set()) {
      periodic_.emplace(context.timers(), config.push_interval->value, [this] { print(); });
    }
  }

  Result<> start() override {
    if (periodic_) periodic_->start();
    return {};
  }

  void stop() override {
    if (periodic_) periodic_->stop();
    print();
  }

 private:
  /// On the timer thread, and after that stopped on the one that stops.
  void print() {
    for (const Series& series : registry_.series()) {
      std::vector<LogField> fields;
      for (const auto& [name, value] : series.labels) fields.push_back({name, value});
      fields.push_back({"name", series.name});
      switch (series.type) {
        case Series::Type::counter: print_counter(series, std::move(fields)); break;
        case Series::Type::gauge:
          fields.push_back(number_field("value", series.value));
          logger_.write(LogLevel::info, "Gauge metric", fields);
          break;
        case Series::Type::timer: print_timer(series, std::move(fields)); break;
      }
    }
  }

  void print_counter(const Series& series, std::vector<LogField> fields) {
    double& printed = printed_[series.counter];
    LogField& value = fields.emplace_back(number_field("value", series.value - printed));
    if (!value.json.empty()) value.value = value.json;  // no exponent: counts are read by people
    if (flush_) printed = series.value;
    logger_.write(LogLevel::info, "Counter metric", fields);
  }

  void print_timer(const Series& series, std::vector<LogField> fields) {
    const auto count = static_cast<double>(series.timer->count());
    double& printed = printed_[series.timer];
    if (flush_ && printed == count) return;
    printed = count;
    for (const int percent : {50, 90, 99}) {
      const double quantile = count > 0 ? series.timer->quantile_ns(percent / 100.0) : 0;
      fields.push_back(number_field(fmt::format("p{}", percent), quantile));
    }
    logger_.write(LogLevel::info, "Timing metric", fields);
  }

  const MetricsRegistry& registry_;
  const Logger logger_;
  const bool flush_;
  std::map<const void*, double> printed_;  // counters: what was printed; timers: their count then
  std::optional<Periodic> periodic_;
};

Result<std::unique_ptr<MetricsExporter>> make(Config config, BuildContext& context) {
  return std::make_unique<LoggerMetrics>(config, context);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const MetricsType logger_metrics;
constinit const MetricsType logger_metrics = component_type<schema, make, check>({
    .name = "logger",
    .status = "beta",
    .summary = "Prints all metrics as log lines, at an interval and at the end.",
    .description = R"md(
A line has the metric's `name`, its labels, and its `value`; of a timing, the quantiles `p50`, `p90`
and `p99` of the last ten minutes in nanoseconds.
)md",
});

}  // namespace tollgate
