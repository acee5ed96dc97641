#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "component/catalogue.h"
#include "component/http_service.h"
#include "config/load.h"
#include "observe/health.h"
#include "pipeline/environment.h"
#include "pipeline/stream.h"

namespace tollgate {

/// The process-wide HTTP server as the `http` section describes it, with the endpoints that every
/// collector has and those that components register.
class ServiceEndpoints final : public HttpService {
 public:
  /// Answers requests that must be refused; empty: none.
  using Authorize = std::function<std::optional<ServerResponse>(const ServerRequest&)>;

  ServiceEndpoints(const ServiceConfig::Http& config, Logger logger, Authorize authorize);
  ~ServiceEndpoints() override;

  void add(std::string path, std::string description, HttpServer::Handler handler) override;
  void add_websocket(std::string path, std::string description,
                     HttpServer::WebSocketHandler handler) override;
  void remove(std::string_view path) override;

  Result<> start();
  void stop();

 private:
  const ServiceConfig::Http config_;
  const Logger logger_;
  std::unique_ptr<HttpServer> server_;  // null: http.enabled is false
  std::mutex lock_;
  std::map<std::string, std::string> descriptions_;  // lock_; path → description
};

/// One collector: what a configuration file describes, running.
///
/// Lifecycle: make(), run() until it returns, destroyed. request_stop() may be called from any
/// thread, also before run().
class Service {
 public:
  struct Options {
    std::size_t memory_limit = 0;  ///< bytes; 0: from the cgroup or the machine
    std::string state_dir;         ///< where what outlives the process is kept; empty: nowhere
  };

  static Result<std::unique_ptr<Service>> make(const LoadedConfig& config,
                                               const Catalogue& catalogue, Logger logger,
                                               const Options& options);
  ~Service();

  /// Runs until the stream ends by itself or a stop is requested. Error: it could not start, or
  /// it had to abandon records at the shutdown timeout.
  Result<> run();
  void request_stop();

  /// Has run() replace the stream by that of `config`, losing and doubling nothing: the old one
  /// goes on if the new one can't be built; else it is stopped as at a shutdown, and what it held of
  /// ports and files is free when the new one starts. If that fails, the old configuration starts
  /// again.
  void request_reload(LoadedConfig config);

 private:
  /// What one configuration made: replaced as a whole at a reload.
  struct Running {
    LoadedConfig config;
    Node shown;  // what /debug/config shows of it; absent if that is not served
    std::unique_ptr<Resources> resources;
    std::unique_ptr<Stream> stream;
    std::vector<std::uint64_t> watched;  // numbers in health_
    std::chrono::nanoseconds shutdown_timeout{};
  };

  Service(const LoadedConfig& config, const Catalogue& catalogue, Logger logger,
          std::size_t memory_limit, ServiceEndpoints::Authorize authorize);
  Result<> open_state(const std::string& directory);
  Result<> start_metrics(const ServiceConfig& config);
  Result<std::unique_ptr<Running>> build(const LoadedConfig& config);
  Result<> start(Running& running);
  bool stop(Running& running);
  Result<> replace(const LoadedConfig& config);
  void add_endpoints();
  void add_debug_endpoints();
  void observe_regularly();

  const Logger logger_;
  MetricsRegistry metrics_;
  ServiceEndpoints endpoints_;
  Environment environment_;
  Health health_;
  std::unique_ptr<MetricsExporter> exporter_;
  std::unique_ptr<Running> running_;  // the thread of run()
  std::chrono::nanoseconds shutdown_delay_{};
  const bool debug_endpoints_;
  bool imbalance_logged_ = false;  // of the timer that observes
  std::atomic<TimerQueue::Id> observation_{0};
  std::atomic<bool> stop_requested_{false};
  std::mutex lock_;
  std::condition_variable changed_;
  bool ended_ = false;               // lock_; the stream's input is at its end
  std::optional<LoadedConfig> next_;  // lock_; to be loaded
  Node shown_;                        // lock_; the running configuration, for /debug/config
};

/// Where in a state directory the ledger is.
std::string ledger_file(const std::string& state_dir);

/// Bytes that records under way may hold: half of what the cgroup allows, or of the machine's
/// memory, but at most 1 GiB.
std::size_t default_memory_limit();

}  // namespace tollgate
