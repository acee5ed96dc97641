#include "cli/service.h"

#include <fmt/format.h>

#include <fstream>
#include <set>

#include "cli/basic_auth.h"
#include "cli/command.h"
#include "cli/environment_secrets.h"
#include "config/normalise.h"
#include "net/url.h"

namespace tollgate {

namespace {

constexpr auto kStallAfter = std::chrono::seconds(60);
constexpr auto kObservationInterval = std::chrono::seconds(1);

using Clock = std::chrono::steady_clock;

std::vector<Node> nodes_of(const auto& children) {
  std::vector<Node> nodes;
  for (const auto& child : children) nodes.push_back(child.node);
  return nodes;
}

/// Scheme, host and path of every `url` and `address` below an output: what tells this meter's
/// identities from another's. Tokens, counts and timeouts do not matter to it.
void collect_destinations(const Node& node, std::set<std::string>& found) {
  for (const auto& entry : node.entries()) {
    if ((entry.key == "url" || entry.key == "address") && entry.value.is_scalar()) {
      const std::string_view url = entry.value.text();
      found.emplace(url.substr(0, url.find_first_of("?#")));
    }
    collect_destinations(entry.value, found);
  }
  for (const Node& item : node.items()) collect_destinations(item, found);
}

std::string identity_salt(const ServiceConfig& config) {
  std::set<std::string> destinations;
  collect_destinations(config.output.node, destinations);
  for (const auto& output : config.output_resources) {
    collect_destinations(output.node, destinations);
  }
  std::string salt;
  for (const auto& each : destinations) salt += each + '\n';
  return salt;
}

std::size_t read_number(const char* path) {
  std::ifstream file(path);
  std::size_t number = 0;
  return file >> number ? number : 0;
}

}  // namespace

std::size_t default_memory_limit() {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  std::size_t available = read_number("/sys/fs/cgroup/memory.max");
  if (available == 0) available = read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  std::size_t kilobytes = 0;
  if (meminfo >> key >> kilobytes && (available == 0 || available > kilobytes * 1024)) {
    available = kilobytes * 1024;
  }
  return available == 0 ? kMost : std::min(available / 2, kMost);
}

// Endpoints ---------------------------------------------------------------------------------------

ServiceEndpoints::ServiceEndpoints(const ServiceConfig::Http& config, Logger logger,
                                   Authorize authorize)
    : config_(config), logger_(std::move(logger)) {
  if (!config_.enabled) return;
  HttpServer::Options options;
  options.address = config_.address;
  options.tls.cert_file = config_.cert_file;
  options.tls.key_file = config_.key_file;
  if (config_.cors.enabled) options.cors_origins = config_.cors.allowed_origins;
  options.authorize = std::move(authorize);
  options.on_misuse = [logger = logger_](std::string explanation) { logger.warn("{}", explanation); };
  options.on_reload = [logger = logger_](std::string notice) { logger.info("{}", notice); };
  server_ = std::make_unique<HttpServer>(std::move(options));
}

ServiceEndpoints::~ServiceEndpoints() = default;

void ServiceEndpoints::add(std::string path, std::string description,
                           HttpServer::Handler handler) {
  if (!server_) return;
  for (const std::string& each : {path, config_.root_path + path}) {
    if (auto added = server_->handle(each, handler); !added) {
      logger_.error("endpoint {}: {}", each, added.error().message());
    }
  }
  std::lock_guard lock(lock_);
  descriptions_[path] = std::move(description);
}

void ServiceEndpoints::add_websocket(std::string path, std::string description,
                                     HttpServer::WebSocketHandler handler) {
  if (!server_) return;
  for (const std::string& each : {path, config_.root_path + path}) {
    if (auto added = server_->handle_websocket(each, handler); !added) {
      logger_.error("endpoint {}: {}", each, added.error().message());
    }
  }
  std::lock_guard lock(lock_);
  descriptions_[path] = std::move(description);
}

void ServiceEndpoints::remove(std::string_view path) {
  if (!server_) return;
  server_->remove(path);
  server_->remove(config_.root_path + std::string(path));
  std::lock_guard lock(lock_);
  descriptions_.erase(std::string(path));
}

Result<> ServiceEndpoints::start() {
  if (!server_) return {};
  add("/endpoints", "Lists these endpoints.", [this](ServerRequest, Responder responder) {
    std::vector<Node::Entry> entries;
    {
      std::lock_guard lock(lock_);
      for (const auto& [path, text] : descriptions_) entries.push_back({path, {}, Node::of(text)});
    }
    responder.respond(ServerResponse::json(200, print_json(Node::map(std::move(entries)))));
  });
  TRY(server_->start());
  logger_.info("Listening for HTTP requests at: {}://{}",
               config_.cert_file.empty() ? "http" : "https", config_.address);
  return {};
}

void ServiceEndpoints::stop() {
  if (server_) server_->stop(std::chrono::milliseconds(200));
}

// Service -----------------------------------------------------------------------------------------

Service::Service(const LoadedConfig& config, const Catalogue& catalogue, Logger logger,
                 std::size_t memory_limit, ServiceEndpoints::Authorize authorize)
    : logger_(logger),
      metrics_(logger),
      endpoints_(config.config.http, logger, std::move(authorize)),
      environment_(catalogue, logger, metrics_, endpoints_, memory_limit),
      health_(environment_.ledger, kStallAfter),
      shutdown_delay_(config.config.shutdown_delay.value) {
  environment_.strict = config.config.error_handling.strict;
}

Service::~Service() {
  environment_.timers.cancel(observation_);
  endpoints_.stop();
}

Result<std::unique_ptr<Service>> Service::make(const LoadedConfig& config,
                                               const Catalogue& catalogue, Logger logger,
                                               const Options& options) {
  const auto limit = options.memory_limit ? options.memory_limit : default_memory_limit();
  ServiceEndpoints::Authorize authorize;
  const auto& basic_auth = config.config.http.basic_auth;
  if (basic_auth.enabled) authorize = TRY(basic_auth_check(basic_auth));
  std::unique_ptr<Service> service(
      new Service(config, catalogue, std::move(logger), limit, std::move(authorize)));
  TRY(service->start_metrics(config.config));
  service->running_ = TRY(service->build(config));
  service->add_endpoints();
  if (config.config.http.debug_endpoints) {
    service->add_debug_endpoints(
        hide_environment_secrets(TRY(normalise_config(config.root, catalogue))));
  }
  return service;
}

Result<> Service::start_metrics(const ServiceConfig& config) {
  const Node mapping = config.metrics.node["mapping"];
  if (mapping && !mapping.text().empty()) {
    auto compiled = Mapping::compile(mapping.text());
    if (!compiled) return invalid("metrics.mapping: " + compiled.error().one_line());
    metrics_.set_mapping(std::make_shared<const Mapping>(std::move(*compiled)));
  }
  Resources none(environment_, {});
  exporter_ = TRY(build_metrics(environment_, none, config.metrics.node));
  return exporter_->start();
}

Result<std::unique_ptr<Service::Running>> Service::build(const LoadedConfig& loaded) {
  const ServiceConfig& config = loaded.config;
  environment_.identity_salt = identity_salt(config);
  auto running = std::make_unique<Running>();
  running->shutdown_timeout = config.shutdown_timeout.value;
  running->resources = std::make_unique<Resources>(
      environment_, Resources::Definitions{
                        nodes_of(config.input_resources), nodes_of(config.processor_resources),
                        nodes_of(config.output_resources), nodes_of(config.cache_resources),
                        nodes_of(config.rate_limit_resources)});
  TRY(running->resources->build_all());
  running->stream = TRY(Stream::build(
      environment_, *running->resources,
      {config.input.node, config.buffer.node, config.output.node, config.pipeline.threads,
       nodes_of(config.pipeline.processors)}));
  return running;
}

Result<> Service::start(Running& running) {
  Stream* stream = running.stream.get();
  TRY(stream->start());
  running.watched.push_back(health_.add({"", "root.input", "input",
                                         [stream] { return stream->input_connected(); },
                                         [] { return std::string(); }}));
  running.watched.push_back(health_.add({"", "root.output", "output",
                                         [stream] { return stream->output_connected(); },
                                         [] { return std::string(); }}));
  return {};
}

bool Service::stop(Running& running) {
  const auto deadline = Clock::now() + running.shutdown_timeout;
  const bool clean = running.stream->stop(deadline);
  running.resources->close(deadline);
  for (const auto number : running.watched) health_.remove(number);
  return clean;
}

void Service::add_endpoints() {
  endpoints_.add("/ping", "Answers 200 while the process lives.",
                 [](ServerRequest, Responder responder) {
                   responder.respond(ServerResponse::text(200, "pong"));
                 });
  endpoints_.add("/version", "The program's version.", [](ServerRequest, Responder responder) {
    responder.respond(
        ServerResponse::json(200, fmt::format(R"({{"version":"{}","built":""}})", version())));
  });
  endpoints_.add("/ready", "Answers 200 while input and output are connected and records flow.",
                 [this](ServerRequest, Responder responder) {
                   auto report = health_.report();
                   responder.respond(ServerResponse::json(report.status(), std::move(report.body)));
                 });
  const auto page = [this](ServerRequest, Responder responder) {
    std::string type;
    auto text = exporter_->page(type);
    if (!text) return responder.respond(ServerResponse::text(404, "no metrics page"));
    ServerResponse response;
    response.headers.push_back({"Content-Type", type});
    response.body = std::move(*text);
    response.gzip = true;
    responder.respond(std::move(response));
  };
  endpoints_.add("/metrics", "The metrics.", page);
  endpoints_.add("/stats", "The metrics.", page);

  publish_ledger(environment_.ledger, metrics_);
  metrics_.gauge_function("memory_in_flight_bytes", {}, [this] {
    return static_cast<double>(environment_.budget.used());
  });
}

void Service::add_debug_endpoints(const Node& config) {
  endpoints_.add("/debug/config/json", "The configuration as understood, secrets scrubbed.",
                 [text = print_json(config)](ServerRequest, Responder responder) {
                   responder.respond(ServerResponse::json(200, text));
                 });
  endpoints_.add("/debug/config/yaml", "The same as YAML.",
                 [text = print_yaml(config)](ServerRequest, Responder responder) {
                   responder.respond(ServerResponse::text(200, text));
                 });
}

void Service::observe_regularly() {
  health_.observe();
  if (!environment_.ledger.totals().balanced()) {
    logger_.error("The ledger does not balance, this is a bug: {}",
                  Ledger::describe(environment_.ledger.totals()));
  }
  if (!stop_requested_) {
    observation_ = environment_.timers.after(kObservationInterval, [this] { observe_regularly(); });
  }
}

Result<> Service::run() {
  TRY(endpoints_.start());
  if (auto started = start(*running_); !started) {
    stop(*running_);
    return started;
  }
  observe_regularly();
  while (!stop_requested_) {
    Stream* stream = nullptr;
    {
      std::lock_guard lock(running_lock_);
      stream = running_->stream.get();
    }
    const bool ended = stream->wait_finished();
    std::lock_guard lock(running_lock_);
    if (running_->stream.get() != stream) continue;  // a reload interrupted it
    if (ended) {
      logger_.info("Pipeline has terminated. Shutting down the service");
      break;
    }
  }
  if (stop_requested_ && shutdown_delay_.count() > 0) {
    std::unique_lock lock(delay_lock_);
    delay_ended_.wait_for(lock, shutdown_delay_);
  }
  std::lock_guard lock(running_lock_);
  const bool clean = stop(*running_);
  exporter_->stop();
  logger_.info("Final count: {}", Ledger::describe(environment_.ledger.totals()));
  if (!clean) {
    return cancelled("the shutdown timeout passed with records under way; their senders were told "
                     "to send them again");
  }
  return {};
}

void Service::request_stop() {
  stop_requested_ = true;
  delay_ended_.notify_all();
  std::unique_lock lock(running_lock_, std::try_to_lock);  // held while stopping: nothing to do then
  if (lock) running_->stream->interrupt();
}

Result<> Service::reload(const LoadedConfig& config) {
  auto next = TRY(build(config));
  std::lock_guard lock(running_lock_);
  if (stop_requested_) return {};
  stop(*running_);
  running_->stream->interrupt();
  std::unique_ptr<Running> old = std::exchange(running_, std::move(next));
  return start(*running_);
}

}  // namespace tollgate
