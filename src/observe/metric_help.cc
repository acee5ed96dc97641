#include <algorithm>
#include <string_view>

#include "observe/metrics.h"

namespace tollgate {

namespace {

struct Help {
  std::string_view name;
  std::string_view text;
};

constexpr Help kHelp[] = {  // sorted by name
    {"batch_created", "Batches made, by what completed them."},
    {"benchmark_bytes_per_second", "Payload bytes that passed in the last second."},
    {"benchmark_bytes_total", "Payload bytes that passed."},
    {"benchmark_messages_per_second", "Messages that passed in the last second."},
    {"benchmark_messages_total", "Messages that passed."},
    {"buffer_batch_received", "Batches put into the buffer."},
    {"buffer_batch_sent", "Batches taken out of the buffer."},
    {"buffer_latency_ns", "Time from leaving the buffer to the acknowledgement, in nanoseconds."},
    {"buffer_received", "Messages put into the buffer."},
    {"buffer_sent", "Messages taken out of the buffer."},
    {"cache_duplicate", "Additions of keys that were there already."},
    {"cache_error", "Cache operations that failed."},
    {"cache_latency_ns", "Time of cache operations, in nanoseconds."},
    {"cache_not_found", "Look-ups of keys that were not there."},
    {"cache_success", "Cache operations that succeeded."},
    {"http_request_code_1xx", "HTTP requests answered with a status of 100 to 199."},
    {"http_request_code_2xx", "HTTP requests answered with a status of 200 to 299."},
    {"http_request_code_3xx", "HTTP requests answered with a status of 300 to 399."},
    {"http_request_code_4xx", "HTTP requests answered with a status of 400 to 499."},
    {"http_request_code_5xx", "HTTP requests answered with a status of 500 to 599."},
    {"http_request_latency_ns", "Time of single HTTP requests, in nanoseconds."},
    {"input_connection_failed", "Attempts to connect the input that failed."},
    {"input_connection_lost", "Connections of the input that were lost."},
    {"input_connection_up", "Connections of the input that were made."},
    {"input_latency_ns", "Time from reading a message to its acknowledgement, in nanoseconds."},
    {"input_received", "Messages read by the input."},
    {"ledger_dead_lettered", "Root records set aside with the reason."},
    {"ledger_delivered", "Root records that the destination or a durable buffer took."},
    {"ledger_dropped", "Root records given up by a rule of the configuration."},
    {"ledger_failed", "Root records that nobody took and the sender still owns."},
    {"ledger_filtered", "Root records removed by a processor on purpose."},
    {"ledger_pending", "Root records that are received and not settled yet."},
    {"ledger_received", "Root records received."},
    {"output_batch_sent", "Batches that the output delivered."},
    {"output_connection_failed", "Attempts to connect the output that failed."},
    {"output_connection_lost", "Connections of the output that were lost."},
    {"output_connection_up", "Connections of the output that were made."},
    {"output_error", "Writes that failed."},
    {"output_failed_messages", "Messages whose processing failed that came to the output as they were."},
    {"output_invalid_events", "Messages refused because they are no valid CloudEvents."},
    {"output_latency_ns", "Time of single writes, in nanoseconds."},
    {"output_rejected", "Messages that the output refused because they were flagged as failed."},
    {"output_sent", "Messages that the output delivered."},
    {"processor_batch_received", "Batches given to the processor."},
    {"processor_batch_sent", "Batches that left the processor."},
    {"processor_error", "Messages that the processor flagged as failed."},
    {"processor_latency_ns", "Time of processing one batch, in nanoseconds."},
    {"processor_received", "Messages given to the processor."},
    {"processor_sent", "Messages that left the processor."},
    {"rate_limit_checked", "Questions asked of the rate limit."},
    {"rate_limit_error", "Questions that the rate limit could not answer."},
    {"rate_limit_triggered", "Questions that the rate limit answered with a wait."},
};
static_assert(std::ranges::is_sorted(kHelp, {}, &Help::name));

}  // namespace

std::string_view metric_help(std::string_view name) {
  const auto* found = std::ranges::lower_bound(kHelp, name, {}, &Help::name);
  return found != std::end(kHelp) && found->name == name ? found->text : std::string_view();
}

}  // namespace tollgate
