#pragma once

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/env_files.h"
#include "component/catalogue.h"
#include "components/manifest.h"
#include "config/load.h"
