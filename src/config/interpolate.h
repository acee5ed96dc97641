#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tollgate {

/// The value of an environment variable, nothing if it is not set.
using EnvLookup = std::function<std::optional<std::string>(std::string_view name)>;

/// Looks in the process's environment.
std::optional<std::string> process_environment(std::string_view name);

struct InterpolatedConfig {
  std::string text;
  /// Variables without a default that are not set, as often as they occur; replaced by nothing.
  std::vector<std::string> missing;
  std::size_t first_missing = 0;  ///< offset in the input of the first of them
};

/// Replaces `${NAME}`, `${NAME:default}` and `${NAME|base64decode}` everywhere in `text`, and
/// `${{NAME}}` by `${NAME}`. A newline in a value becomes `\n` (two characters).
/// Fails on unknown functions and on data that is no base64.
Result<InterpolatedConfig> replace_variables(std::string_view text, const EnvLookup& lookup);

}  // namespace tollgate
