#include "config/incumbent.h"

#include <algorithm>
#include <span>

namespace tollgate {

namespace {

using Names = std::span<const std::string_view>;

// Each sorted, of releases 4.77 and thereabouts.
constexpr std::string_view kInputs[]{
    "amqp_0_9", "amqp_1", "aws_cloudwatch_logs", "aws_dynamodb_cdc", "aws_kinesis", "aws_s3",
    "aws_sqs", "azure_blob_storage", "azure_cosmosdb", "azure_queue_storage",
    "azure_table_storage", "batched", "beanstalkd", "broker", "cassandra",
    "cockroachdb_changefeed", "csv", "discord", "dynamic", "file", "gcp_bigquery_select",
    "gcp_cloud_storage", "gcp_pubsub", "generate", "git", "hdfs", "http_client", "http_server",
    "inproc", "kafka", "kafka_franz", "kubernetes_resources", "mongodb", "mqtt", "mysql_cdc",
    "nanomsg", "nats", "nats_jetstream", "nats_kv", "nats_stream", "nsq", "ockam_kafka",
    "otel_log", "otlp_grpc", "otlp_http", "parquet", "pg_stream", "postgres_cdc", "prometheus",
    "pulsar", "read_until", "redis_list", "redis_pubsub", "redis_scan", "redis_streams",
    "redpanda", "redpanda_migrator", "resource", "run_ai", "schedule", "schema_registry",
    "sequence", "sftp", "socket", "socket_server", "spicedb_watch", "sql_raw", "sql_select",
    "stdin", "subprocess", "timeplus", "twitter_search", "websocket"};

constexpr std::string_view kBuffers[]{
    "memory", "none", "sqlite", "system_window"};

constexpr std::string_view kProcessors[]{
    "archive", "avro", "awk", "aws_bedrock_chat", "aws_bedrock_embeddings",
    "aws_dynamodb_partiql", "aws_lambda", "azure_cosmosdb", "benchmark", "bloblang",
    "bounds_check", "branch", "cache", "cached", "catch", "cohere_chat", "cohere_embeddings",
    "cohere_rerank", "command", "compress", "couchbase", "crash", "decompress", "dedupe",
    "for_each", "gcp_bigquery_select", "gcp_vertex_ai_chat", "gcp_vertex_ai_embeddings", "grok",
    "group_by", "group_by_value", "http", "insert_part", "javascript", "jmespath", "jq",
    "json_schema", "log", "mapping", "metric", "mongodb", "msgpack", "mutation", "nats_kv",
    "nats_request_reply", "noop", "ollama_chat", "ollama_embeddings", "ollama_moderation",
    "openai_chat_completion", "openai_embeddings", "openai_image_generation", "openai_speech",
    "openai_transcription", "openai_translation", "parallel", "parquet", "parquet_decode",
    "parquet_encode", "parse_log", "processors", "protobuf", "qdrant", "rate_limit", "redis",
    "redis_script", "redpanda_data_transform", "resource", "retry", "schema_registry_decode",
    "schema_registry_encode", "select_parts", "sentry_capture", "sleep", "split", "sql",
    "sql_insert", "sql_raw", "sql_select", "string_split", "subprocess", "switch",
    "sync_response", "text_chunker", "try", "try_catch", "unarchive", "wasm", "while",
    "workflow", "xml"};

constexpr std::string_view kOutputs[]{
    "amqp_0_9", "amqp_1", "arc", "aws_dynamodb", "aws_kinesis", "aws_kinesis_firehose",
    "aws_s3", "aws_sns", "aws_sqs", "azure_blob_storage", "azure_cosmosdb",
    "azure_data_lake_gen2", "azure_queue_storage", "azure_table_storage", "beanstalkd",
    "broker", "cache", "cassandra", "couchbase", "cyborgdb", "cypher", "discord",
    "doris_stream_load", "drop", "drop_on", "dynamic", "elasticsearch_v8", "elasticsearch_v9",
    "fallback", "file", "gcp_bigquery", "gcp_cloud_storage", "gcp_pubsub", "hdfs",
    "http_client", "http_server", "inproc", "kafka", "kafka_franz", "mongodb", "mqtt",
    "nanomsg", "nats", "nats_jetstream", "nats_kv", "nats_stream", "nsq", "ockam_kafka",
    "openmeter", "opensearch", "otel_log", "otlp_grpc", "otlp_http", "pinecone", "pulsar",
    "pusher", "qdrant", "questdb", "redis_hash", "redis_list", "redis_pubsub", "redis_streams",
    "redpanda", "redpanda_migrator", "reject", "reject_errored", "resource", "retry",
    "schema_registry", "sftp", "socket", "sql", "sql_insert", "sql_raw", "stdout", "subprocess",
    "switch", "sync_response", "websocket"};

constexpr std::string_view kCaches[]{
    "aws_dynamodb", "aws_s3", "couchbase", "file", "gcp_cloud_storage", "lru", "memcached",
    "memory", "mongodb", "multilevel", "nats_kv", "noop", "redis", "redpanda", "ristretto",
    "sql", "ttlru"};

constexpr std::string_view kRateLimits[]{
    "local", "redis"};

constexpr std::string_view kMetrics[]{
    "aws_cloudwatch", "influxdb", "json_api", "logger", "none", "open_telemetry_collector",
    "prometheus", "statsd"};

constexpr std::string_view kTracers[]{
    "gcp_cloudtrace", "jaeger", "none", "open_telemetry_collector", "redpanda"};

constexpr std::string_view kScanners[]{
    "avro", "chunker", "csv", "decompress", "json_array", "json_documents", "lines", "re_match",
    "skip_bom", "switch", "tar", "to_the_end"};

Names names_of(ComponentKind kind) {
  switch (kind) {
    case ComponentKind::input: return kInputs;
    case ComponentKind::buffer: return kBuffers;
    case ComponentKind::processor: return kProcessors;
    case ComponentKind::output: return kOutputs;
    case ComponentKind::cache: return kCaches;
    case ComponentKind::rate_limit: return kRateLimits;
    case ComponentKind::metrics: return kMetrics;
    case ComponentKind::tracer: return kTracers;
    case ComponentKind::scanner: return kScanners;
  }
  return {};
}

}  // namespace

bool incumbent_has(ComponentKind kind, std::string_view name) {
  return std::ranges::binary_search(names_of(kind), name);
}

}  // namespace tollgate
