#include "component/glob.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/strings.h"

namespace tollgate {
namespace {

namespace fs = std::filesystem;

constexpr int max_depth = 64;

// "{a,b}c" gives "ac" and "bc".
std::vector<std::string> expand_braces(const std::string& pattern) {
  const std::size_t open = pattern.find('{');
  const std::size_t close = pattern.find('}', open == pattern.npos ? 0 : open);
  if (open == pattern.npos || close == pattern.npos) return {pattern};
  std::vector<std::string> all;
  const std::string_view inside = std::string_view(pattern).substr(open + 1, close - open - 1);
  for (const std::string_view choice : split(inside, ",")) {
    const std::string one =
        pattern.substr(0, open) + std::string(choice) + pattern.substr(close + 1);
    for (std::string& each : expand_braces(one)) all.push_back(std::move(each));
  }
  return all;
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code problem;
  const fs::path place = directory.empty() ? fs::path(".") : directory;
  for (fs::directory_iterator it(place, problem), end; !problem && it != end;
       it.increment(problem)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

bool is_real_directory(const fs::path& path) {
  std::error_code problem;
  return fs::is_directory(path.empty() ? fs::path(".") : path, problem) &&
         !fs::is_symlink(path, problem);
}

void walk(const fs::path& at, const std::vector<std::string>& components, std::size_t index,
          int depth, std::set<std::string>& found) {
  std::error_code problem;
  if (index == components.size()) {
    if (fs::exists(at, problem) && !fs::is_directory(at, problem)) found.insert(at.string());
    return;
  }
  const std::string& component = components[index];
  if (component == "**") {
    walk(at, components, index + 1, depth, found);
    if (depth >= max_depth) return;
    for (const std::string& name : names_in(at)) {
      if (is_real_directory(at / name)) walk(at / name, components, index, depth + 1, found);
    }
    return;
  }
  if (component.find_first_of("*?[") == component.npos) {
    return walk(at / component, components, index + 1, depth, found);
  }
  for (const std::string& name : names_in(at)) {
    if (fnmatch(component.c_str(), name.c_str(), 0) == 0) {
      walk(at / name, components, index + 1, depth, found);
    }
  }
}

}  // namespace

std::vector<std::string> files_matching(std::string_view pattern) {
  if (pattern.find_first_of("*?[{") == pattern.npos) return {std::string(pattern)};
  std::set<std::string> found;
  for (const std::string& each : expand_braces(std::string(pattern))) {
    std::vector<std::string> components;
    for (const std::string_view part : split(each, "/")) {
      if (!part.empty()) components.emplace_back(part);
    }
    walk(each.starts_with('/') ? fs::path("/") : fs::path(), components, 0, 0, found);
  }
  return {found.begin(), found.end()};
}

std::vector<std::string> files_matching_any(const std::vector<std::string>& patterns) {
  std::vector<std::string> files;
  for (const std::string& pattern : patterns) {
    std::ranges::move(files_matching(pattern), std::back_inserter(files));
  }
  return files;
}

}  // namespace tollgate
