#include "observe/metrics.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "observe/shard_index.h"

namespace tollgate {

namespace {

std::string_view type_name(Series::Type type) {
  switch (type) {
    case Series::Type::counter: return "counter";
    case Series::Type::gauge: return "gauge";
    case Series::Type::timer: return "timer";
  }
  return "metric";
}

std::string label_names(const Labels& labels) {
  std::string names;
  for (const auto& [name, value] : labels) {
    if (!names.empty()) names += ' ';
    names += name;
  }
  return names;
}

Labels sorted(Labels labels) {
  std::ranges::stable_sort(labels, {}, &Labels::value_type::first);
  return labels;
}

}  // namespace

void Counter::add(double amount) {
  if (!(amount > 0)) return;  // a counter never falls; NaN would spoil it for good
  if (amount < 9e15 && std::floor(amount) == amount) {
    add_count(static_cast<std::uint64_t>(amount));
    return;
  }
  shards_[thread_number() % kShards].fraction.fetch_add(amount, std::memory_order_relaxed);
}

void Counter::add_count(std::uint64_t amount) {
  shards_[thread_number() % kShards].whole.fetch_add(amount, std::memory_order_relaxed);
}

double Counter::value() const {
  std::uint64_t whole = 0;
  double fraction = 0;
  for (const Shard& shard : shards_) {
    whole += shard.whole.load(std::memory_order_relaxed);
    fraction += shard.fraction.load(std::memory_order_relaxed);
  }
  return static_cast<double>(whole) + fraction;
}

void Gauge::add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }

/// One handle; only the member of its type is used.
struct MetricsRegistry::Entry {
  Entry(Series::Type kind, const std::vector<double>& bounds) : type(kind) {
    if (type == Series::Type::counter) counter.emplace();
    if (type == Series::Type::gauge) gauge.emplace();
    if (type == Series::Type::timer) timer.emplace(bounds);
  }
  Series::Type type;
  std::optional<Counter> counter;
  std::optional<Gauge> gauge;
  std::optional<Timer> timer;
};

/// What all series of one printed name have in common.
struct MetricsRegistry::Family {
  std::string name;  // before it was made printable
  Series::Type type;
  Labels labels;     // of its first series; the names count
};

MetricsRegistry::MetricsRegistry(Logger logger) : logger_(std::move(logger)) {}
MetricsRegistry::~MetricsRegistry() = default;

void MetricsRegistry::set_histogram_bounds(const std::vector<double>& seconds) {
  std::lock_guard lock(lock_);
  bounds_ns_.clear();
  for (const double bound : seconds) bounds_ns_.push_back(bound * 1e9);
}

Counter& MetricsRegistry::counter(std::string_view name, const Labels& labels) {
  return *entry(name, labels, Series::Type::counter).counter;
}

Gauge& MetricsRegistry::gauge(std::string_view name, const Labels& labels) {
  return *entry(name, labels, Series::Type::gauge).gauge;
}

Timer& MetricsRegistry::timer(std::string_view name, const Labels& labels) {
  return *entry(name, labels, Series::Type::timer).timer;
}

MetricsRegistry::Entry& MetricsRegistry::entry(std::string_view name, const Labels& labels,
                                               Series::Type type) {
  const std::pair key(std::string(name), sorted(labels));
  std::lock_guard lock(lock_);
  auto& known = entries_[key];
  if (known && known->type == type) return *known;
  if (!known) return create(key.first, key.second, type);
  // The name has two types: the second one gets a hidden entry under a name no caller can use.
  auto& hidden = entries_[{key.first + '\0' + std::string(type_name(type)), key.second}];
  if (!hidden) {
    hidden = std::make_shared<Entry>(type, bounds_ns_);
    logger_.error("Metric '{}' is a {} already and cannot be a {}, skipping metric", name,
                  type_name(known->type), type_name(type));
  }
  return *hidden;
}

