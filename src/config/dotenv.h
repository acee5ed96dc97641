#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tollgate {

/// Reads a dotenv file: one `NAME=value` a line in the order written, `#` comments, values bare, in
/// double quotes (with escapes) or in triple quotes (as they stand, over several lines).
/// The error begins with the line: "3: line 3 char 2: expected …".
Result<std::vector<std::pair<std::string, std::string>>> parse_dotenv(std::string_view text);

}  // namespace tollgate
