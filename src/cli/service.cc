#include "cli/service.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "cli/basic_auth.h"
#include "cli/command.h"
#include "cli/environment_secrets.h"
#include "component/wait.h"
#include "config/normalise.h"
#include "net/url.h"

namespace tollgate {

namespace {

constexpr auto kStallAfter = std::chrono::seconds(60);
constexpr auto kObservationInterval = std::chrono::seconds(1);
constexpr const char* kStream = "stream";  // a source of faults, see Health

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

std::string ledger_file(const std::string& state_dir) {
  return std::filesystem::path(state_dir) / "ledger";
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
  options.tls.client_ca_file = config_.client_ca_file.value_or("");
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
      shutdown_delay_(config.config.shutdown_delay.value),
      debug_endpoints_(config.config.http.debug_endpoints) {
  environment_.strict = config.config.error_handling.strict;
  health_.set_fault(kStream, "the stream is starting");
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
  TRY(service->open_state(options.state_dir));
  TRY(service->start_metrics(config.config));
  service->running_ = TRY(service->build(config));
  service->add_endpoints();
  if (config.config.http.debug_endpoints) service->add_debug_endpoints();
  return service;
}

Result<> Service::open_state(const std::string& directory) {
  if (directory.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return invalid(fmt::format("--state-dir {}: {}", directory, error.message()));
  TRY(environment_.ledger.keep_in(ledger_file(directory)));
  environment_.state_dir = directory;
  logger_.info("Going on with the ledger of {}: {}", directory,
               Ledger::describe(environment_.ledger.totals()));
  return {};
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
  running->config = loaded;
  if (debug_endpoints_) {
    running->shown =
        hide_environment_secrets(TRY(normalise_config(loaded.root, environment_.catalogue)));
  }
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
  {
    std::lock_guard lock(lock_);
    shown_ = running.shown;
  }
  Stream* stream = running.stream.get();
  TRY(stream->start([this] {
    std::lock_guard lock(lock_);
    ended_ = true;
    changed_.notify_all();
  }));
  running.watched.push_back(health_.add({"", "root.input", "input",
                                         [stream] { return stream->input_connected(); },
                                         [] { return std::string(); }}));
  running.watched.push_back(health_.add({"", "root.output", "output",
                                         [stream] { return stream->output_connected(); },
                                         [] { return std::string(); }}));
  health_.clear_fault(kStream);
  return {};
}

bool Service::stop(Running& running) {
  health_.set_fault(kStream, "the stream is stopping");
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
  endpoints_.add("/ledger", "How the records that were received ended.",
                 [this](ServerRequest, Responder responder) {
                   responder.respond(ServerResponse::json(
                       200, Ledger::to_json(environment_.ledger.totals()) + '\n'));
                 });
  endpoints_.add("/metrics", "The metrics.", page);
  endpoints_.add("/stats", "The metrics.", page);

  publish_ledger(environment_.ledger, metrics_);
  metrics_.gauge_function("memory_in_flight_bytes", {}, [this] {
    return static_cast<double>(environment_.budget.used());
  });
}

void Service::add_debug_endpoints() {
  const auto running = [this] {
    std::lock_guard lock(lock_);
    return shown_;
  };
  endpoints_.add("/debug/config/json", "The configuration as understood, secrets scrubbed.",
                 [running](ServerRequest, Responder responder) {
                   responder.respond(ServerResponse::json(200, print_json(running())));
                 });
  endpoints_.add("/debug/config/yaml", "The same as YAML.",
                 [running](ServerRequest, Responder responder) {
                   responder.respond(ServerResponse::text(200, print_yaml(running())));
                 });
}

void Service::observe_regularly() {
  health_.observe();
  environment_.ledger.sync();
  const auto totals = environment_.ledger.totals();
  if (!totals.balanced() && !std::exchange(imbalance_logged_, true)) {
    logger_.error("The ledger does not balance, this is a bug: {}", Ledger::describe(totals));
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
  std::unique_lock lock(lock_);
  while (!stop_requested_) {
    changed_.wait(lock, [this] { return stop_requested_ || ended_ || next_; });
    if (stop_requested_) break;
    if (!next_) {
      logger_.info("Pipeline has terminated. Shutting down the service");
      break;
    }
    const LoadedConfig next = std::move(*next_);
    next_.reset();
    lock.unlock();
    TRY(replace(next));
    lock.lock();
  }
  if (stop_requested_ && shutdown_delay_.count() > 0) changed_.wait_for(lock, shutdown_delay_);
  lock.unlock();
  bool clean = true;
  if (running_) {
    const auto patience =
        environment_.timers.after(running_->shutdown_timeout, [] { abandon_waits(); });
    clean = stop(*running_);
    environment_.timers.cancel(patience);
    running_.reset();
  }
  exporter_->stop();
  logger_.info("Final count: {}", Ledger::describe(environment_.ledger.totals()));
  if (!clean) {
    return cancelled("the shutdown timeout passed with records under way; their senders were told "
                     "to send them again");
  }
  return {};
}

void Service::request_stop() {
  std::lock_guard lock(lock_);
  stop_requested_ = true;
  changed_.notify_all();
}

void Service::request_reload(LoadedConfig config) {
  std::lock_guard lock(lock_);
  next_ = std::move(config);
  changed_.notify_all();
}

// An error means that nothing runs any more.
Result<> Service::replace(const LoadedConfig& config) {
  auto next = build(config);
  if (!next) {
    logger_.error("Reload: {}; the configuration before stays in force", next.error().message());
    environment_.identity_salt = identity_salt(running_->config.config);
    return {};
  }
  if (!stop(*running_)) {
    logger_.warn("Reload: the shutdown timeout passed with records under way; their senders were "
                 "told to send them again");
  }
  const LoadedConfig before = std::move(running_->config);
  const auto take_over = [this](std::unique_ptr<Running> successor) {
    running_.reset();  // ports, locks and files are free from here on
    {
      std::lock_guard lock(lock_);
      ended_ = false;
    }
    if (stop_requested_) return Result<>();
    running_ = std::move(successor);
    return start(*running_);
  };
  auto started = take_over(std::move(*next));
  if (started) {
    logger_.info("Reload: the new configuration is in force");
    return {};
  }
  logger_.error("Reload: {}; starting the configuration before again", started.error().message());
  stop(*running_);
  return take_over(TRY(build(before)));
}

}  // namespace tollgate
