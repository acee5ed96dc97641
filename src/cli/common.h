#pragma once

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/env_files.h"
#include "cli/templates.h"
#include "component/catalogue.h"
#include "components/manifest.h"
#include "config/load.h"

namespace tollgate {

/// An option that may be given several times, with one value each (what follows is the next
/// argument of the command) or with several between commas.
inline CLI::Option* add_list_option(CLI::App& command, const char* names,
                                    std::vector<std::string>& values, const char* help) {
  return command.add_option(names, values, help)->allow_extra_args(false)->delimiter(',');
}

/// The flag `--set`, whose values may have commas of their own; see split_set_expressions().
inline void add_set_option(CLI::App& command, std::vector<std::string>& expressions) {
  command.add_option("-s,--set", expressions, "Set a field: path=value")
      ->allow_extra_args(false)
      ->type_name("PATH=VALUE");
}

/// The flag of the commands that know templates.
inline void add_templates_option(CLI::App& command, std::vector<std::string>& globs) {
  add_list_option(command, "-t,--templates", globs, "Read component templates from these files")
      ->type_name("GLOB");
}

/// The values of a flag where it was given on the command, else those given before it.
inline const std::vector<std::string>& or_of_root(const std::vector<std::string>& own,
                                                  const std::vector<std::string>& root) {
  return own.empty() ? root : own;
}

}  // namespace tollgate
