#include "config/load.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/set_path.h"
#include "value/encoding.h"

namespace tollgate {

namespace {

constexpr std::string_view disable_comment = "# BENTHOS LINT DISABLE";

// The line and column of a byte, columns counted in characters.
Position place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {static_cast<int>(std::ranges::count(before, '\n')) + 1,
          static_cast<int>(count_runes(before.substr(start))) + 1};
}

void sort_by_line(std::vector<Lint>& lints) {
  std::ranges::stable_sort(lints, {}, [](const Lint& lint) {
    return std::pair(lint.where.line, lint.where.column);
  });
}

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

Lint failed(Position where, std::string message) {
  return {where, std::move(message), Lint::Level::error};
}

template <typename T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void add_resources(ServiceConfig& to, const ServiceConfig& from) {
  append(to.input_resources, from.input_resources);
  append(to.processor_resources, from.processor_resources);
  append(to.output_resources, from.output_resources);
  append(to.cache_resources, from.cache_resources);
  append(to.rate_limit_resources, from.rate_limit_resources);
}

// Labels of resources are names for the whole program, whatever file they are in.
void check_labels_across(std::vector<ConfigFile>& files) {
  std::map<std::string, std::size_t, std::less<>> owner;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto check = [&](const auto& resources) {
      for (const auto& resource : resources) {
        const Node label = resource.node["label"];
        if (label.text().empty()) continue;
        const auto [known, is_new] = owner.emplace(std::string(label.text()), i);
        if (is_new || known->second == i) continue;
        files[i].lints.push_back(failed(
            label.position(), fmt::format("label '{}' collides with a resource of {}",
                                          label.text(), files[known->second].path)));
      }
    };
    check(files[i].config.input_resources);
    check(files[i].config.processor_resources);
    check(files[i].config.output_resources);
    check(files[i].config.cache_resources);
    check(files[i].config.rate_limit_resources);
  }
}

bool match_bracket(std::string_view& pattern, char c) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && (pattern[at] == '^' || pattern[at] == '!');
  if (negated) ++at;
  bool found = false;
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const char low = pattern[at++];
    char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      high = pattern[at + 1];
      at += 2;
    }
    found = found || (low <= c && c <= high);
  }
  pattern.remove_prefix(std::min(pattern.size(), at + 1));
  return found != negated;
}

// Shell patterns: `**` crosses slashes, the others do not.
bool matches(std::string_view pattern, std::string_view path) {
  while (!pattern.empty()) {
    if (pattern.front() == '*') {
      const bool deep = pattern.starts_with("**");
      pattern.remove_prefix(deep ? 2 : 1);
      if (deep && pattern.starts_with('/') && matches(pattern.substr(1), path)) return true;
      for (std::size_t skip = 0; skip <= path.size(); ++skip) {
        if (matches(pattern, path.substr(skip))) return true;
        if (skip < path.size() && path[skip] == '/' && !deep) return false;
      }
      return false;
    }
    if (path.empty()) return false;
    const char c = path.front();
    path.remove_prefix(1);
    if (pattern.front() == '[') {
      if (c == '/' || !match_bracket(pattern, c)) return false;
    } else {
      if (pattern.front() == '?' ? c == '/' : pattern.front() != c) return false;
      pattern.remove_prefix(1);
    }
  }
  return path.empty();
}

std::vector<std::string> expand(const std::string& pattern) {
  const std::size_t meta = pattern.find_first_of("*?[");
  if (meta == pattern.npos) return {pattern};
  const std::size_t slash = pattern.rfind('/', meta);
  const std::string base = slash == pattern.npos ? "."
                           : slash == 0          ? "/"
                                                 : pattern.substr(0, slash);
  std::vector<std::string> found;
  std::error_code error;
  using Walk = std::filesystem::recursive_directory_iterator;
  for (Walk entry(base, std::filesystem::directory_options::skip_permission_denied, error), end;
       !error && entry != end; entry.increment(error)) {
    std::string path = entry->path().string();
    if (slash == pattern.npos) path = path.substr(2);  // "./"
    if (matches(pattern, path) && !entry->is_directory(error)) found.push_back(std::move(path));
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

std::string lint_line(std::string_view path, const Lint& lint) {
  return fmt::format("{}({},{}) {}", path, std::max(lint.where.line, 1),
                     std::max(lint.where.column, 1), lint.message);
}

std::vector<std::string> expand_globs(const std::vector<std::string>& patterns) {
  std::vector<std::string> paths;
  for (const std::string& pattern : patterns) {
    for (std::string& path : expand(pattern)) {
      if (std::ranges::find(paths, path) == paths.end()) paths.push_back(std::move(path));
    }
  }
  return paths;
}

Result<std::vector<std::string>> expand_paths(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!path.ends_with("...")) continue;
    std::string base = path.substr(0, path.size() - 3);
    while (base.size() > 1 && base.ends_with('/')) base.pop_back();
    if (base.empty()) base = ".";
    std::error_code error;
    if (!fs::exists(base, error)) {
      return invalid(fmt::format("stat {}: no such file or directory", base));
    }
    for (std::string& file : expand_globs({base + "/**/*.yaml", base + "/**/*.yml"})) {
      files.push_back(fs::path(file).lexically_normal().string());
    }
  }
  std::vector<std::string> others;
  std::ranges::copy_if(paths, std::back_inserter(others),
                       [](const std::string& path) { return !path.ends_with("..."); });
  for (std::string& file : expand_globs(others)) {
    const bool written = std::ranges::find(others, file) != others.end();
    if (!written) file = fs::path(file).lexically_normal().string();
    if (std::ranges::find(files, file) == files.end()) files.push_back(std::move(file));
  }
  return files;
}

