#include <cmath>

#include "observe/metrics.h"
#include "observe/process_metrics.h"
#include "value/number.h"

namespace tollgate {

namespace {

void append_number(std::string& out, double number) {
  if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number > 0 ? "+Inf" : "-Inf";
  } else {
    append_go_float(out, number);
  }
}

std::string number_text(double number) {
  std::string text;
  append_number(text, number);
  return text;
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (quotes && c == '"')) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
}

/// `{a="b",…}`, nothing without labels; `extra` comes last unless its name is empty.
void append_labels(std::string& out, const Labels& labels, std::string_view extra = {},
                   std::string_view value = {}) {
  char before = '{';
  const auto append = [&](std::string_view name, std::string_view text) {
    out += before;
    out += name;
    out += "=\"";
    append_escaped(out, text, true);
    out += '"';
    before = ',';
  };
  for (const auto& [name, text] : labels) append(prometheus_name(name, false), text);
  if (!extra.empty()) append(extra, value);
  if (before == ',') out += '}';
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix,
                   const Labels& labels, double value, std::string_view extra = {},
                   std::string_view extra_value = {}) {
  out += name;
  out += suffix;
  append_labels(out, labels, extra, extra_value);
  out += ' ';
  append_number(out, value);
  out += '\n';
}

void append_summary(std::string& out, const std::string& name, const Series& series,
                    const PrometheusOptions& options) {
  for (const double quantile : options.quantiles) {
    append_sample(out, name, "", series.labels, series.timer->quantile_ns(quantile), "quantile",
                  number_text(quantile));
  }
  const double sum = series.timer->sum_ns();
  append_sample(out, name, "_sum", series.labels, sum);
  append_sample(out, name, "_count", series.labels, static_cast<double>(series.timer->count()));
}

void append_histogram(std::string& out, const std::string& name, const Series& series,
                      const PrometheusOptions& options) {
  const auto& bounds = options.buckets.empty() ? default_histogram_bounds() : options.buckets;
  for (const double bound : bounds) {
    append_sample(out, name, "_bucket", series.labels,
                  static_cast<double>(series.timer->count_below(bound * 1e9)), "le",
                  number_text(bound));
  }
  const auto count = static_cast<double>(series.timer->count());
  append_sample(out, name, "_bucket", series.labels, count, "le", "+Inf");
  append_sample(out, name, "_sum", series.labels, series.timer->sum_ns() / 1e9);
  append_sample(out, name, "_count", series.labels, count);
}

std::string_view type_text(Series::Type type, bool histograms) {
  switch (type) {
    case Series::Type::counter: return "counter";
    case Series::Type::gauge: return "gauge";
    case Series::Type::timer: return histograms ? "histogram" : "summary";
  }
  return "untyped";
}

std::string_view generic_help(Series::Type type) {
  switch (type) {
    case Series::Type::counter: return "Counter of this configuration.";
    case Series::Type::gauge: return "Gauge of this configuration.";
    case Series::Type::timer: return "Timing of this configuration.";
  }
  return "";
}

std::string header(std::string_view name, std::string_view help, std::string_view type) {
  std::string out = "# HELP ";
  out += name;
  out += ' ';
  append_escaped(out, help, false);
  out += "\n# TYPE ";
  out += name;
  out += ' ';
  out += type;
  out += '\n';
  return out;
}

}  // namespace

std::string prometheus_name(std::string_view name, bool colons) {
  std::string printable;
  for (const char c : name) {
    if ((static_cast<unsigned char>(c) & 0xc0u) == 0x80u) continue;  // the rest of a character
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9' && !printable.empty();
    printable += letter || digit || (colons && c == ':') ? c : '_';
  }
  return printable;
}

const std::vector<double>& default_histogram_bounds() {
  static const std::vector<double> bounds{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
  return bounds;
}

std::string print_prometheus(const MetricsRegistry& registry, const PrometheusOptions& options) {
  std::map<std::string, std::string> families;  // text by printed name
  for (const Series& series : registry.series()) {
    const std::string name = prometheus_name(series.name);
    std::string& out = families[name];
    if (out.empty()) {
      const auto help = metric_help(series.name);
      out = header(name, help.empty() ? generic_help(series.type) : help,
                   type_text(series.type, options.histograms));
    }
    if (series.type != Series::Type::timer) {
      append_sample(out, name, "", series.labels, series.value);
    } else if (options.histograms) {
      append_histogram(out, name, series, options);
    } else {
      append_summary(out, name, series, options);
    }
  }
  if (options.process_metrics) {
    for (const ProcessMetric& metric : read_process_metrics()) {
      std::string out = header(metric.name, metric.help, metric.is_counter ? "counter" : "gauge");
      append_sample(out, metric.name, "", {}, metric.value);
      families.try_emplace(std::string(metric.name), std::move(out));
    }
  }
  std::string text;
  for (const auto& [name, family] : families) text += family;
  return text;
}

}  // namespace tollgate
