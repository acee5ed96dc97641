// run: loads a configuration, and runs it until it ends or a signal comes.

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include "cli/common.h"
#include "cli/file_watch.h"
#include "cli/service.h"

namespace tollgate {

namespace {

Result<Logger> make_logger(const ServiceConfig& config, const std::string& level) {
  LogOptions options;
  options.level = parse_log_level(level.empty() ? config.logger.level : level);
  if (config.logger.format != "logfmt" && config.logger.format != "json") {
    return invalid(fmt::format("logger.format: expected logfmt or json, found '{}'",
                               config.logger.format));
  }
  options.json = config.logger.format == "json";
  options.add_timestamp = config.logger.add_timestamp;
  options.level_name = config.logger.level_name;
  options.timestamp_name = config.logger.timestamp_name;
  options.message_name = config.logger.message_name;
  options.static_fields.clear();
  for (const auto& [key, value] : config.logger.static_fields) {
    options.static_fields.push_back({key, value});
  }
  // Lines about the work must not mix with the work itself.
  options.to_stderr = static_cast<bool>(config.output.node["stdout"]) ||
                      config.output.node["type"].text() == "stdout";
  options.file = config.logger.file.path;
  options.rotate = config.logger.file.rotate;
  options.rotate_max_age_days = config.logger.file.rotate_max_age_days;
  return Logger::open(std::move(options));
}

std::string discover_config() {
  for (const char* path :
       {"tollgate.yaml", "/tollgate.yaml", "/etc/tollgate/config.yaml", "/etc/tollgate.yaml",
        "redpanda-connect.yaml", "/redpanda-connect.yaml", "/etc/redpanda-connect/config.yaml",
        "/etc/redpanda-connect.yaml", "/benthos.yaml", "/etc/benthos/config.yaml",
        "/etc/benthos.yaml"}) {
    if (std::error_code error; std::filesystem::exists(path, error)) return path;
  }
  return {};
}

/// The signals this program handles, blocked. Made before any other thread, so that all inherit it.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR2}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

/// Each sender and each request to a destination needs a descriptor, and the usual limit of 1,024 is
/// there for programs that use select(), which this one does not.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Waits for signals on a thread of its own: the first SIGINT or SIGTERM stops the service in order,
/// a second one ends the process at once, SIGHUP reloads.
class SignalThread {
 public:
  SignalThread(const sigset_t& signals, Service& service, Logger logger,
               std::function<void()> reload)
      : thread_([=, &service] {
          int stops = 0;
          while (true) {
            int signal = 0;
            sigwait(&signals, &signal);
            if (signal == SIGUSR2) return;  // our own way to end this thread
            if (signal == SIGHUP) {
              reload();
              continue;
            }
            const char* name = signal == SIGINT ? "SIGINT" : "SIGTERM";
            if (++stops > 1) {
              logger.warn("Received {} again, stopping at once", name);
              std::_Exit(1);
            }
            logger.info("Received {}, the service is closing", name);
            service.request_stop();
          }
        }) {}
  ~SignalThread() {
    pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
  }
  SignalThread(const SignalThread&) = delete;

