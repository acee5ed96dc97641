// sandbox: an OpenMeter-compatible destination to try everything against.

#include "sandbox/sandbox.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "net/url.h"
#include "value/duration.h"

namespace tollgate {

namespace {

struct Flags {
  Sandbox::Options options;
  std::string delay = "0s";
  std::string log_level = "INFO";
};

/// Before any thread starts, so that all of them leave the signals to wait_for_stop().
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return set;
}

void introduce(const Sandbox& sandbox, const Sandbox::Options& options) {
  std::string host = "127.0.0.1";
  if (const auto parts = split_host_port(options.listen); parts && !parts->first.empty()) {
    host = parts->first;
  }
  const std::string url = "http://" + join_host_port(host, sandbox.port());
  fmt::print("The sandbox takes events at {}\n", url);
  fmt::print("  page      {}/\n", url);
  fmt::print("  collector OPENMETER_URL={} tollgate run collector.yaml\n", url);
  fmt::print("  meters    {}\n", options.meters.empty() ? "the default ones, for the type api-calls"
                                                        : options.meters);
  fmt::print("  database  {}\n", sandbox.database());
  if (!options.token.empty()) fmt::print("  token     required (--token)\n");
  std::fflush(stdout);
}

int run_sandbox(Flags& flags) {
  const sigset_t signals = block_signals();
  const auto delay = parse_duration(flags.delay);
  if (!delay || *delay < 0) {
    fmt::print(stderr, "--delay: expected a duration such as 100ms, found '{}'\n", flags.delay);
    return 1;
  }
  flags.options.faults.delay = std::chrono::nanoseconds(*delay);
  LogOptions log;
  log.level = parse_log_level(flags.log_level);
  log.to_stderr = true;
  auto logger = Logger::open(std::move(log));
  if (!logger) {
    fmt::print(stderr, "{}\n", logger.error().message());
    return 1;
  }
  flags.options.logger = *logger;

  auto sandbox = Sandbox::start(flags.options);
  if (!sandbox) {
    fmt::print(stderr, "The sandbox cannot start: {}\n", sandbox.error().message());
    return 1;
  }
  introduce(**sandbox, flags.options);
  int signal = 0;
  sigwait(&signals, &signal);
  // A second signal ends the process at once.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  (*sandbox)->stop();
  return 0;
}

}  // namespace

void add_sandbox(CLI::App& app, CommandContext& context) {
  auto flags = std::make_shared<Flags>();
  auto& options = flags->options;
  auto* command = app.add_subcommand(
      "sandbox", "Run an OpenMeter-compatible destination to try things against, with a page of usage");
  command->add_option("--listen", options.listen, "Address to serve on")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  command->add_option("--db", options.database, "Keep events in this file (default: a temporary one)")
      ->type_name("FILE");
  command->add_option("--meters", options.meters, "YAML file with the meters")->type_name("FILE");
  command->add_option("--token", options.token, "Require Authorization: Bearer TOKEN")
      ->type_name("TOKEN");
  command->add_flag("--allow-extensions", options.allow_extensions,
                    "Take extension attributes in the v3 API too");
  command->add_option("--log.level", flags->log_level, "Log level")->type_name("LEVEL");
  const auto fault = [&](const char* name, auto& to, const char* help) {
    return command->add_option(name, to, help)->group("Faults");
  };
  fault("--fail-every", options.faults.fail_every, "Fail every Nth request with events")->type_name("N");
  fault("--status", options.faults.status, "Status of the failures")
      ->type_name("STATUS")
      ->check(CLI::Range(200, 599))
      ->capture_default_str();
  command
      ->add_flag("--fail-after-store", options.faults.fail_after_store,
                 "Fail and reset after the events were stored, not before")
      ->group("Faults");
  fault("--delay", flags->delay, "Wait before each answer")->type_name("DURATION");
  fault("--reset-every", options.faults.reset_every,
        "Close every Nth connection without an answer")
      ->type_name("N");
  command->callback([flags, &context] { context.exit_code = run_sandbox(*flags); });
}

}  // namespace tollgate
