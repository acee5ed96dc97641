#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "component/build_context.h"
#include "config/node.h"
#include "pipeline/environment.h"

namespace tollgate {

/// The labelled components that a configuration defines beside its stream. Built on first use, each
/// once; a resource that refers to itself in a circle is an error.
class Resources {
 public:
  struct Definitions {
    std::vector<Node> inputs, processors, outputs, caches, rate_limits;
  };

  Resources(Environment& environment, Definitions definitions);
  ~Resources();

  Result<std::shared_ptr<Cache>> cache(std::string_view label);
  Result<std::shared_ptr<RateLimit>> rate_limit(std::string_view label);
  Result<ProcessorFactory> processor(std::string_view label);
  Result<std::shared_ptr<Output>> output(std::string_view label);
  Result<std::shared_ptr<Input>> input(std::string_view label);

  /// Builds every cache, rate limit and processor, so that their mistakes show at start.
  Result<> build_all();
  /// Closes the outputs that were built.
  void close(std::chrono::steady_clock::time_point deadline);

 private:
  template <typename Built>
  struct Slot {
    Node node;
    Built built{};
    bool is_built = false;
    bool building = false;
  };
  template <typename Built, typename Build>
  Result<Built> get(std::map<std::string, Slot<Built>, std::less<>>& slots, std::string_view kind,
                    std::string_view label, Build&& build);

  Environment& environment_;
  std::map<std::string, Slot<std::shared_ptr<Cache>>, std::less<>> caches_;
  std::map<std::string, Slot<std::shared_ptr<RateLimit>>, std::less<>> rate_limits_;
  std::map<std::string, Slot<ProcessorFactory>, std::less<>> processors_;
  std::map<std::string, Slot<std::shared_ptr<Output>>, std::less<>> outputs_;
  std::map<std::string, Slot<std::shared_ptr<Input>>, std::less<>> inputs_;
};

// Building components from configuration nodes. `path` is where the node stands ("root.output").
// What comes out is wrapped with its metrics, error attribution and sibling processors.

Result<std::unique_ptr<Input>> build_input(Environment& environment, Resources& resources,
                                           const Node& node, const std::string& path);
Result<std::unique_ptr<Output>> build_output(Environment& environment, Resources& resources,
                                             const Node& node, const std::string& path);
Result<ProcessorFactory> build_processor(Environment& environment, Resources& resources,
                                         const Node& node, const std::string& path);
Result<std::unique_ptr<Buffer>> build_buffer(Environment& environment, Resources& resources,
                                             const Node& node, const std::string& path);
Result<std::unique_ptr<MetricsExporter>> build_metrics(Environment& environment,
                                                       Resources& resources, const Node& node);

}  // namespace tollgate
