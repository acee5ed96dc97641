// metric: counts and measures what passes, in series that the configuration names.

#include <charconv>
#include <map>
#include <memory>
#include <unordered_map>

#include "component/build_context.h"
#include "component/effects.h"
#include "component/processor.h"
#include "value/number.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string type;
  std::string name;
  std::optional<std::map<std::string, InterpolatedText>> labels;
  InterpolatedText value;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("type", &Config::type, "What kind of series it is.")
          .options({"counter", "counter_by", "gauge", "timing"}),
      required("name", &Config::name, "The name of the series; the same everywhere."),
      field("labels", &Config::labels, "Labels of the series, beside the component's own."),
      field("value", &Config::value,
            "What is added (counter_by), set (gauge) or recorded (timing, nanoseconds)."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (body["name"] && config.name.empty()) {
    context.error(body["name"].position(), "metric name must not be empty");
  }
}

// Implementation ----------------------------------------------------------------------------------

struct Amount {
  bool whole = true;
  std::uint64_t integer = 0;
  double real = 0;
};

/// A number that is not negative.
Result<Amount> parse_amount(std::string_view text) {
  if (const auto integer = parse_int(text)) {
    if (*integer < 0) return invalid("value " + std::to_string(*integer) + " is negative");
    return Amount{true, static_cast<std::uint64_t>(*integer), static_cast<double>(*integer)};
  }
  const auto real = scan_float(text);
  if (real.fault != NumberFault::none) {
    return invalid(number_error("ParseFloat", text, real.fault));
  }
  if (real.value < 0) return invalid(fmt::format("value {:f} is negative", real.value));
  return Amount{false, 0, real.value};
}

Result<std::chrono::nanoseconds> parse_time(std::string_view text) {
  const auto integer = scan_int(text);
  if (integer.fault != NumberFault::none) {
    return invalid(number_error("ParseInt", text, integer.fault));
  }
  if (integer.value < 0) return invalid("value is negative");
  return std::chrono::nanoseconds(integer.value);
}

/// What one configuration node counts in. Immutable; shared by the node's instances.
struct Target {
  enum class Type : unsigned char { counter, counter_by, gauge, timing };
  Type type;
  Config config;
  Labels own;  ///< label and path
  MetricsRegistry& registry;

  /// Makes the series, so that it is there before the first message. Requires: no labels.
  void show() const {
    switch (type) {
      case Type::counter:
      case Type::counter_by: registry.counter(config.name, own); break;
      case Type::gauge: registry.gauge(config.name, own); break;
      case Type::timing: registry.timer(config.name, own); break;
    }
  }
};

Target::Type type_named(std::string_view name) {
  if (name == "counter_by") return Target::Type::counter_by;
  if (name == "gauge") return Target::Type::gauge;
  if (name == "timing") return Target::Type::timing;
  return Target::Type::counter;
}

/// What a batch adds to one counter: kept until the batch is through, then added at once.
struct Sum {
  std::uint64_t whole = 0;
  double real = 0;
};

