#include "cli/common.h"

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
  add_list_option(app, "-s,--set", flags.set, "Set a field: path=value")->group("");
  add_list_option(app, "-r,--resources", flags.resources, "Resource files")->group("");
  add_list_option(app, "-e,--env-file", flags.env_files, "Files of variables")->group("");
  add_list_option(app, "-t,--templates", flags.templates, "Template files")->group("");
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
  add_journal(app, context);
  add_completion(app, context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError& error) {  // the library's way to say it; goes no further
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
      fmt::print(stderr, "Unrecognised command: {}\n", argv[1]);
      fmt::print("{}", app.help());
    } else {
      app.exit(error);
    }
    return 1;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
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