MetricsRegistry::Entry& MetricsRegistry::create(const std::string& name, const Labels& labels,
                                                Series::Type type) {
  Renamed renamed = rename_ ? rename_(name, labels) : Renamed{name, labels};
  auto& entry = entries_[{name, labels}];
  std::string refused;
  if (!renamed.suppressed) refused = refusal(renamed, type);
  if (!refused.empty()) logger_.error("{}, skipping metric", refused);
  if (renamed.suppressed || !refused.empty()) {
    entry = std::make_shared<Entry>(type, bounds_ns_);
    return *entry;
  }
  families_.try_emplace(prometheus_name(renamed.name), renamed.name, type, renamed.labels);
  auto& shown = visible_[{renamed.name, renamed.labels}];
  if (!shown) shown = std::make_shared<Entry>(type, bounds_ns_);
  entry = shown;
  return *entry;
}

/// Why a series cannot be shown; empty if it can.
std::string MetricsRegistry::refusal(const Renamed& renamed, Series::Type type) const {
  const auto& [name, labels, suppressed] = renamed;
  const std::string printed = prometheus_name(name);
  if (printed.empty()) return "A metric needs a name";
  std::vector<std::string> label_list;
  for (const auto& [label, value] : labels) label_list.push_back(prometheus_name(label, false));
  std::ranges::sort(label_list);
  if (std::ranges::adjacent_find(label_list) != label_list.end() ||
      std::ranges::any_of(label_list, &std::string::empty)) {
    return fmt::format("Metrics labels [{}] for name '{}' are not distinct names",
                       label_names(labels), name);
  }
  const auto reserved = [&](std::string_view label) {
    return type == Series::Type::timer && std::ranges::find(label_list, label) != label_list.end();
  };
  if (reserved("quantile") || reserved("le")) {
    return fmt::format("Metrics label 'quantile' or 'le' for timer '{}' is reserved", name);
  }
  // A timer prints more names than its own.
  for (const std::string_view suffix : {"_sum", "_count", "_bucket"}) {
    const auto owner = printed.ends_with(suffix)
                           ? families_.find(printed.substr(0, printed.size() - suffix.size()))
                           : families_.end();
    if (owner != families_.end() && owner->second.type == Series::Type::timer) {
      return fmt::format("Metric '{}' collides with timer '{}'", name, owner->second.name);
    }
    if (type == Series::Type::timer && families_.contains(printed + std::string(suffix))) {
      return fmt::format("Timer '{}' collides with metric '{}{}'", name, name, suffix);
    }
  }
  const auto found = families_.find(printed);
  if (found == families_.end()) return {};
  const Family& family = found->second;
  if (family.name != name) {
    return fmt::format("Metric '{}' collides with metric '{}'", name, family.name);
  }
  if (family.type != type) {
    return fmt::format("Metric '{}' is a {} already and cannot be a {}", name,
                       type_name(family.type), type_name(type));
  }
  if (!std::ranges::equal(family.labels, labels, {}, &Labels::value_type::first,
                          &Labels::value_type::first)) {
    return fmt::format("Metrics label mismatch {} [{}] versus {} [{}] for name '{}'",
                       family.labels.size(), label_names(family.labels), labels.size(),
                       label_names(labels), name);
  }
  return {};
}

void MetricsRegistry::gauge_function(std::string_view name, const Labels& labels,
                                     std::function<double()> read) {
  Gauge& target = gauge(name, labels);
  std::lock_guard lock(reading_);
  if (read) {
    functions_[&target] = std::move(read);
  } else {
    functions_.erase(&target);
  }
}

void MetricsRegistry::before_reading(std::function<void()> update) {
  std::lock_guard lock(reading_);
  updates_.push_back(std::move(update));
}

std::vector<Series> MetricsRegistry::series() const {
  std::lock_guard reading(reading_);
  for (const auto& update : updates_) update();
  for (const auto& [gauge, read] : functions_) gauge->set(read());
  std::lock_guard lock(lock_);
  std::vector<Series> all;
  all.reserve(visible_.size());
  for (const auto& [key, entry] : visible_) {
    Series& one = all.emplace_back(Series{key.first, key.second, entry->type});
    if (entry->timer) {
      one.timer = &*entry->timer;
    } else if (entry->counter) {
      one.counter = &*entry->counter;
      one.value = one.counter->value();
    } else {
      one.gauge = &*entry->gauge;
      one.value = one.gauge->value();
    }
  }
  return all;
}

}  // namespace tollgate
