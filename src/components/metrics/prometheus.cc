// prometheus: offers all metrics in Prometheus' text format, and may push or dump them.

#include <algorithm>
#include <fstream>
#include <memory>

#include "component/build_context.h"
#include "component/resource.h"
#include "components/metrics/periodic.h"
#include "net/http_client.h"
#include "value/encoding.h"

namespace tollgate {
namespace {

constexpr std::string_view kTextFormat = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::chrono::seconds kPushTimeout{5};

// Configuration -----------------------------------------------------------------------------------

struct Objective {
  double quantile = 0;
  double error = 0;
};

struct BasicAuth {
  std::string username;
  std::string password;
};

struct Config {
  bool use_histogram_timing = false;
  std::vector<double> histogram_buckets;
  std::vector<Objective> summary_quantiles_objectives{{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}};
  bool add_process_metrics = false;
  bool add_go_metrics = false;
  std::optional<std::string> push_url;
  std::optional<Duration> push_interval;
  std::string push_job_name = "benthos_push";
  BasicAuth push_basic_auth;
  std::string file_output_path;

  bool pushes() const { return push_url && !push_url->empty(); }
};

const Schema<Objective>& objective_schema() {
  static const Schema<Objective> fields{
      field("quantile", &Objective::quantile, "The quantile, from 0 to 1.").advanced(),
      field("error", &Objective::error,
            "Accepted for compatibility. Quantiles are within 3 % of the true value.")
          .advanced(),
  };
  return fields;
}

const Schema<BasicAuth>& basic_auth_schema() {
  static const Schema<BasicAuth> fields{
      field("username", &BasicAuth::username, "The user name.").advanced(),
      field("password", &BasicAuth::password, "The password.").advanced().secret(),
  };
  return fields;
}

/// A list that replaces its default instead of adding to it.
Field<Config> objectives_field() {
  auto made = sections("summary_quantiles_objectives", &Config::summary_quantiles_objectives,
                       objective_schema(), "Which quantiles of timings to print in summaries.")
                  .advanced();
  std::vector<Node> defaults;
  for (const auto& [quantile, error] : Config().summary_quantiles_objectives) {
    defaults.push_back(
        Node::map({{"quantile", {}, Node::of(quantile)}, {"error", {}, Node::of(error)}}));
  }
  made.spec.default_value = Node::list(std::move(defaults));
  made.read = [inner = made.read](const Node& node, Config& out, ReadContext& context) {
    out.summary_quantiles_objectives.clear();
    inner(node, out, context);
  };
  return made;
}

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("use_histogram_timing", &Config::use_histogram_timing,
            "Print timings as histograms in seconds instead of summaries in nanoseconds. Their "
            "names keep the suffix `_ns`.")
          .advanced(),
      field("histogram_buckets", &Config::histogram_buckets,
            "The upper bounds of the histograms' buckets in seconds. Empty: Prometheus' defaults, "
            "from 5 ms to 10 s.")
          .advanced(),
      objectives_field(),
      field("add_process_metrics", &Config::add_process_metrics,
            "Add what the kernel tells about this process (`process_…`).")
          .advanced(),
      field("add_go_metrics", &Config::add_go_metrics,
            "Accepted for compatibility. There is no Go runtime that could be described.")
          .advanced(),
      field("push_url", &Config::push_url, "The address of a Push Gateway to send metrics to.")
          .advanced(),
      field("push_interval", &Config::push_interval,
            "How often to push. Unset: only when the collector stops.")
          .advanced(),
      field("push_job_name", &Config::push_job_name, "The job that pushed metrics belong to.")
          .advanced(),
      section("push_basic_auth", &Config::push_basic_auth, basic_auth_schema(),
              "Credentials for the Push Gateway.")
          .advanced(),
      field("file_output_path", &Config::file_output_path,
            "A file to write all metrics to when the collector stops.")
          .advanced(),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  const auto& bounds = config.histogram_buckets;
  if (std::ranges::adjacent_find(bounds, std::ranges::greater_equal()) != bounds.end()) {
    context.error(body["histogram_buckets"].position(),
                  "histogram_buckets must be in ascending order");
  }
  for (const Objective& objective : config.summary_quantiles_objectives) {
    if (!(objective.quantile >= 0 && objective.quantile <= 1)) {
      context.error(body["summary_quantiles_objectives"].position(),
                    fmt::format("quantile {} is not between 0 and 1", objective.quantile));
    }
  }
  if (config.push_interval && config.push_interval->is_set() &&
      config.push_interval->value.count() <= 0) {
    context.error(body["push_interval"].position(), "push_interval must be more than zero");
  }
}

// Implementation ----------------------------------------------------------------------------------

/// "http://gateway:9091/metrics/job/name"; names that a path cannot hold go as base64.
std::string push_address(std::string url, const std::string& job) {
  if (!url.contains("://")) url.insert(0, "http://");
  if (url.ends_with('/')) url.pop_back();
  const bool plain = !job.empty() && std::ranges::all_of(job, [](unsigned char c) {
    return std::isalnum(c) || std::string_view("-_.~").contains(static_cast<char>(c));
  });
  if (plain) return url + "/metrics/job/" + job;
  std::string encoded;
  append_base64(encoded, job, {.url = true, .padded = false});
  return url + "/metrics/job@base64/" + (encoded.empty() ? "=" : encoded);
}

class Prometheus final : public MetricsExporter {
 public:
  Prometheus(const Config& config, BuildContext& context)
      : registry_(context.metrics()),
        client_(context.http_client()),
        logger_(context.logger()),
        file_(config.file_output_path) {
    options_.histograms = config.use_histogram_timing;
    options_.buckets = config.histogram_buckets;
    options_.process_metrics = config.add_process_metrics;
    options_.quantiles.clear();
    for (const Objective& objective : config.summary_quantiles_objectives) {
      options_.quantiles.push_back(objective.quantile);
    }
    std::ranges::sort(options_.quantiles);
    if (config.use_histogram_timing) {
      context.metrics().set_histogram_bounds(
          options_.buckets.empty() ? default_histogram_bounds() : options_.buckets);
    }
    if (!config.pushes()) return;
    push_address_ = push_address(*config.push_url, config.push_job_name);
    const auto& [username, password] = config.push_basic_auth;
    if (!username.empty() || !password.empty()) {
      authorization_ = "Basic ";
      append_base64(authorization_, username + ":" + password);
    }
    if (config.push_interval && config.push_interval->is_set()) {
      periodic_.emplace(context.timers(), config.push_interval->value, [this] { push(); });
    }
  }

