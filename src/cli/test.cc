// test: runs the unit tests that configurations carry.

#include <memory>

#include "cli/common.h"
#include "unit_tests/runner.h"

namespace tollgate {

namespace {

struct Flags {
  std::vector<std::string> paths, resources, env_files, templates;
  std::string log_level;
  bool verbose = false;
};

Result<bool> test(const Flags& flags, const CommonFlags& root) {
  if (!root.set.empty()) {
    return invalid("cannot override fields with --set (-s) during unit tests");
  }
  TRY(apply_env_files(flags.env_files));
  Catalogue catalogue(all_components());
  TRY(load_templates(or_of_root(flags.templates, root.templates), root.chilled, catalogue));
  SubjectOptions options{.catalogue = &catalogue};
  options.resources = or_of_root(flags.resources, root.resources);
  if (!flags.log_level.empty()) {
    LogOptions log;
    log.level = parse_log_level(flags.log_level);
    options.logger = TRY(Logger::open(std::move(log)));
  }
  const auto files = expand_paths(flags.paths);
  if (files) return run_tests(*files, flags.verbose, options);
  return invalid(fmt::format("Failed to obtain test targets: {}", files.error().message()));
}

}  // namespace

void add_test(CLI::App& app, CommandContext& context) {
  auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("test", "Run the unit tests of configurations");
  command->footer(
      "Examples:\n  tollgate test collector.yaml\n  tollgate test ./configs/...\n"
      "The tests of NAME.yaml are its own `tests`, or those of NAME_benthos_test.yaml beside it.");
  command->add_option("paths", flags->paths, "Files, globs or FOLDER/...")->type_name("PATH");
  command->add_option("--log", flags->log_level, "Print what processors log at this level")
      ->type_name("LEVEL");
  command->add_flag("-v,--verbose", flags->verbose, "Name every test before it runs");
  add_list_option(*command, "-r,--resources", flags->resources,
                  "Read resources from these files too")
      ->type_name("GLOB");
  add_list_option(*command, "-e,--env-file", flags->env_files,
                  "Read environment variables from files")
      ->type_name("GLOB");
  add_templates_option(*command, flags->templates);
  command->callback([flags, &context] {
    const auto passed = test(*flags, context.root);
    if (!passed) return context.fail(passed.error().message());
    context.exit_code = *passed ? 0 : 1;
  });
}

}  // namespace tollgate