class Metric final : public Processor {
 public:
  Metric(std::shared_ptr<const Target> target, Logger logger)
      : target_(std::move(target)), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (counts_all_alike()) {
      key_.clear();
      sums_[&counter()].whole += batch.size();
    } else {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        scratch_.reset();
        if (const auto handled = handle(batch, i); !handled) {
          logger_.error("{}", handled.error().message());
        }
      }
    }
    add_sums();
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }

 private:
  // Instances remember their series, up to this many.
  static constexpr std::size_t kMaxRemembered = 10'000;

  /// Whether nothing of a message matters but that it is there.
  bool counts_all_alike() const {
    return target_->type == Target::Type::counter && !target_->config.labels &&
           target_->config.value.value.is_static();
  }

  Result<> handle(const Batch& batch, std::size_t index) {
    auto value = target_->config.value.value.eval(batch, index, scratch_);
    if (!value) {
      return std::unexpected(std::move(value).error().within("Value interpolation error"));
    }
    if (auto done = record(*value, batch, index); !done) {
      return std::unexpected(std::move(done).error().within("Handler error"));
    }
    return {};
  }

  Result<> record(std::string_view value, const Batch& batch, std::size_t index) {
    using Type = Target::Type;
    TRY(read_labels(batch, index));
    switch (target_->type) {
      case Type::counter: ++sums_[&counter()].whole; break;
      case Type::counter_by: {
        const Amount amount = TRY(parse_amount(value));
        Sum& sum = sums_[&counter()];
        if (amount.whole) sum.whole += amount.integer;
        else sum.real += amount.real;
        break;
      }
      case Type::gauge: {
        const double amount = TRY(parse_amount(value)).real;
        DeferredEffects::apply([&gauge = gauge(), amount] { gauge.set(amount); });
        break;
      }
      case Type::timing: {
        const auto duration = TRY(parse_time(value));
        DeferredEffects::apply([&timer = timer(), duration] { timer.record(duration); });
        break;
      }
    }
    return {};
  }

  /// Sets key_ to the label values, each with its length before it.
  Result<> read_labels(const Batch& batch, std::size_t index) {
    key_.clear();
    values_.clear();
    if (!target_->config.labels) return {};
    for (const auto& [name, text] : *target_->config.labels) {
      auto value = text.value.eval(batch, index, scratch_);
      if (!value) {
        return std::unexpected(std::move(value).error().within("label interpolation error"));
      }
      append_uint(key_, value->size());
      key_.append(":").append(*value);
      values_.push_back(*value);
    }
    return {};
  }

  Labels labels() const {
    std::map<std::string, std::string> all(target_->own.begin(), target_->own.end());
    if (target_->config.labels) {
      std::size_t i = 0;
      for (const auto& [name, text] : *target_->config.labels) all[name] = values_[i++];
    }
    return {all.begin(), all.end()};
  }

  template <typename T, typename Make>
  T& remembered(std::unordered_map<std::string, T*>& known, Make make) {
    if (const auto found = known.find(key_); found != known.end()) return *found->second;
    if (known.size() >= kMaxRemembered) known.clear();
    return *known.emplace(key_, &make()).first->second;
  }

  Counter& counter() {
    return remembered(counters_, [&]() -> Counter& {
      return target_->registry.counter(target_->config.name, labels());
    });
  }
  Gauge& gauge() {
    return remembered(gauges_, [&]() -> Gauge& {
      return target_->registry.gauge(target_->config.name, labels());
    });
  }
  Timer& timer() {
    return remembered(timers_, [&]() -> Timer& {
      return target_->registry.timer(target_->config.name, labels());
    });
  }

  void add_sums() {
    if (sums_.empty()) return;
    std::vector<std::pair<Counter*, Sum>> sums(sums_.begin(), sums_.end());
    sums_.clear();
    DeferredEffects::apply([sums = std::move(sums)] {
      for (const auto& [to, sum] : sums) {
        if (sum.whole > 0) to->add_count(sum.whole);
        if (sum.real > 0) to->add(sum.real);
      }
    });
  }

  const std::shared_ptr<const Target> target_;
  const Logger logger_;
  Arena scratch_;
  std::string key_;                       // of the message being handled
  std::vector<std::string_view> values_;  // its label values, in scratch_
  std::unordered_map<Counter*, Sum> sums_;
  std::unordered_map<std::string, Counter*> counters_;
  std::unordered_map<std::string, Gauge*> gauges_;
  std::unordered_map<std::string, Timer*> timers_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  const auto type = type_named(config.type);
  auto target = std::make_shared<const Target>(
      Target{type, std::move(config), {{"label", context.label()}, {"path", context.path()}},
             context.metrics()});
  if (!target->config.labels) target->show();
  return [target = std::move(target), logger = context.logger()] {
    return std::make_unique<Metric>(target, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType metric_processor;
constinit const ProcessorType metric_processor = component_type<schema, make, check>({
    .name = "metric",
    .categories = "Utility",
    .summary = "Counts or measures messages in a metric of your own.",
    .description = R"md(
| type | for each message |
|---|---|
| `counter` | adds one |
| `counter_by` | adds `value`, a number that is not negative |
| `gauge` | sets `value`, a number that is not negative |
| `timing` | records `value`, whole nanoseconds |

A value that does not fit is logged and skipped; the message is not flagged. In the `batching` of an
output the metric counts what was delivered, however often a batch was tried.
)md",
});

}  // namespace tollgate