  Result<> start() override {
    if (periodic_) periodic_->start();
    return {};
  }

  void stop() override {
    if (periodic_) periodic_->stop();
    if (!push_address_.empty()) report(logger_, client_.fetch(push_request()));
    if (file_.empty()) return;
    std::ofstream out(file_, std::ios::binary | std::ios::trunc);
    out << print_prometheus(registry_, options_) << std::flush;
    if (!out) logger_.error("Failed to write metrics to file {}", file_);
  }

  std::optional<std::string> page(std::string& content_type) override {
    content_type = kTextFormat;
    return print_prometheus(registry_, options_);
  }

 private:
  HttpRequest push_request() const {
    HttpRequest request;
    request.method = "PUT";
    request.url = push_address_;
    request.headers.emplace_back("Content-Type", kTextFormat);
    if (!authorization_.empty()) request.headers.emplace_back("Authorization", authorization_);
    request.body = print_prometheus(registry_, options_);
    request.timeout = kPushTimeout;
    return request;
  }

  void push() {
    client_.send(push_request(), [logger = logger_](Result<HttpResponse> response) {
      report(logger, response);
    });
  }

  static void report(const Logger& logger, const Result<HttpResponse>& response) {
    if (!response) {
      logger.error("Failed to push metrics: {}", response.error().message());
    } else if (response->status < 200 || response->status > 299) {
      logger.error("Failed to push metrics: the gateway answered {}", response->status_line());
    }
  }

  const MetricsRegistry& registry_;
  HttpClient& client_;
  const Logger logger_;
  const std::string file_;
  PrometheusOptions options_;
  std::string push_address_;   // empty: no pushes
  std::string authorization_;  // empty: none
  std::optional<Periodic> periodic_;
};

Result<std::unique_ptr<MetricsExporter>> make(Config config, BuildContext& context) {
  return std::make_unique<Prometheus>(config, context);
}

std::vector<ComponentExample> examples() {
  return {{"Histograms", "Print timings as histograms with buckets of one's own.", R"yaml(
metrics:
  prometheus:
    use_histogram_timing: true
    histogram_buckets: [ 0.01, 0.1, 1, 10 ]
)yaml"}};
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const MetricsType prometheus_metrics;
constinit const MetricsType prometheus_metrics = component_type<schema, make, check>({
    .name = "prometheus",
    .summary = "Offers all metrics in Prometheus' text format at `/metrics` and `/stats`.",
    .description = R"md(
Names keep the form they have elsewhere; characters that the text format does not allow become
underscores. Timings are summaries over the last ten minutes unless histograms are asked for.

The metrics can also be pushed to a Push Gateway, at an interval and when the collector stops, and
be written to a file when it stops.
)md",
    .examples = examples,
});

}  // namespace tollgate
