#pragma once

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/env_files.h"
#include "component/catalogue.h"
#include "components/manifest.h"
#include "config/load.h"

namespace tollgate {

/// An option that may be given several times, with one value each: what follows is the next
/// argument of the command.
inline CLI::Option* add_list_option(CLI::App& command, const char* names,
                                    std::vector<std::string>& values, const char* help) {
  return command.add_option(names, values, help)->allow_extra_args(false);
}

}  // namespace tollgate
