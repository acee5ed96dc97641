#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "component/resource.h"
#include "observe/metrics.h"

namespace tollgate {

class HttpService;   // the service-wide HTTP server; component/http_service.h
class TimerQueue;    // runtime/timer_queue.h
class HttpClient;    // net/http_client.h
class InprocHub;     // component/inproc.h

/// What a component is given to build itself with: its place, its log, and the way to its children
/// and to the resources of the configuration. Implemented by pipeline/.
///
/// Valid during the build only; what must live longer (logger, metrics, services) is taken by
/// value or reference and outlives the component.
class BuildContext {
 public:
  virtual ~BuildContext() = default;

  // Place -----------------------------------------------------------------------------------------

  virtual const std::string& label() const = 0;  ///< "" if it has none
  virtual const std::string& path() const = 0;   ///< "root.pipeline.processors.0"
  virtual const std::string& type() const = 0;   ///< "dedupe"
  virtual const Logger& logger() const = 0;      ///< carries label and path
  /// Series get the labels `label` and `path` of this component beside `extra`.
  virtual Counter& counter(std::string_view name, const Labels& extra = {}) = 0;
  virtual Gauge& gauge(std::string_view name, const Labels& extra = {}) = 0;
  virtual Timer& timer(std::string_view name, const Labels& extra = {}) = 0;

  // Children --------------------------------------------------------------------------------------
  // `where` extends the path: child("outputs.0", …). Children are wrapped with their metrics, label
  // and, for inputs and outputs, their `processors`.

  virtual Result<ProcessorFactory> processor(std::string_view where, const Node& node) = 0;
  virtual Result<std::unique_ptr<Output>> output(std::string_view where, const Node& node) = 0;
  virtual Result<std::unique_ptr<Input>> input(std::string_view where, const Node& node) = 0;
  virtual Result<ScannerFactory> scanner(std::string_view where, const Node& node) = 0;
  /// All of a list, e.g. `processors`: the factories in order.
  Result<std::vector<ProcessorFactory>> processors(std::string_view where,
                                                   const std::vector<ChildProcessor>& list);
  /// Wraps `output` with a batcher if `policy` is active.
  virtual Result<std::unique_ptr<Output>> batched(std::unique_ptr<Output> output,
                                                  const struct BatchPolicyConfig& policy) = 0;
  /// Bounds the unresolved acks of `output`; writes beyond wait inside, in order.
  virtual std::unique_ptr<Output> limited(std::unique_ptr<Output> output, int max_in_flight) = 0;

  // Resources -------------------------------------------------------------------------------------
  // Errors name the label and what is defined. The pointers live as long as the component.

  virtual Result<std::shared_ptr<Cache>> cache(std::string_view label) = 0;
  virtual Result<std::shared_ptr<RateLimit>> rate_limit(std::string_view label) = 0;
  virtual Result<ProcessorFactory> processor_resource(std::string_view label) = 0;
  virtual Result<std::shared_ptr<Output>> output_resource(std::string_view label) = 0;
  virtual Result<std::shared_ptr<Input>> input_resource(std::string_view label) = 0;

  // Services --------------------------------------------------------------------------------------

  virtual HttpService& http() = 0;
  virtual HttpClient& http_client() = 0;  ///< one network thread shared by all HTTP clients
  virtual TimerQueue& timers() = 0;
  virtual InprocHub& inproc() = 0;
  virtual MetricsRegistry& metrics() = 0;
  virtual bool strict() const = 0;  ///< error_handling.strict
  /// The destinations that make this meter's identities its own; see IdentityOptions.
  virtual const std::string& identity_salt() const = 0;
  /// A directory for what must outlive the process; empty: there is none.
  virtual std::string_view state_dir() const { return {}; }
};

/// The `batching` group: when to flush, and what to run on the batch then.
struct BatchPolicyConfig {
  std::int64_t count = 0;
  std::int64_t byte_size = 0;
  Duration period;
  MappingText check;
  std::vector<ChildProcessor> processors;

  /// False if it would flush every message alone and runs nothing.
  bool active() const {
    return count > 1 || byte_size > 0 || period.is_set() || !check.text.empty() ||
           !processors.empty();
  }
};
const Schema<BatchPolicyConfig>& batch_policy_schema();

}  // namespace tollgate
