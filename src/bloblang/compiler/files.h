#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "bloblang/syntax/actions.h"

namespace tollgate::bloblang {

/// A file that a mapping imports, relative to `directory` (empty: the working directory).
std::expected<Actions::Import, std::string> read_import_file(std::string_view path,
                                                             std::string_view directory);

}  // namespace tollgate::bloblang
