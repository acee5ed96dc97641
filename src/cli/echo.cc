// echo: prints a configuration in its canonical form, as the collector understood it.

#include <memory>

#include "cli/common.h"
#include "config/normalise.h"

namespace tollgate {

namespace {

Result<std::string> echo(const CommonFlags& flags) {
  TRY(apply_env_files(flags.env_files));
  const Catalogue catalogue(all_components());
  LoadOptions options;
  options.path = flags.config;
  options.resources = flags.resources;
  options.set_expressions = flags.set;
  options.lint.catalogue = &catalogue;
  const auto loaded = TRY(load_config(options));
  return print_yaml(TRY(normalise_config(loaded.root, catalogue)));
}

}  // namespace

void add_echo(CLI::App& app, CommandContext& context) {
  auto flags = std::make_shared<CommonFlags>();
  auto* command = app.add_subcommand("echo", "Print a configuration in its canonical form");
  command->add_option("config", flags->config, "The configuration file")->type_name("FILE");
  command->add_option("-s,--set", flags->set, "Set a field: path=value")->type_name("PATH=VALUE");
  command->add_option("-r,--resources", flags->resources, "Read resources from these files too");
  command->add_option("-e,--env-file", flags->env_files, "Read environment variables from files");
  command->callback([flags, &context] {
    if (flags->config.empty()) flags->config = context.root.config;
    flags->set.insert(flags->set.end(), context.root.set.begin(), context.root.set.end());
    const auto text = echo(*flags);
    if (!text) return context.fail(text.error().message());
    fmt::print("{}", *text);
  });
}

}  // namespace tollgate
