#include "bloblang/compiler/files.h"

#include <filesystem>

#include "bloblang/program/files.h"

namespace tollgate::bloblang {

std::expected<Actions::Import, std::string> read_import_file(std::string_view path,
                                                             std::string_view directory) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path base = directory.empty() ? fs::current_path(ignored) : fs::path(directory);
  const fs::path given(path);
  const fs::path whole = given.is_absolute() ? given : (base / given).lexically_normal();
  std::string name = whole.string();
  if (name.size() > 1 && name.back() == '/') name.pop_back();
  auto content = read_file(name);
  if (!content) return std::unexpected(std::move(content.error()));
  const fs::path parent = given.parent_path();
  const fs::path next = parent.empty() || parent == "."
                            ? base
                            : (parent.is_absolute() ? parent : (base / parent).lexically_normal());
  return Actions::Import{std::move(*content), next.string()};
}

}  // namespace tollgate::bloblang
