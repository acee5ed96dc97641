#pragma once

#include <span>

#include "component/component.h"
#include "component/catalogue.h"
#include "component/input.h"
#include "component/output.h"
#include "component/processor.h"
#include "component/resource.h"

namespace tollgate {

// All component types of this binary, each list sorted by name.
std::span<const InputType* const> inputs();
std::span<const BufferType* const> buffers();
std::span<const ProcessorType* const> processors();
std::span<const OutputType* const> outputs();
std::span<const CacheType* const> caches();
std::span<const RateLimitType* const> rate_limits();
std::span<const ScannerType* const> scanners();
std::span<const MetricsType* const> metrics_exporters();
std::span<const TracerType* const> tracers();

/// All of the above.
inline Manifest all_components() {
  return {inputs(), buffers(), processors(), outputs(), caches(), rate_limits(), scanners(),
          metrics_exporters(), tracers()};
}

}  // namespace tollgate
