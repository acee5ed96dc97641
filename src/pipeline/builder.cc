#include "pipeline/builder.h"

#include <fmt/format.h>

#include "config/component_spec.h"
#include "pipeline/batcher.h"
#include "pipeline/failed_messages.h"
#include "pipeline/in_flight_limit.h"
#include "pipeline/observed.h"

namespace tollgate {

namespace {

/// The build context of one component node.
class NodeContext final : public BuildContext {
 public:
  NodeContext(Environment& environment, Resources& resources, std::string path, std::string label,
              std::string type)
      : environment_(environment),
        resources_(resources),
        path_(std::move(path)),
        label_(std::move(label)),
        type_(std::move(type)),
        logger_(environment.logger.with({{"label", label_}, {"path", path_}})) {}

  const std::string& label() const override { return label_; }
  const std::string& path() const override { return path_; }
  const std::string& type() const override { return type_; }
  const Logger& logger() const override { return logger_; }

  Counter& counter(std::string_view name, const Labels& extra) override {
    return environment_.metrics.counter(name, labels(extra));
  }
  Gauge& gauge(std::string_view name, const Labels& extra) override {
    return environment_.metrics.gauge(name, labels(extra));
  }
  Timer& timer(std::string_view name, const Labels& extra) override {
    return environment_.metrics.timer(name, labels(extra));
  }

  Result<ProcessorFactory> processor(std::string_view where, const Node& node) override {
    return build_processor(environment_, resources_, node, below(where));
  }
  Result<std::unique_ptr<Output>> output(std::string_view where, const Node& node) override {
    return build_output(environment_, resources_, node, below(where));
  }
  Result<std::unique_ptr<Input>> input(std::string_view where, const Node& node) override {
    return build_input(environment_, resources_, node, below(where));
  }
  Result<ScannerFactory> scanner(std::string_view where, const Node& node) override;
  Result<std::unique_ptr<Output>> batched(std::unique_ptr<Output> output,
                                          const BatchPolicyConfig& policy) override;
  std::unique_ptr<Output> limited(std::unique_ptr<Output> output, int max_in_flight) override {
    return std::make_unique<InFlightLimit>(observe(std::move(output)), max_in_flight,
                                           environment_.gate);
  }

  Result<std::shared_ptr<Cache>> cache(std::string_view name) override {
    return resources_.cache(name);
  }
  Result<std::shared_ptr<RateLimit>> rate_limit(std::string_view name) override {
    return resources_.rate_limit(name);
  }
  Result<ProcessorFactory> processor_resource(std::string_view name) override {
    return resources_.processor(name);
  }
  Result<std::shared_ptr<Output>> output_resource(std::string_view name) override {
    return resources_.output(name);
  }
  Result<std::shared_ptr<Input>> input_resource(std::string_view name) override {
    return resources_.input(name);
  }

  HttpService& http() override { return environment_.http; }
  HttpClient& http_client() override { return environment_.http_client; }
  TimerQueue& timers() override { return environment_.timers; }
  InprocHub& inproc() override { return environment_.inproc; }
  MetricsRegistry& metrics() override { return environment_.metrics; }
  bool strict() const override { return environment_.strict; }
  const std::string& identity_salt() const override { return environment_.identity_salt; }
  std::string_view state_dir() const override { return environment_.state_dir; }

  /// Metrics of an output belong directly around the component itself, inside its in-flight limit
  /// and batcher: once.
  std::unique_ptr<Output> observe(std::unique_ptr<Output> output) {
    if (std::exchange(observed_, true)) return output;
    return observe_output(std::move(output), *this, isolated_);
  }
  /// What an input or a buffer gathers batches with is not counted as an output.
  void is_no_output() { observed_ = true; }

 private:
  std::string below(std::string_view where) const {
    return where.empty() ? fmt::format("{}.{}", path_, type_)
                         : fmt::format("{}.{}.{}", path_, type_, where);
  }
  Labels labels(const Labels& extra) const {
    Labels all = extra;
    all.emplace_back("label", label_);
    all.emplace_back("path", path_);
    std::ranges::sort(all);
    return all;
  }

