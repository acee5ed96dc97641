#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "component/input.h"
#include "component/output.h"
#include "component/processor.h"
#include "component/resource.h"
#include "config/component_spec.h"

namespace tollgate {

/// The component types a program is made with, each list sorted by name.
struct Manifest {
  std::span<const InputType* const> inputs;
  std::span<const BufferType* const> buffers;
  std::span<const ProcessorType* const> processors;
  std::span<const OutputType* const> outputs;
  std::span<const CacheType* const> caches;
  std::span<const RateLimitType* const> rate_limits;
  std::span<const ScannerType* const> scanners;
  std::span<const MetricsType* const> metrics;
  std::span<const TracerType* const> tracers;
};

/// Looks component types up by kind and name, both for those who build them and, without their
/// products, for lint and docs. Immutable once it is handed out.
class Catalogue final : public ComponentCatalogue {
 public:
  explicit Catalogue(const Manifest& manifest);
  /// Adds a template, or puts it in the place of the type of its name. Before anybody else has it.
  void add(ComponentSpec of_template);

  const ComponentSpec* find(ComponentKind kind, std::string_view name) const override;
  std::vector<const ComponentSpec*> all(ComponentKind kind) const override;

  /// The type named `name` whose product is `Product`; null if there is none.
  template <typename Product>
  const ComponentType<Product>* type(std::string_view name) const {
    for (const auto* each : list<Product>()) {
      if (each->info.name == name) return each;
    }
    return nullptr;
  }

 private:
  template <typename Product>
  std::span<const ComponentType<Product>* const> list() const;
  template <typename Type>
  void add(ComponentKind kind, std::span<const Type* const> types);

  const Manifest manifest_;
  std::map<std::pair<ComponentKind, std::string>, ComponentSpec, std::less<>> specs_;
};

}  // namespace tollgate