 private:
  std::thread thread_;
};

/// "512MiB", "1G", "1048576" in bytes; 0 for an empty text.
Result<std::size_t> parse_size(std::string_view text) {
  if (text.empty()) return 0;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  static constexpr std::pair<std::string_view, int> kUnits[] = {
      {"", 0}, {"B", 0},  {"K", 10},  {"KB", 10},  {"KiB", 10}, {"M", 20},
      {"MB", 20}, {"MiB", 20}, {"G", 30}, {"GB", 30}, {"GiB", 30}};
  for (const auto& [name, shift] : kUnits) {
    if (error == std::errc() && unit == name) return number << shift;
  }
  return invalid(fmt::format("expected a size such as 512MiB, found '{}'", text));
}

LoadOptions load_options(const CommonFlags& flags, const Catalogue& catalogue) {
  LoadOptions options;
  options.path = flags.config.empty() ? discover_config() : flags.config;
  options.resources = flags.resources;
  options.set_expressions = flags.set;
  options.lint.catalogue = &catalogue;
  return options;
}

/// Logs every lint; false if they forbid to start.
bool report_lints(const LoadedConfig& config, bool chilled, const Logger& logger) {
  bool sound = true;
  for (const ConfigFile& file : config.files) {
    for (const Lint& lint : file.lints) {
      const bool error = lint.level == Lint::Level::error;
      sound &= !error;
      logger.write(error && !chilled ? LogLevel::error : LogLevel::warn,
                   lint_line(file.path, lint), {});
    }
  }
  return sound || chilled;
}

/// Says why the process ends: in the log, or where the log is off, on stderr. The exit code.
int closing(const Logger& logger, const std::string& reason) {
  if (logger.enabled(LogLevel::error)) {
    logger.error("{}", reason);
  } else {
    fmt::print(stderr, "{}{}\n", static_cast<char>(std::tolower(reason.front())),
               reason.substr(1));
  }
  return 1;
}

}  // namespace

int run_collector(const CommonFlags& flags) {
  const sigset_t signals = block_signals();
  raise_descriptor_limit();
  if (auto applied = apply_env_files(flags.env_files); !applied) {
    fmt::print(stderr, "{}\n", applied.error().message());
    return 1;
  }
  Catalogue catalogue(all_components());
  if (auto loaded = load_templates(flags.templates, flags.chilled, catalogue); !loaded) {
    fmt::print(stderr, "{}\n", loaded.error().message());
    return 1;
  }
  const LoadOptions options = load_options(flags, catalogue);
  auto config = load_config(options);
  if (!config) {
    fmt::print(stderr, "configuration file read error: {}\n", config.error().message());
    return 1;
  }
  auto logger = make_logger(config->config, flags.log_level);
  if (!logger) {
    fmt::print(stderr, "Failed to create logger: {}\n", logger.error().message());
    return 1;
  }
  if (options.path.empty()) {
    logger->info("Running without a main config file: reading stdin, writing stdout");
  } else {
    logger->info("Running main config from {}: {}",
                 flags.config.empty() ? "file found in a default path" : "specified file",
                 options.path);
  }
  if (!report_lints(*config, flags.chilled, *logger)) {
    return closing(*logger,
                   "Shutting down due to linter errors, to prevent shutdown run Tollgate with "
                   "--chilled");
  }

  const auto memory_limit = parse_size(flags.memory_limit);
  if (!memory_limit) {
    logger->error("--memory-limit: {}", memory_limit.error().message());
    return 1;
  }
  auto service = Service::make(*config, catalogue, *logger, {*memory_limit, flags.state_dir});
  if (!service) {
    return closing(*logger, fmt::format("Service closing due to: {}", service.error().message()));
  }
  const auto reload = [&] {
    logger->info("Reloading {}", options.path);
    auto next = load_config(options);
    if (!next) {
      return logger->error("Reload: {}; the configuration before stays in force",
                           next.error().message());
    }
    if (!report_lints(*next, flags.chilled, *logger)) {
      return logger->error("Reload: linter errors; the configuration before stays in force");
    }
    (*service)->request_reload(std::move(*next));
  };
  const SignalThread signal_thread(signals, **service, *logger, reload);
  std::optional<FileWatch> watch;
  if (flags.watch && !options.path.empty()) {
    watch.emplace(
        [&options] {
          auto files = expand_globs(options.resources);
          files.push_back(options.path);
          return files;
        },
        reload);
  }
  logger->info("Launching a Tollgate instance, use CTRL+C to close");
  if (auto ran = (*service)->run(); !ran) {
    return closing(*logger, fmt::format("Service closing due to: {}", ran.error().message()));
  }
  return 0;
}

void add_run(CLI::App& app, CommandContext& context) {
  auto flags = std::make_shared<CommonFlags>();
  auto more = std::make_shared<std::vector<std::string>>();
  auto* run = app.add_subcommand("run", "Run the collector that a configuration file describes");
  run->add_option("config", flags->config, "The configuration file")->type_name("FILE");
  run->add_option("more", *more)->group("");
  add_set_option(*run, flags->set);
  add_list_option(*run, "-r,--resources", flags->resources, "Read resources from these files too")
      ->type_name("GLOB");
  add_list_option(*run, "-e,--env-file", flags->env_files,
                  "Read environment variables from these files")
      ->type_name("GLOB");
  add_templates_option(*run, flags->templates);
  run->add_option("--log.level", flags->log_level, "Override logger.level")->type_name("LEVEL");
  run->add_option("--memory-limit", flags->memory_limit,
                  "Bytes that records under way may hold, such as 512MiB; default: half of what the "
                  "machine or its cgroup has, at most 1 GiB")
      ->type_name("SIZE");
  run->add_option("--state-dir", flags->state_dir,
                  "A directory of this collector alone for what must outlive the process: the ledger, and what became of exports whose senders were not told OK")
      ->type_name("DIR");
  run->add_flag("--chilled", flags->chilled, "Start in spite of lint errors");
  run->add_flag("-w,--watcher", flags->watch, "Reload when a configuration file changes");
  run->callback([flags, more, &context] {
    if (!more->empty() || (!flags->config.empty() && !context.root.config.empty())) {
      return context.fail("a maximum of one config must be specified with the run command");
    }
    if (flags->config.empty()) flags->config = context.root.config;
    if (flags->log_level.empty()) flags->log_level = context.root.log_level;
    flags->set = or_of_root(flags->set, context.root.set);
    flags->resources = or_of_root(flags->resources, context.root.resources);
    flags->templates.insert(flags->templates.end(), context.root.templates.begin(),
                            context.root.templates.end());
    flags->env_files.insert(flags->env_files.begin(), context.root.env_files.begin(),
                            context.root.env_files.end());
    flags->chilled |= context.root.chilled;
    flags->watch |= context.root.watch;
    context.exit_code = run_collector(*flags);
  });
}

}  // namespace tollgate
