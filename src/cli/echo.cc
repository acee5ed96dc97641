// echo: prints a configuration in its canonical form, as the collector understood it.

#include <memory>

#include "cli/common.h"
#include "cli/environment_secrets.h"
#include "config/normalise.h"

namespace tollgate {

namespace {

Result<std::string> echo(const CommonFlags& flags) {
  TRY(apply_env_files(flags.env_files));
  Catalogue catalogue(all_components());
  TRY(load_templates(flags.templates, flags.chilled, catalogue));
  LoadOptions options;
  options.path = flags.config;
  options.resources = flags.resources;
  options.set_expressions = flags.set;
  options.lint.catalogue = &catalogue;
  auto loaded = load_config(options);
  if (!loaded) {
    return std::unexpected(std::move(loaded).error().within("configuration file read error"));
  }
  auto normal = normalise_config(loaded->root, catalogue);
  if (normal) return print_yaml(hide_environment_secrets(*normal));
  return std::unexpected(std::move(normal)
                             .error()
                             .within(options.path)
                             .within("configuration file read error"));
}

}  // namespace

void add_echo(CLI::App& app, CommandContext& context) {
  auto flags = std::make_shared<CommonFlags>();
  auto* command = app.add_subcommand("echo", "Print a configuration in its canonical form");
  command->add_option("config", flags->config, "The configuration file")->type_name("FILE");
  add_set_option(*command, flags->set);
  add_list_option(*command, "-r,--resources", flags->resources,
                  "Read resources from these files too");
  add_list_option(*command, "-e,--env-file", flags->env_files,
                  "Read environment variables from files");
  add_templates_option(*command, flags->templates);
  command->callback([flags, &context] {
    if (flags->config.empty()) flags->config = context.root.config;
    flags->set = or_of_root(flags->set, context.root.set);
    flags->resources = or_of_root(flags->resources, context.root.resources);
    flags->templates = or_of_root(flags->templates, context.root.templates);
    flags->chilled = context.root.chilled;
    const auto text = echo(*flags);
    if (!text) return context.fail(text.error().message());
    fmt::print("{}\n", *text);  // an empty line after it, as the incumbent prints
  });
}

}  // namespace tollgate
