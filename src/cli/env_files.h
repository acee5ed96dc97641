#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace tollgate {

/// Exports every variable of the dotenv files that `globs` match, overwriting what is set.
Result<> apply_env_files(const std::vector<std::string>& globs);

}  // namespace tollgate
