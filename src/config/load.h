#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/component_spec.h"
#include "config/interpolate.h"
#include "config/service_config.h"

namespace tollgate {

struct LintOptions {
  const ComponentCatalogue* catalogue = nullptr;  ///< never null; must outlive the call
  EnvLookup environment = process_environment;
  bool report_deprecated = false;
  bool require_labels = false;
  bool skip_missing_variables = false;
  /// True: mappings are checked without evaluating arguments that need the environment.
  bool checking_only = false;
};

/// One file of a configuration, read and checked.
struct ConfigFile {
  std::string path;
  Node root;  ///< absent if the text is no YAML
  ServiceConfig config;
  std::vector<Lint> lints;  ///< in the order of lines
};

/// Reads and checks a configuration text with every problem as a lint, the worst included.
ConfigFile read_config_text(std::string path, std::string_view text,
                            const Schema<ServiceConfig>& schema, const LintOptions& options,
                            const std::vector<std::string>& set_expressions = {});

/// read_config_text() of a file; an unreadable file is an error "open PATH: no such file …".
Result<ConfigFile> read_config_file(const std::string& path, const Schema<ServiceConfig>& schema,
                                    const LintOptions& options,
                                    const std::vector<std::string>& set_expressions = {});

struct LoadOptions {
  std::string path;                          ///< the main file; empty: none, everything default
  std::vector<std::string> resources;        ///< files or globs
  std::vector<std::string> set_expressions;  ///< "path=yaml", for the main file
  LintOptions lint;
};

/// A configuration ready to be built, with what is wrong with it.
struct LoadedConfig {
  ServiceConfig config;  ///< of the main file, with the resources of all files
  Node root;             ///< of the main file
  std::vector<ConfigFile> files;

  bool has_errors() const;
  /// "FILE(line,col) text" for every lint.
  std::vector<std::string> lint_lines() const;
};

/// Fails only where there is nothing to go on with: a file that can't be read, text that is no
/// YAML, a `--set` that can't be done. Everything else is a lint, and the caller decides.
Result<LoadedConfig> load_config(const LoadOptions& options);

/// "FILE(line,col) text"
std::string lint_line(std::string_view path, const Lint& lint);

/// The files that `patterns` match (`*`, `?`, `[…]`, `**`), each once; a pattern without such
/// letters is kept as it is. Sorted within a pattern.
std::vector<std::string> expand_globs(const std::vector<std::string>& patterns);

/// expand_globs() where a path that ends in `...` stands for every .yaml and .yml file below it;
/// an error if there is no such folder.
Result<std::vector<std::string>> expand_paths(const std::vector<std::string>& paths);

Result<std::string> read_text_file(const std::string& path);

}  // namespace tollgate
