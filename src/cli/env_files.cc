#include "cli/env_files.h"

#include <cstdlib>

#include "config/dotenv.h"
#include "config/load.h"

namespace tollgate {

Result<> apply_env_files(const std::vector<std::string>& globs) {
  for (const std::string& path : expand_globs(globs)) {
    auto text = read_text_file(path);
    if (!text) return std::unexpected(std::move(text).error().within("failed to read dotenv file"));
    auto variables = parse_dotenv(*text);
    if (!variables) return std::unexpected(std::move(variables).error().within(path));
    for (const auto& [name, value] : *variables) setenv(name.c_str(), value.c_str(), 1);
  }
  return {};
}

}  // namespace tollgate
