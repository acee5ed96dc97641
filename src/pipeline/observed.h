#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "component/build_context.h"

namespace tollgate {

// Wrappers that every built component gets: its metrics, and what a node may hold beside the
// component itself.

/// input_received, input_latency_ns, connection counters; runs `processors` on what it gives.
std::unique_ptr<Input> observe_input(std::unique_ptr<Input> input,
                                     std::vector<ProcessorFactory> processors,
                                     BuildContext& context);

/// processor_received, processor_sent, processor_batch_…, processor_error, processor_latency_ns.
ProcessorFactory observe_processor(ProcessorFactory factory, BuildContext& context);

/// output_sent, output_batch_sent, output_error, output_latency_ns, connection counters; refuses
/// failed messages where error handling is strict. `isolated` becomes true if a batcher above finds
/// and logs culprits, so that refusals need not be logged here.
std::unique_ptr<Output> observe_output(std::unique_ptr<Output> output, BuildContext& context,
                                       std::shared_ptr<const std::atomic<bool>> isolated);

/// Runs `processors` before each write.
std::unique_ptr<Output> output_with_processors(std::unique_ptr<Output> output,
                                               std::vector<ProcessorFactory> processors);

/// cache_success, cache_error, cache_not_found, cache_duplicate, cache_latency_ns by operation.
std::unique_ptr<Cache> observe_cache(std::unique_ptr<Cache> cache, BuildContext& context);

/// rate_limit_checked, rate_limit_triggered, rate_limit_error.
std::unique_ptr<RateLimit> observe_rate_limit(std::unique_ptr<RateLimit> limit,
                                              BuildContext& context);

}  // namespace tollgate
