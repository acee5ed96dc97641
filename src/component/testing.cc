#include "component/testing.h"

#include <cstdlib>

#include "component/inproc.h"

namespace tollgate {

struct TestBuildContext::Shared {
  Shared(const Manifest& manifest, Logger log)
      : catalogue(manifest), logger(std::move(log)), metrics(logger) {}

  const Catalogue catalogue;
  const Logger logger;
  MetricsRegistry metrics;
  InprocHub inproc;
  HttpService* http = nullptr;
  HttpClient* http_client = nullptr;
  TimerQueue* timers = nullptr;
  bool strict = false;
  std::string identity_salt;
  std::map<std::string, std::shared_ptr<Cache>, std::less<>> caches;
  std::map<std::string, std::shared_ptr<RateLimit>, std::less<>> rate_limits;
  std::map<std::string, ProcessorFactory, std::less<>> processors;
};

TestBuildContext::TestBuildContext(const Manifest& manifest, Logger logger)
    : shared_(std::make_shared<Shared>(manifest, std::move(logger))), path_("root") {}

TestBuildContext::TestBuildContext(std::shared_ptr<Shared> shared, std::string path,
                                   std::string type, std::string label)
    : shared_(std::move(shared)),
      label_(std::move(label)),
      path_(std::move(path)),
      type_(std::move(type)) {}

TestBuildContext::~TestBuildContext() = default;

template <typename Product>
Result<Product> TestBuildContext::build(std::string path, const Node& node) {
  // The key that is no common field names the type.
  for (const auto& entry : node.entries()) {
    if (entry.key == "label") continue;
    const auto* type = shared_->catalogue.type<Product>(entry.key);
    if (!type) return invalid("there is no component '" + entry.key + "'");
    TestBuildContext context(shared_, std::move(path), entry.key,
                             std::string(node["label"].text()));
    return type->build(entry.value, context);
  }
  return invalid("no component type is given");
}

std::string TestBuildContext::child_path(std::string_view where) const {
  return path_ + (type_.empty() ? "" : "." + type_) + "." + std::string(where);
}

Result<> TestBuildContext::define(std::string_view yaml) {
  const Node node = TRY(parse_yaml(yaml));
  for (const Node& each : node["cache_resources"].items()) {
    shared_->caches[std::string(each["label"].text())] =
        TRY(build<std::unique_ptr<Cache>>("root.cache_resources", each));
  }
  for (const Node& each : node["rate_limit_resources"].items()) {
    shared_->rate_limits[std::string(each["label"].text())] =
        TRY(build<std::unique_ptr<RateLimit>>("root.rate_limit_resources", each));
  }
  for (const Node& each : node["processor_resources"].items()) {
    shared_->processors[std::string(each["label"].text())] =
        TRY(build<ProcessorFactory>("root.processor_resources", each));
  }
  return {};
}

Result<ProcessorFactory> TestBuildContext::processor(std::string_view yaml) {
  const Node node = TRY(parse_yaml(yaml));
  return build<ProcessorFactory>("root.processor", node);
}
Result<ScannerFactory> TestBuildContext::scanner(std::string_view yaml) {
  const Node node = TRY(parse_yaml(yaml));
  return build<ScannerFactory>("root.scanner", node);
}
Result<std::unique_ptr<Cache>> TestBuildContext::new_cache(std::string_view yaml) {
  const Node node = TRY(parse_yaml(yaml));
  return build<std::unique_ptr<Cache>>("root.cache", node);
}
Result<std::unique_ptr<RateLimit>> TestBuildContext::new_rate_limit(std::string_view yaml) {
  const Node node = TRY(parse_yaml(yaml));
  return build<std::unique_ptr<RateLimit>>("root.rate_limit", node);
}
Result<std::unique_ptr<Output>> TestBuildContext::output(std::string_view yaml) {
  const Node node = TRY(parse_yaml(yaml));
  return build<std::unique_ptr<Output>>("root.output", node);
}
Result<std::unique_ptr<Input>> TestBuildContext::input(std::string_view yaml) {
  const Node node = TRY(parse_yaml(yaml));
  return build<std::unique_ptr<Input>>("root.input", node);
}

void TestBuildContext::use(HttpService& service) { shared_->http = &service; }
void TestBuildContext::use(HttpClient& client) { shared_->http_client = &client; }
void TestBuildContext::use(TimerQueue& timers) { shared_->timers = &timers; }
void TestBuildContext::set_strict(bool strict) { shared_->strict = strict; }

const Logger& TestBuildContext::logger() const { return shared_->logger; }

Labels TestBuildContext::labels(const Labels& extra) const {
  std::map<std::string, std::string> all(extra.begin(), extra.end());
  all["label"] = label_;
  all["path"] = path_;
  return {all.begin(), all.end()};
}

Counter& TestBuildContext::counter(std::string_view name, const Labels& extra) {
  return shared_->metrics.counter(name, labels(extra));
}
Gauge& TestBuildContext::gauge(std::string_view name, const Labels& extra) {
  return shared_->metrics.gauge(name, labels(extra));
}
Timer& TestBuildContext::timer(std::string_view name, const Labels& extra) {
  return shared_->metrics.timer(name, labels(extra));
}

Result<ProcessorFactory> TestBuildContext::processor(std::string_view where, const Node& node) {
  return build<ProcessorFactory>(child_path(where), node);
}
Result<std::unique_ptr<Output>> TestBuildContext::output(std::string_view where,
                                                         const Node& node) {
  return build<std::unique_ptr<Output>>(child_path(where), node);
}
Result<std::unique_ptr<Input>> TestBuildContext::input(std::string_view where, const Node& node) {
  return build<std::unique_ptr<Input>>(child_path(where), node);
}
Result<ScannerFactory> TestBuildContext::scanner(std::string_view where, const Node& node) {
  return build<ScannerFactory>(child_path(where), node);
}

Result<std::unique_ptr<Output>> TestBuildContext::batched(std::unique_ptr<Output> output,
                                                          const BatchPolicyConfig& policy) {
  if (policy.active()) return invalid("batching needs the pipeline");
  return output;
}

std::unique_ptr<Output> TestBuildContext::limited(std::unique_ptr<Output> output, int) {
  return output;
}

Result<std::shared_ptr<Cache>> TestBuildContext::cache(std::string_view label) {
  const auto found = shared_->caches.find(label);
  if (found == shared_->caches.end()) {
    return invalid("cache resource '" + std::string(label) + "' was not found");
  }
  return found->second;
}

Result<std::shared_ptr<RateLimit>> TestBuildContext::rate_limit(std::string_view label) {
  const auto found = shared_->rate_limits.find(label);
  if (found == shared_->rate_limits.end()) {
    return invalid("rate limit resource '" + std::string(label) + "' was not found");
  }
  return found->second;
}

Result<ProcessorFactory> TestBuildContext::processor_resource(std::string_view label) {
  const auto found = shared_->processors.find(label);
  if (found == shared_->processors.end()) {
    return invalid("processor resource '" + std::string(label) + "' was not found");
  }
  return found->second;
}

Result<std::shared_ptr<Output>> TestBuildContext::output_resource(std::string_view label) {
  return invalid("output resource '" + std::string(label) + "' was not found");
}

Result<std::shared_ptr<Input>> TestBuildContext::input_resource(std::string_view label) {
  return invalid("input resource '" + std::string(label) + "' was not found");
}

namespace {
template <typename Service>
Service& needed(Service* service) {
  if (!service) std::abort();  // a test must use() it first
  return *service;
}
}  // namespace

HttpService& TestBuildContext::http() { return needed(shared_->http); }
HttpClient& TestBuildContext::http_client() { return needed(shared_->http_client); }
TimerQueue& TestBuildContext::timers() { return needed(shared_->timers); }
InprocHub& TestBuildContext::inproc() { return shared_->inproc; }
MetricsRegistry& TestBuildContext::metrics() { return shared_->metrics; }
bool TestBuildContext::strict() const { return shared_->strict; }
const std::string& TestBuildContext::identity_salt() const { return shared_->identity_salt; }

Batch batch_of(std::initializer_list<std::string_view> payloads) {
  Batch batch;
  for (const std::string_view payload : payloads) {
    Message& message = batch.add();
    message.set_bytes(batch.arena().copy(payload));
    message.identity = {1, batch.size(), true};
  }
  return batch;
}

void add_receipts(Batch& batch, Transaction::Done done) {
  auto receipts = Transaction::open(static_cast<std::uint32_t>(batch.size()), std::move(done));
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i].receipt = std::move(receipts[i]);
}

}  // namespace tollgate
