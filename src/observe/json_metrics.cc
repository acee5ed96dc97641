#include <fmt/format.h>

#include <cmath>

#include "observe/metrics.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate {

namespace {

/// A label's value in double quotes and ASCII only, so that keys are one line whatever it holds.
std::string quoted_ascii(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  std::string ascii;
  for (std::size_t i = 0; i < json.size();) {
    const auto first = static_cast<unsigned char>(json[i]);
    if (first < 0x80) {
      ascii += json[i++];
      continue;
    }
    // The writer gives valid UTF-8 only.
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    std::uint32_t point = first & (0x7fu >> length);
    for (std::size_t n = 1; n < length; ++n) {
      point = point << 6 | (static_cast<unsigned char>(json[i + n]) & 0x3fu);
    }
    ascii += point < 0x10000 ? fmt::format("\\u{:04x}", point) : fmt::format("\\U{:08x}", point);
    i += length;
  }
  return ascii;
}

/// `name{label="value",…}`.
std::string series_key(const Series& series) {
  std::string key = series.name;
  char before = '{';
  for (const auto& [name, value] : series.labels) {
    key += before;
    key += name + "=" + quoted_ascii(value);
    before = ',';
  }
  if (before == ',') key += '}';
  return key;
}

void append_number(std::string& out, double number) {
  append_json_float(out, std::isfinite(number) ? number : 0);
}

void append_value(std::string& out, const Series& series) {
  if (!series.timer) {
    append_number(out, series.value);
    return;
  }
  char before = '{';
  for (const int percent : {50, 90, 99}) {
    out += before;
    out += fmt::format("\"p{}\":", percent);
    append_number(out, series.timer->quantile_ns(percent / 100.0));
    before = ',';
  }
  out += '}';
}

}  // namespace

std::string print_json_metrics(const MetricsRegistry& registry) {
  std::map<std::string, std::string> values;  // JSON by key
  for (const Series& series : registry.series()) append_value(values[series_key(series)], series);
  std::string out;
  for (const auto& [key, value] : values) {
    out += out.empty() ? '{' : ',';
    append_json_string(out, key, true);
    out += ':';
    out += value;
  }
  return out.empty() ? "{}" : out + "}";
}

}  // namespace tollgate