namespace {

/// "no such file or directory"
std::string reason_of(int error) {
  std::string text = std::strerror(error);
  text.front() = static_cast<char>(std::tolower(text.front()));
  return text;
}

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return invalid(fmt::format("open {}: {}", path, reason_of(errno)));
  std::string text;
  char part[65536];
  std::size_t size = 0;
  while ((size = std::fread(part, 1, sizeof part, file)) > 0) text.append(part, size);
  const bool broken = std::ferror(file) != 0;
  const int reason = errno;
  std::fclose(file);
  if (broken) return invalid(fmt::format("read {}: {}", path, reason_of(reason)));
  return text;
}

ConfigFile read_config_text(std::string path, std::string_view text,
                            const Schema<ServiceConfig>& schema, const LintOptions& options,
                            const std::vector<std::string>& set_expressions) {
  ConfigFile file;
  file.path = std::move(path);
  if (!valid_utf8(text)) {
    file.lints.push_back(failed({1, 1},
                                "detected invalid utf-8 encoding in config, this may result in "
                                "interpolation functions not working as expected"));
  }
  const auto replaced = replace_variables(text, options.environment);
  if (!replaced) {
    file.lints.push_back(failed({1, 1}, std::string(replaced.error().message())));
    return file;
  }
  if (!replaced->missing.empty() && !options.skip_missing_variables) {
    file.lints.push_back(failed(place_of(text, replaced->first_missing),
                                fmt::format("required environment variables were not set: [{}]",
                                            fmt::join(replaced->missing, " "))));
  }
  const auto root = read_yaml(replaced->text);
  if (!root) {
    file.lints.push_back(failed(root.error().where, root.error().message));
    return file;
  }
  file.root = *root;
  for (const std::string& expression : split_set_expressions(set_expressions)) {
    const bool is_set = expression.find('=') != expression.npos;
    const auto field = expression.substr(0, expression.find_first_of(".="));
    const bool known = std::ranges::any_of(
        schema, [&](const auto& each) { return each.spec.key == field; });
    auto changed = known || field.empty() || !is_set
                       ? set_by_expression(file.root, expression)
                       : invalid(fmt::format("failed to set config field override: {}: field not "
                                             "recognised",
                                             field));
    if (!changed) {
      file.lints.push_back(failed({}, std::string(changed.error().message())));
      file.root = Node();
      return file;
    }
    file.root = *std::move(changed);
  }
  CatalogueLinter components(*options.catalogue);
  ReadContext context(&components);
  context.set_source(std::string(text));
  context.import_directory = directory_of(file.path);
  context.checking_only = options.checking_only;
  context.report_deprecated = options.report_deprecated;
  context.require_labels = options.require_labels;
  file.config = read_service(schema, file.root, context);
  if (!text.starts_with(disable_comment)) append(file.lints, context.lints());
  sort_by_line(file.lints);
  return file;
}

Result<ConfigFile> read_config_file(const std::string& path, const Schema<ServiceConfig>& schema,
                                    const LintOptions& options,
                                    const std::vector<std::string>& set_expressions) {
  const std::string text = TRY(read_text_file(path));
  return read_config_text(path, text, schema, options, set_expressions);
}

Result<LoadedConfig> load_config(const LoadOptions& options) {
  LoadedConfig loaded;
  const auto add = [&](ConfigFile file) -> Result<> {
    if (!file.root) {
      return invalid(fmt::format("{}: {}", file.path, file.lints.back().message));
    }
    loaded.files.push_back(std::move(file));
    return {};
  };
  if (options.path.empty()) {
    TRY(add(read_config_text("", "{}", service_schema(), options.lint, options.set_expressions)));
  } else {
    auto main = read_config_file(options.path, service_schema(), options.lint,
                                 options.set_expressions);
    if (!main) return std::unexpected(std::move(main).error().within(options.path));
    TRY(add(std::move(*main)));
  }
  for (const std::string& path : expand_globs(options.resources)) {
    auto file = TRY(read_config_file(path, resource_schema(), options.lint));
    TRY(add(std::move(file)));
  }
  check_labels_across(loaded.files);
  loaded.config = loaded.files.front().config;
  loaded.root = loaded.files.front().root;
  for (std::size_t i = 1; i < loaded.files.size(); ++i) {
    add_resources(loaded.config, loaded.files[i].config);
  }
  return loaded;
}

bool LoadedConfig::has_errors() const {
  return std::ranges::any_of(files, [](const ConfigFile& file) {
    return std::ranges::any_of(file.lints,
                               [](const Lint& lint) { return lint.level == Lint::Level::error; });
  });
}

std::vector<std::string> LoadedConfig::lint_lines() const {
  std::vector<std::string> lines;
  for (const ConfigFile& file : files) {
    for (const Lint& lint : file.lints) lines.push_back(lint_line(file.path, lint));
  }
  return lines;
}

}  // namespace tollgate
