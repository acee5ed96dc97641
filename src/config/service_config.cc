#include "config/service_config.h"

#include <algorithm>
#include <array>

namespace tollgate {

namespace {

using Cors = ServiceConfig::Cors;
using BasicAuth = ServiceConfig::BasicAuth;
using Http = ServiceConfig::Http;
using Pipeline = ServiceConfig::Pipeline;
using LogFile = ServiceConfig::LogFile;
using Logger = ServiceConfig::Logger;
using ErrorHandling = ServiceConfig::ErrorHandling;
using TestMessage = ServiceConfig::TestMessage;
using TestConditions = ServiceConfig::TestConditions;
using Test = ServiceConfig::Test;

const Schema<Cors>& cors_schema() {
  static const Schema<Cors> fields{
      field("enabled", &Cors::enabled, "Whether browsers of other origins may call the API.")
          .advanced(),
      field("allowed_origins", &Cors::allowed_origins,
            "The origins that may; at least one is needed.")
          .advanced(),
  };
  return fields;
}

const Schema<BasicAuth>& basic_auth_schema() {
  static const Schema<BasicAuth> fields{
      field("enabled", &BasicAuth::enabled, "Whether every endpoint asks for a name and password.")
          .advanced(),
      field("realm", &BasicAuth::realm, "The realm named in the challenge.").advanced(),
      field("username", &BasicAuth::username, "The name to ask for.").advanced(),
      field("password_hash", &BasicAuth::password_hash, "Base64 of the hash of the password.")
          .advanced(),
      field("algorithm", &BasicAuth::algorithm, "How the password was hashed.")
          .advanced()
          .suggestions({"md5", "sha256", "bcrypt", "scrypt"}),
      field("salt", &BasicAuth::salt, "Base64 of the salt; for scrypt only.").advanced(),
  };
  return fields;
}

const Schema<Http>& http_schema() {
  static const Schema<Http> fields{
      field("enabled", &Http::enabled, "Whether the collector listens for HTTP requests."),
      field("address", &Http::address, "The address to listen on."),
      field("root_path", &Http::root_path,
            "A prefix under which every endpoint is served as well as at the root."),
      field("debug_endpoints", &Http::debug_endpoints,
            "Whether to serve `/debug/*`, which shows the configuration and the program's state."),
      field("cert_file", &Http::cert_file, "A certificate file; serves HTTPS.").advanced(),
      field("key_file", &Http::key_file, "The key of the certificate.").advanced(),
      field("client_ca_file", &Http::client_ca_file,
            "A file of authorities; every client must show a certificate that one of them signed.")
          .advanced()
          .foreign(),
      section("cors", &Http::cors, cors_schema(), "Cross-origin requests.").advanced(),
      section("basic_auth", &Http::basic_auth, basic_auth_schema(), "Basic authentication.")
          .advanced(),
  };
  return fields;
}

const Schema<Pipeline>& pipeline_schema() {
  static const Schema<Pipeline> fields{
      field("threads", &Pipeline::threads,
            "How many batches are processed at a time; 0 or less: one for each processor of the "
            "machine."),
      field("processors", &Pipeline::processors, "What every batch goes through, in this order."),
  };
  return fields;
}

const Schema<LogFile>& log_file_schema() {
  static const Schema<LogFile> fields{
      field("path", &LogFile::path, "The file to write the log to instead of the console.")
          .advanced(),
      field("rotate", &LogFile::rotate, "Whether to start a new file at 10 MB and keep one.")
          .advanced(),
      field("rotate_max_age_days", &LogFile::rotate_max_age_days,
            "Days after which an old file is deleted; 0: never.")
          .advanced(),
  };
  return fields;
}

const Schema<Logger>& logger_schema() {
  static const Schema<Logger> fields{
      field("level", &Logger::level, "The least severe level that is logged.")
          .suggestions({"OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL", "NONE"}),
      field("format", &Logger::format, "How lines are written.").options({"json", "logfmt"}),
      field("add_timestamp", &Logger::add_timestamp, "Whether lines carry the time."),
      field("level_name", &Logger::level_name, "The key of the level.").advanced(),
      field("timestamp_name", &Logger::timestamp_name, "The key of the time.").advanced(),
      field("message_name", &Logger::message_name, "The key of the message.").advanced(),
      field("static_fields", &Logger::static_fields, "Keys and values that every line carries."),
      section("file", &Logger::file, log_file_schema(), "Logging to a file.").advanced(),
  };
  return fields;
}

const Schema<ErrorHandling>& error_handling_schema() {
  static const Schema<ErrorHandling> fields{
      field("strict", &ErrorHandling::strict,
            "Whether messages that failed a processor are rejected instead of going on.")
          .advanced(),
  };
  return fields;
}

const Schema<TestMessage>& test_message_schema() {
  static const Schema<TestMessage> fields{
      field("content", &TestMessage::content, "The payload."),
      field("json_content", &TestMessage::json_content, "The payload as YAML, sent as JSON."),
      field("file_content", &TestMessage::file_content, "A file with the payload."),
      field("metadata", &TestMessage::metadata, "The metadata."),
  };
  return fields;
}

const Schema<TestConditions>& test_conditions_schema() {
  static const Schema<TestConditions> fields{
      field("bloblang", &TestConditions::bloblang, "A query that must give true."),
      field("content_equals", &TestConditions::content_equals, "The payload."),
      field("content_matches", &TestConditions::content_matches,
            "A regular expression that matches somewhere in the payload."),
      field("metadata_equals", &TestConditions::metadata_equals, "Metadata it must have."),
      field("file_equals", &TestConditions::file_equals, "A file with the payload."),
      field("file_json_equals", &TestConditions::file_json_equals,
            "A file with the same JSON document."),
      field("file_json_contains", &TestConditions::file_json_contains,
            "A file with a JSON document that the payload contains."),
      field("json_equals", &TestConditions::json_equals, "The payload as a JSON document."),
      field("json_contains", &TestConditions::json_contains,
            "A JSON document that the payload contains."),
  };
  return fields;
}

constexpr std::array stream_keys{"input", "buffer", "pipeline", "output"};
constexpr std::array resource_keys{"input_resources", "processor_resources", "output_resources",
                                   "cache_resources", "rate_limit_resources"};

template <typename Keep>
Schema<ServiceConfig> subset(Keep keep) {
  Schema<ServiceConfig> fields;
  for (const auto& each : service_schema()) {
    if (keep(each.spec.key)) fields.push_back(each);
  }
  return fields;
}

bool is_one_of(const auto& keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

bool in_every_file(std::string_view key) { return key == "tests" || key == "parallel"; }

Schema<ServiceConfig> make_service_schema() {
  using S = ServiceConfig;
  return {
      section("http", &S::http, http_schema(), "The HTTP server of the collector."),
      field("input", &S::input, "Where messages come from."),
      field("buffer", &S::buffer, "What messages wait in between input and pipeline."),
      section("pipeline", &S::pipeline, pipeline_schema(), "What is done with messages."),
      field("output", &S::output, "Where messages go."),
      field("input_resources", &S::input_resources, "Inputs that others name by label.").advanced(),
      field("processor_resources", &S::processor_resources,
            "Processors that others name by label.")
          .advanced(),
      field("output_resources", &S::output_resources, "Outputs that others name by label.")
          .advanced(),
      field("cache_resources", &S::cache_resources, "Caches that components name by label.")
          .advanced(),
      field("rate_limit_resources", &S::rate_limit_resources,
            "Rate limits that components name by label.")
          .advanced(),
      section("logger", &S::logger, logger_schema(), "The collector's own log."),
      field("metrics", &S::metrics, "How measurements leave the collector."),
      field("tracer", &S::tracer, "How traces leave the collector."),
      field("shutdown_delay", &S::shutdown_delay,
            "How long to go on working after the signal to stop."),
      field("shutdown_timeout", &S::shutdown_timeout,
            "How long to wait for messages under way before the collector stops all the same."),
      section("error_handling", &S::error_handling, error_handling_schema(),
              "What becomes of messages that failed.")
          .advanced(),
      sections("tests", &S::tests, test_schema(), "Tests that `tollgate test` runs.").advanced(),
      field("parallel", &S::parallel, "Has no effect.").deprecated(),
  };
}

}  // namespace

Node ServiceConfig::default_component(const char* name) {
  return Node::map({{name, {}, Node::map({})}});
}

const Schema<ServiceConfig::Test>& test_schema() {
  static const Schema<Test> fields{
      required("name", &Test::name, "What the test is called."),
      field("environment", &Test::environment, "Environment variables while it is read."),
      field("target_processors", &Test::target_processors,
            "The processors under test: a JSON pointer, a label, or a file with either."),
      field("target_mapping", &Test::target_mapping, "A mapping file to test instead."),
      field("mocks", &Test::mocks, "Processors that replace others, by label or JSON pointer."),
      sections("input_batch", &Test::input_batch, test_message_schema(), "A batch to send."),
      section_lists("input_batches", &Test::input_batches, test_message_schema(),
                    "Several batches to send."),
      section_lists("output_batches", &Test::output_batches, test_conditions_schema(),
                    "What each message of each resulting batch must be like."),
  };
  return fields;
}

const Schema<ServiceConfig>& service_schema() {
  static const Schema<ServiceConfig> fields = make_service_schema();
  return fields;
}

const Schema<ServiceConfig>& resource_schema() {
  static const Schema<ServiceConfig> fields = subset([](std::string_view key) {
    return is_one_of(resource_keys, key) || in_every_file(key);
  });
  return fields;
}

const Schema<ServiceConfig>& stream_schema() {
  static const Schema<ServiceConfig> fields = subset([](std::string_view key) {
    return is_one_of(stream_keys, key) || in_every_file(key);
  });
  return fields;
}

const Schema<ServiceConfig>& observability_schema() {
  static const Schema<ServiceConfig> fields =
      subset([](std::string_view key) { return !is_one_of(stream_keys, key); });
  return fields;
}

ServiceConfig read_service(const Schema<ServiceConfig>& schema, const Node& root,
                           ReadContext& context) {
  context.strict_errors = root["error_handling"]["strict"].text() == "true";
  for (const char* key : resource_keys) {
    for (const Node& resource : root[key].items()) {
      if (resource.is(Node::Kind::map) && resource["label"].text().empty()) {
        context.error(resource.position(),
                      "the label field for resources must be unique and not empty");
      }
    }
  }
  return read(schema, root, context);
}

}  // namespace tollgate
