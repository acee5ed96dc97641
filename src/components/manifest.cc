// Every component this program contains, in alphabetical order. A new component is one line in its
// list and one in the declarations; tests/tidy/manifest.py compares them with the folders.

#include "components/manifest.h"

#include <array>

namespace tollgate {

extern const InputType batched_input;
extern const InputType broker_input;
extern const InputType csv_input;
extern const InputType file_input;
extern const InputType generate_input;
extern const InputType http_client_input;
extern const InputType http_server_input;
extern const InputType inproc_input;
extern const InputType otel_log_input;
extern const InputType read_until_input;
extern const InputType resource_input;
extern const InputType schedule_input;
extern const InputType sequence_input;
extern const InputType stdin_input;

extern const BufferType journal_buffer;
extern const BufferType memory_buffer;
extern const BufferType none_buffer;
extern const BufferType sqlite_buffer;
extern const BufferType system_window_buffer;

extern const ProcessorType archive_processor;
extern const ProcessorType benchmark_processor;
extern const ProcessorType bloblang_processor;
extern const ProcessorType bounds_check_processor;
extern const ProcessorType branch_processor;
extern const ProcessorType cache_processor;
extern const ProcessorType cached_processor;
extern const ProcessorType catch_processor;
extern const ProcessorType command_processor;
extern const ProcessorType compress_processor;
extern const ProcessorType crash_processor;
extern const ProcessorType decompress_processor;
extern const ProcessorType dedupe_processor;
extern const ProcessorType for_each_processor;
extern const ProcessorType group_by_processor;
extern const ProcessorType group_by_value_processor;
extern const ProcessorType http_processor;
extern const ProcessorType insert_part_processor;
extern const ProcessorType json_schema_processor;
extern const ProcessorType log_processor;
extern const ProcessorType mapping_processor;
extern const ProcessorType metric_processor;
extern const ProcessorType msgpack_processor;
extern const ProcessorType mutation_processor;
extern const ProcessorType noop_processor;
extern const ProcessorType parallel_processor;
extern const ProcessorType parse_log_processor;
extern const ProcessorType processors_processor;
extern const ProcessorType rate_limit_processor;
extern const ProcessorType resource_processor;
extern const ProcessorType retry_processor;
extern const ProcessorType select_parts_processor;
extern const ProcessorType sleep_processor;
extern const ProcessorType split_processor;
extern const ProcessorType string_split_processor;
extern const ProcessorType switch_processor;
extern const ProcessorType sync_response_processor;
extern const ProcessorType try_catch_processor;
extern const ProcessorType try_processor;
extern const ProcessorType unarchive_processor;
extern const ProcessorType while_processor;
extern const ProcessorType xml_processor;

extern const OutputType broker_output;
extern const OutputType cache_output;
extern const OutputType drop_on_output;
extern const OutputType drop_output;
extern const OutputType fallback_output;
extern const OutputType file_output;
extern const OutputType http_client_output;
extern const OutputType inproc_output;
extern const OutputType openmeter_output;
extern const OutputType otel_log_output;
extern const OutputType reject_errored_output;
extern const OutputType reject_output;
extern const OutputType resource_output;
extern const OutputType retry_output;
extern const OutputType stdout_output;
extern const OutputType switch_output;
extern const OutputType sync_response_output;

extern const CacheType file_cache;
extern const CacheType lru_cache;
extern const CacheType memory_cache;
extern const CacheType multilevel_cache;
extern const CacheType noop_cache;
extern const CacheType ttlru_cache;

extern const RateLimitType local_rate_limit;

extern const ScannerType chunker_scanner;
extern const ScannerType csv_scanner;
extern const ScannerType decompress_scanner;
extern const ScannerType json_array_scanner;
extern const ScannerType json_documents_scanner;
extern const ScannerType lines_scanner;
extern const ScannerType re_match_scanner;
extern const ScannerType skip_bom_scanner;
extern const ScannerType switch_scanner;
extern const ScannerType tar_scanner;
extern const ScannerType to_the_end_scanner;

extern const MetricsType json_api_metrics;
extern const MetricsType logger_metrics;
extern const MetricsType none_metrics;
extern const MetricsType prometheus_metrics;

extern const TracerType none_tracer;

std::span<const InputType* const> inputs() {
  static constexpr std::array list{
      &batched_input,
      &broker_input,
      &csv_input,
      &file_input,
      &generate_input,
      &http_client_input,
      &http_server_input,
      &inproc_input,
      &otel_log_input,
      &read_until_input,
      &resource_input,
      &schedule_input,
      &sequence_input,
      &stdin_input,
  };
  return list;
}

std::span<const BufferType* const> buffers() {
  static constexpr std::array list{
      &journal_buffer,
      &memory_buffer,
      &none_buffer,
      &sqlite_buffer,
      &system_window_buffer,
  };
  return list;
}

std::span<const ProcessorType* const> processors() {
  static constexpr std::array list{
      &archive_processor,
      &benchmark_processor,
      &bloblang_processor,
      &bounds_check_processor,
      &branch_processor,
      &cache_processor,
      &cached_processor,
      &catch_processor,
      &command_processor,
      &compress_processor,
      &crash_processor,
      &decompress_processor,
      &dedupe_processor,
      &for_each_processor,
      &group_by_processor,
      &group_by_value_processor,
      &http_processor,
      &insert_part_processor,
      &json_schema_processor,
      &log_processor,
      &mapping_processor,
      &metric_processor,
      &msgpack_processor,
      &mutation_processor,
      &noop_processor,
      &parallel_processor,
      &parse_log_processor,
      &processors_processor,
      &rate_limit_processor,
      &resource_processor,
      &retry_processor,
      &select_parts_processor,
      &sleep_processor,
      &split_processor,
      &string_split_processor,
      &switch_processor,
      &sync_response_processor,
      &try_catch_processor,
      &try_processor,
      &unarchive_processor,
      &while_processor,
      &xml_processor,
  };
  return list;
}

std::span<const OutputType* const> outputs() {
  static constexpr std::array list{
      &broker_output,
      &cache_output,
      &drop_on_output,
      &drop_output,
      &fallback_output,
      &file_output,
      &http_client_output,
      &inproc_output,
      &openmeter_output,
      &otel_log_output,
      &reject_errored_output,
      &reject_output,
      &resource_output,
      &retry_output,
      &stdout_output,
      &switch_output,
      &sync_response_output,
  };
  return list;
}

std::span<const CacheType* const> caches() {
  static constexpr std::array list{
      &file_cache,
      &lru_cache,
      &memory_cache,
      &multilevel_cache,
      &noop_cache,
      &ttlru_cache,
  };
  return list;
}

std::span<const RateLimitType* const> rate_limits() {
  static constexpr std::array list{
      &local_rate_limit,
  };
  return list;
}

std::span<const ScannerType* const> scanners() {
  static constexpr std::array list{
      &chunker_scanner,
      &csv_scanner,
      &decompress_scanner,
      &json_array_scanner,
      &json_documents_scanner,
      &lines_scanner,
      &re_match_scanner,
      &skip_bom_scanner,
      &switch_scanner,
      &tar_scanner,
      &to_the_end_scanner,
  };
  return list;
}

std::span<const MetricsType* const> metrics_exporters() {
  static constexpr std::array list{
      &json_api_metrics,
      &logger_metrics,
      &none_metrics,
      &prometheus_metrics,
  };
  return list;
}

std::span<const TracerType* const> tracers() {
  static constexpr std::array list{
      &none_tracer,
  };
  return list;
}

}  // namespace tollgate