  Environment& environment_;
  Resources& resources_;
  const std::string path_, label_, type_;
  const Logger logger_;
  bool observed_ = false;
  const std::shared_ptr<std::atomic<bool>> isolated_ = std::make_shared<std::atomic<bool>>(false);
};

/// Templates inside one another, while it lives: one that makes an instance of itself would go on
/// for ever.
class TemplateLevel {
 public:
  TemplateLevel() { ++levels; }
  ~TemplateLevel() { --levels; }
  TemplateLevel(const TemplateLevel&) = delete;
  bool too_deep() const { return levels > 100; }

 private:
  static thread_local int levels;
};
thread_local int TemplateLevel::levels = 0;

/// Finds the component that `node` is and builds it.
template <typename Product, typename Wrap>
Result<Product> build(ComponentKind kind, Environment& environment, Resources& resources,
                      const Node& node, const std::string& path, Wrap&& wrap) {
  const auto use = identify_component(kind, node, environment.catalogue);
  if (!use) return invalid(fmt::format("{}: line {}: {}", path, use.error().where.line,
                                       use.error().message));
  if (use->spec->expand) {
    const TemplateLevel level;
    if (level.too_deep()) {
      return invalid(fmt::format("template {}: its instances contain themselves", use->spec->name));
    }
    auto made = expand_template(*use);
    if (!made) return std::unexpected(std::move(made).error().within(path));
    return build<Product>(kind, environment, resources, *made, path, wrap);
  }
  const auto* type = environment.catalogue.type<Product>(use->spec->name);
  NodeContext context(environment, resources, path, use->label, std::string(use->spec->name));
  if (kind != ComponentKind::output) context.is_no_output();
  auto built = type->build(use->body, context);
  if (!built) return std::unexpected(std::move(built).error().within(path));
  return wrap(std::move(*built), context, *use, type->info);
}

Result<std::vector<ProcessorFactory>> sibling_processors(Environment& environment,
                                                         Resources& resources,
                                                         const ComponentUse& use,
                                                         const std::string& path) {
  std::vector<ProcessorFactory> made;
  for (std::size_t i = 0; i < use.processors.items().size(); ++i) {
    made.push_back(TRY(build_processor(environment, resources, use.processors.items()[i],
                                       fmt::format("{}.processors.{}", path, i))));
  }
  return made;
}

/// Output types that only pass messages on to others have no metrics of their own, as in the
/// incumbent: their children say what was sent.
bool only_passes_on(std::string_view output_type) {
  for (const auto name : {"broker", "drop_on", "fallback", "inproc", "reject_errored", "resource",
                          "retry", "switch"}) {
    if (output_type == name) return true;
  }
  return false;
}

constexpr auto kAsBuilt = [](auto built, NodeContext&, const ComponentUse&, const ComponentInfo&) {
  return Result<decltype(built)>(std::move(built));
};

}  // namespace

Result<ScannerFactory> NodeContext::scanner(std::string_view where, const Node& node) {
  return build<ScannerFactory>(ComponentKind::scanner, environment_, resources_, node, below(where),
                               kAsBuilt);
}

Result<std::unique_ptr<Output>> NodeContext::batched(std::unique_ptr<Output> output,
                                                     const BatchPolicyConfig& config) {
  auto child = observe(std::move(output));
  if (!config.active()) return child;
  BatchPolicy policy;
  policy.count = static_cast<std::size_t>(std::max<std::int64_t>(config.count, 0));
  policy.byte_size = static_cast<std::size_t>(std::max<std::int64_t>(config.byte_size, 0));
  policy.period = config.period.value;
  policy.check = config.check.mapping;
  if (policy.count <= 1 && policy.byte_size == 0 && policy.period.count() == 0 && !policy.check) {
    if (policy.count == 1) {
      return invalid("batching.processors run on batches: set a count above 1, a byte_size, a "
                     "period or a check beside them");
    }
    return invalid("batching has processors but nothing that would ever flush: set a count, a "
                   "byte_size, a period or a check");
  }
  const std::string place = fmt::format("{}.batching", path_);
  for (std::size_t i = 0; i < config.processors.size(); ++i) {
    const Node& node = config.processors[i].node;
    policy.processors.push_back(TRY(build_processor(environment_, resources_, node,
                                                    fmt::format("{}.processors.{}", place, i))));
    const auto use = identify_component(ComponentKind::processor, node, environment_.catalogue);
    const auto* type = environment_.catalogue.type<ProcessorFactory>(use->spec->name);
    // What a template makes of itself is not known here.
    if (type == nullptr || !type->info.rerunnable) policy.run_once = i + 1;
  }
  NodeContext place_context(environment_, resources_, place, label_, type_);
  BuildContext& batching = place_context;  // its defaults
  if (policy.count == 0 && policy.byte_size == 0 && policy.period.count() == 0) {
    batching.logger().warn("A batch policy with a check alone has no upper limit: give it a count, "
                           "a period or a byte_size too");
  }
  const auto created = [&](const char* mechanism) {
    return &batching.counter("batch_created", {{"mechanism", mechanism}});
  };
  const Batcher::Counters counters{created("count"), created("size"),  created("period"),
                                   created("check"), created("flush"),
                                   &batching.counter("batch_isolated_messages")};
  *isolated_ = true;
  return std::make_unique<Batcher>(std::move(child), std::move(policy), counters,
                                   environment_.timers, environment_.executor, environment_.gate,
                                   batching.logger());
}

Result<std::unique_ptr<Input>> build_input(Environment& environment, Resources& resources,
                                           const Node& node, const std::string& path) {
  return build<std::unique_ptr<Input>>(
      ComponentKind::input, environment, resources, node, path,
      [&](auto input, NodeContext& context, const ComponentUse& use,
          const ComponentInfo&) -> Result<std::unique_ptr<Input>> {
        auto processors = TRY(sibling_processors(environment, resources, use, path));
        return observe_input(std::move(input), std::move(processors), context);
      });
}

Result<std::unique_ptr<Output>> build_output(Environment& environment, Resources& resources,
                                             const Node& node, const std::string& path) {
  return build<std::unique_ptr<Output>>(
      ComponentKind::output, environment, resources, node, path,
      [&](auto output, NodeContext& context, const ComponentUse& use,
          const ComponentInfo&) -> Result<std::unique_ptr<Output>> {
        auto processors = TRY(sibling_processors(environment, resources, use, path));
        if (!only_passes_on(context.type())) {
          output = watch_failed_messages(context.observe(std::move(output)), context);
        }
        if (processors.empty()) return output;
        return output_with_processors(std::move(output), std::move(processors));
      });
}

Result<ProcessorFactory> build_processor(Environment& environment, Resources& resources,
                                         const Node& node, const std::string& path) {
  return build<ProcessorFactory>(
      ComponentKind::processor, environment, resources, node, path,
      [&](auto factory, NodeContext& context, const ComponentUse&,
          const ComponentInfo&) -> Result<ProcessorFactory> {
        return observe_processor(std::move(factory), context);
      });
}

Result<std::unique_ptr<Buffer>> build_buffer(Environment& environment, Resources& resources,
                                             const Node& node, const std::string& path) {
  return build<std::unique_ptr<Buffer>>(ComponentKind::buffer, environment, resources, node, path,
                                        kAsBuilt);
}

Result<std::unique_ptr<MetricsExporter>> build_metrics(Environment& environment,
                                                       Resources& resources, const Node& node) {
  return build<std::unique_ptr<MetricsExporter>>(ComponentKind::metrics, environment, resources,
                                                 node, "root.metrics", kAsBuilt);
}

// Resources ---------------------------------------------------------------------------------------

Resources::Resources(Environment& environment, Definitions definitions)
    : environment_(environment) {
  const auto fill = [](auto& slots, const std::vector<Node>& nodes) {
    for (const Node& node : nodes) {
      slots[std::string(node["label"].text())].node = node;
    }
  };
  fill(inputs_, definitions.inputs);
  fill(processors_, definitions.processors);
  fill(outputs_, definitions.outputs);
  fill(caches_, definitions.caches);
  fill(rate_limits_, definitions.rate_limits);
}

Resources::~Resources() = default;

template <typename Built, typename Build>
Result<Built> Resources::get(std::map<std::string, Slot<Built>, std::less<>>& slots,
                             std::string_view kind, std::string_view label, Build&& build) {
  const auto found = slots.find(label);
  if (found == slots.end()) {
    std::string known;
    for (const auto& [name, slot] : slots) known += (known.empty() ? "" : ", ") + name;
    return invalid(fmt::format("{0} resource '{1}' was not found; {0}_resources defines {2}", kind,
                               label, known.empty() ? "none" : known));
  }
  auto& slot = found->second;
  if (slot.building) {
    return invalid(fmt::format("{} resource '{}' refers to itself", kind, label));
  }
  if (!slot.is_built) {
    slot.building = true;
    auto built = build(slot.node, fmt::format("root.{}_resources", kind));
    slot.building = false;
    if (!built) return std::unexpected(std::move(built).error());
    slot.built = std::move(*built);
    slot.is_built = true;
  }
  return slot.built;
}

Result<std::shared_ptr<Cache>> Resources::cache(std::string_view label) {
  return get(caches_, "cache", label,
             [&](const Node& node, const std::string& path) -> Result<std::shared_ptr<Cache>> {
               return build<std::unique_ptr<Cache>>(
                   ComponentKind::cache, environment_, *this, node, path,
                   [](auto cache, NodeContext& context, const ComponentUse&, const ComponentInfo&)
                       -> Result<std::unique_ptr<Cache>> {
                     return observe_cache(std::move(cache), context);
                   });
             });
}

Result<std::shared_ptr<RateLimit>> Resources::rate_limit(std::string_view label) {
  return get(rate_limits_, "rate_limit", label,
             [&](const Node& node, const std::string& path) -> Result<std::shared_ptr<RateLimit>> {
               return build<std::unique_ptr<RateLimit>>(
                   ComponentKind::rate_limit, environment_, *this, node, path,
                   [](auto limit, NodeContext& context, const ComponentUse&, const ComponentInfo&)
                       -> Result<std::unique_ptr<RateLimit>> {
                     return observe_rate_limit(std::move(limit), context);
                   });
             });
}

Result<ProcessorFactory> Resources::processor(std::string_view label) {
  return get(processors_, "processor", label, [&](const Node& node, const std::string& path) {
    return build_processor(environment_, *this, node, path);
  });
}

Result<std::shared_ptr<Output>> Resources::output(std::string_view label) {
  return get(outputs_, "output", label,
             [&](const Node& node, const std::string& path) -> Result<std::shared_ptr<Output>> {
               std::shared_ptr<Output> built =
                   TRY(build_output(environment_, *this, node, path));
               TRY(built->start());
               return built;
             });
}

Result<std::shared_ptr<Input>> Resources::input(std::string_view label) {
  return get(inputs_, "input", label,
             [&](const Node& node, const std::string& path) -> Result<std::shared_ptr<Input>> {
               return build_input(environment_, *this, node, path);
             });
}

Result<> Resources::build_all() {
  for (const auto& [label, slot] : caches_) TRY(cache(label));
  for (const auto& [label, slot] : rate_limits_) TRY(rate_limit(label));
  for (const auto& [label, slot] : processors_) TRY(processor(label));
  return {};
}

void Resources::close(std::chrono::steady_clock::time_point deadline) {
  for (auto& [label, slot] : outputs_) {
    if (slot.is_built) slot.built->close(deadline);
  }
}

}  // namespace tollgate
