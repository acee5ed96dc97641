#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/schema.h"

namespace tollgate {

/// The configuration of a whole collector, as its file has it. Components stay nodes; component/
/// builds them.
struct ServiceConfig {
  struct Cors {
    bool enabled = false;
    std::vector<std::string> allowed_origins;
  };
  struct BasicAuth {
    bool enabled = false;
    std::string realm = "restricted";
    std::string username;
    std::string password_hash;
    std::string algorithm = "sha256";
    std::string salt;
  };
  struct Http {
    bool enabled = true;
    std::string address = "0.0.0.0:4195";
    std::string root_path = "/benthos";
    bool debug_endpoints = false;
    std::string cert_file;
    std::string key_file;
    std::optional<std::string> client_ca_file;
    Cors cors;
    BasicAuth basic_auth;
  };
  struct Pipeline {
    int threads = -1;  ///< 0 and less: one for each processor of the machine
    std::vector<ChildProcessor> processors;
  };
  struct LogFile {
    std::string path;
    bool rotate = false;
    int rotate_max_age_days = 0;
  };
  struct Logger {
    std::string level = "INFO";
    std::string format = "logfmt";
    bool add_timestamp = true;
    std::string level_name = "level";
    std::string timestamp_name = "time";
    std::string message_name = "msg";
    std::map<std::string, std::string> static_fields{{"@service", "benthos"}};
    LogFile file;
  };
  struct ErrorHandling {
    bool strict = false;
  };
  struct TestMessage {
    std::optional<std::string> content;
    std::optional<Node> json_content;
    std::optional<std::string> file_content;
    std::optional<std::map<std::string, Node>> metadata;
  };
  struct TestConditions {
    std::optional<MappingText> bloblang;
    std::optional<std::string> content_equals;
    std::optional<std::string> content_matches;
    std::optional<std::map<std::string, Node>> metadata_equals;
    std::optional<std::string> file_equals;
    std::optional<std::string> file_json_equals;
    std::optional<std::string> file_json_contains;
    std::optional<Node> json_equals;
    std::optional<Node> json_contains;
  };
  struct Test {
    std::string name;
    std::optional<std::map<std::string, std::string>> environment;
    std::string target_processors = "/pipeline/processors";
    std::string target_mapping;
    std::optional<std::map<std::string, Node>> mocks;
    std::vector<TestMessage> input_batch;
    std::vector<std::vector<TestMessage>> input_batches;
    std::vector<std::vector<TestConditions>> output_batches;
  };

  Http http;
  ChildInput input{default_component("stdin")};
  ChildBuffer buffer{default_component("none")};
  Pipeline pipeline;
  ChildOutput output{default_component("stdout")};
  std::vector<ChildInput> input_resources;
  std::vector<ChildProcessor> processor_resources;
  std::vector<ChildOutput> output_resources;
  std::vector<ChildCache> cache_resources;
  std::vector<ChildRateLimit> rate_limit_resources;
  Logger logger;
  ChildMetrics metrics{default_component("prometheus").with("mapping", Node::of(""))};
  ChildTracer tracer{default_component("none")};
  Duration shutdown_delay = "0s";
  Duration shutdown_timeout = "20s";
  ErrorHandling error_handling;
  std::vector<Test> tests;
  bool parallel = true;  ///< accepted and without effect

  static Node default_component(const char* name);
};

/// Of the main file.
const Schema<ServiceConfig>& service_schema();
/// Of one of its `tests`.
const Schema<ServiceConfig::Test>& test_schema();
/// Of a file of resources (`-r`): the `*_resources` lists and `tests`.
const Schema<ServiceConfig>& resource_schema();
/// Of a stream in streams mode: input, buffer, pipeline, output and `tests`.
const Schema<ServiceConfig>& stream_schema();
/// Of the root file in streams mode (`-o`): all but the four sections of a stream.
const Schema<ServiceConfig>& observability_schema();

/// The config that `root` holds, with every problem reported to `context`; labels of resources are
/// required.
ServiceConfig read_service(const Schema<ServiceConfig>& schema, const Node& root,
                           ReadContext& context);

}  // namespace tollgate
