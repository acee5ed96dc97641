#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "component/build_context.h"
#include "component/catalogue.h"

/// For tests of components.
namespace tollgate {

/// Builds components from YAML without a pipeline: children are not wrapped, metrics go to a
/// registry of its own, and services are those that the test sets.
///
/// A context made for a child shares everything with its parent. All live as long as the first.
class TestBuildContext final : public BuildContext {
 public:
  /// `manifest` lists the component types that may be built.
  explicit TestBuildContext(const Manifest& manifest, Logger logger = Logger());
  ~TestBuildContext() override;

  /// Defines `cache_resources`, `rate_limit_resources` and `processor_resources`.
  Result<> define(std::string_view yaml);

  /// The component that `yaml` describes ("mapping: root = this"), at "root.<kind>".
  Result<ProcessorFactory> processor(std::string_view yaml);
  Result<ScannerFactory> scanner(std::string_view yaml);
  Result<std::unique_ptr<Cache>> new_cache(std::string_view yaml);
  Result<std::unique_ptr<RateLimit>> new_rate_limit(std::string_view yaml);
  Result<std::unique_ptr<Output>> output(std::string_view yaml);
  Result<std::unique_ptr<Input>> input(std::string_view yaml);

  /// Services; tests that need one set it first.
  void use(HttpService& service);
  void use(HttpClient& client);
  void use(TimerQueue& timers);
  void set_strict(bool strict);

  // BuildContext
  const std::string& label() const override { return label_; }
  const std::string& path() const override { return path_; }
  const std::string& type() const override { return type_; }
  const Logger& logger() const override;
  Counter& counter(std::string_view name, const Labels& extra = {}) override;
  Gauge& gauge(std::string_view name, const Labels& extra = {}) override;
  Timer& timer(std::string_view name, const Labels& extra = {}) override;
  Result<ProcessorFactory> processor(std::string_view where, const Node& node) override;
  Result<std::unique_ptr<Output>> output(std::string_view where, const Node& node) override;
  Result<std::unique_ptr<Input>> input(std::string_view where, const Node& node) override;
  Result<ScannerFactory> scanner(std::string_view where, const Node& node) override;
  Result<std::unique_ptr<Output>> batched(std::unique_ptr<Output> output,
                                          const BatchPolicyConfig& policy) override;
  std::unique_ptr<Output> limited(std::unique_ptr<Output> output, int max_in_flight) override;
  Result<std::shared_ptr<Cache>> cache(std::string_view label) override;
  Result<std::shared_ptr<RateLimit>> rate_limit(std::string_view label) override;
  Result<ProcessorFactory> processor_resource(std::string_view label) override;
  Result<std::shared_ptr<Output>> output_resource(std::string_view label) override;
  Result<std::shared_ptr<Input>> input_resource(std::string_view label) override;
  HttpService& http() override;
  HttpClient& http_client() override;
  TimerQueue& timers() override;
  InprocHub& inproc() override;
  MetricsRegistry& metrics() override;
  bool strict() const override;
  const std::string& identity_salt() const override;

 private:
  struct Shared;
  TestBuildContext(std::shared_ptr<Shared> shared, std::string path, std::string type,
                   std::string label);
  template <typename Product>
  Result<Product> build(std::string path, const Node& node);
  Labels labels(const Labels& extra) const;
  std::string child_path(std::string_view where) const;

  std::shared_ptr<Shared> shared_;
  std::string label_, path_, type_;
};

/// A batch of these payloads, in one memory, without receipts.
Batch batch_of(std::initializer_list<std::string_view> payloads);

/// Gives every message of `batch` a receipt for a record of its own. `done` runs when all ended.
void add_receipts(Batch& batch, Transaction::Done done);

}  // namespace tollgate
