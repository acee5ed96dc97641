#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/env_files.h"

namespace tollgate {

namespace {

constexpr const char* kDescription =
    "Tollgate meters usage from logs: it receives them over OTLP, maps each record to a CloudEvent "
    "with Bloblang, and delivers batches to OpenMeter, each event once.";

constexpr const char* kFooter = R"(Examples:
  tollgate run collector.yaml        run a configuration
  tollgate lint collector.yaml       check it first
  tollgate create otel_log/mapping/openmeter > collector.yaml
  echo '{"a":1}' | tollgate blobl 'root.b = this.a + 1'
  tollgate sandbox                   a destination to try things against
`tollgate COMMAND --help` tells more about each.)";

void add_common_flags(CLI::App& app, CommonFlags& flags) {
  app.add_option("-c,--config", flags.config, "The configuration file")->type_name("FILE");
  app.add_option("--log.level", flags.log_level, "Override logger.level")
      ->type_name("LEVEL")
      ->group("");
  app.add_option("-s,--set", flags.set, "Set a field: path=value")->group("");
  app.add_option("-r,--resources", flags.resources, "Resource files")->group("");
  app.add_option("-e,--env-file", flags.env_files, "Files of environment variables")->group("");
  app.add_option("-t,--templates", flags.templates, "Template files")->group("");
  app.add_flag("--chilled", flags.chilled, "Start in spite of lint errors")->group("");
  app.add_flag("-w,--watcher", flags.watch, "Reload when files change")->group("");
}

}  // namespace

std::string_view version() { return TOLLGATE_VERSION; }

void CommandContext::fail(std::string_view reason) {
  fmt::print(stderr, "{}\n", reason);
  exit_code = 1;
}

int run_command_line(int argc, char** argv) {
  CLI::App app(kDescription, "tollgate");
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  app.fallthrough(false);
  bool show_version = false;
  app.add_flag("-v,--version", show_version, "Print the version");

  CommandContext context;
  add_common_flags(app, context.root);
  add_run(app, context);
  add_lint(app, context);
  add_echo(app, context);
  add_list(app, context);
  add_create(app, context);
  add_blobl(app, context);
  add_docs(app, context);
  add_sandbox(app, context);
  add_completion(app, context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // the library's way to say it; goes no further
    if (error.get_exit_code() == 0) return app.exit(error);
    app.exit(error);
    return 1;
  }
  if (show_version) {
    fmt::print("Version: {}\nDate: {}\n", version(), TOLLGATE_BUILD_DATE);
    return 0;
  }
  // No command: the incumbent's older way to run a configuration.
  if (app.get_subcommands().empty()) return run_collector(context.root);
  return context.exit_code;
}

}  // namespace tollgate
