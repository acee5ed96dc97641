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
  add_set_option(app, flags.set);
  app.get_option("--set")->group("");
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

namespace {

/// Commands of the incumbent that a user may come with.
void add_missing_command(CLI::App& app, CommandContext& context, const char* name,
                         const char* instead) {
  auto* command = app.add_subcommand(name, "")->group("")->prefix_command();
  command->callback([name, instead, &context] {
    context.fail(fmt::format("Tollgate has no command {}: {}", name, instead));
  });
}

/// What is wrong with arguments that nobody takes; with the name that was probably meant.
std::string stray_arguments(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  const auto rest = app.remaining(true);
  const std::string stray = rest.empty() ? "" : rest.front();
  std::vector<std::string> names;
  if (!stray.starts_with('-')) {
    for (const CLI::App* each : command->get_subcommands({})) names.push_back(each->get_name());
  }
  for (const CLI::Option* option : command->get_options()) {
    if (!stray.starts_with('-')) break;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view nearest = nearest_name(stray.substr(0, stray.find('=')), known);
  const std::string hint = nearest.empty() ? "" : fmt::format(", did you mean {}?", nearest);
  const std::string_view name = stray.starts_with("--") ? std::string_view(stray).substr(1) : stray;
  if (stray.starts_with('-')) return fmt::format("flag provided but not defined: {}{}", name, hint);
  if (command == &app) return fmt::format("Unrecognised command: {}{}", stray, hint);
  return fmt::format("unexpected argument: {}{}", stray, hint);
}

}  // namespace

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
  add_test(app, context);
  add_template(app, context);
  add_docs(app, context);
  add_sandbox(app, context);
  add_journal(app, context);
  add_ledger(app, context);
  add_completion(app, context);
  add_missing_command(app, context, "streams",
                      "run one process for each stream, with `tollgate run`");
  add_missing_command(app, context, "studio", "it serves a hosted service");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {  // the library's way to say it; goes no further
    fmt::print(stderr, "{}\n", stray_arguments(app));
    if (app.get_subcommands().empty()) {
      fmt::print("{}", app.help());
    } else {
      fmt::print(stderr, "Run with --help for more information.\n");
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
