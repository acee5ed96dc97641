// lint: checks configuration files, all mistakes at once. Warnings alone exit 0.

#include <memory>

#include "cli/common.h"

namespace tollgate {

namespace {

struct Flags {
  std::vector<std::string> paths, resources, env_files, templates;
  bool deprecated = false, labels = false, skip_env = false, verbose = false;
};

/// The fenced `yaml` blocks of a Markdown text, each with empty lines before it, so that positions
/// are those of the file.
std::vector<std::string> yaml_blocks(const std::string& text) {
  std::vector<std::string> blocks;
  std::string blank, block;
  bool inside = false;
  std::size_t start = 0;
  while (start <= text.size()) {
    const auto end = std::min(text.find('\n', start), text.size());
    const auto line = text.substr(start, end - start);
    start = end + 1;
    blank += '\n';
    if (!inside && (line == "```yaml" || line == "```yml")) {
      inside = true;
      block = blank;
    } else if (inside && line.starts_with("```")) {
      inside = false;
      blocks.push_back(block);
    } else if (inside) {
      block += line + '\n';
    }
  }
  return blocks;
}

/// Prints the lints; whether there was an error among them.
bool report(const std::string& path, const std::vector<Lint>& lints) {
  bool failed = false;
  for (const Lint& lint : lints) {
    failed |= lint.level == Lint::Level::error;
    fmt::print(stderr, "{}\n", lint_line(path, lint));
  }
  return failed;
}

Result<bool> lint_file(const std::string& path, const Schema<ServiceConfig>& schema,
                       const LintOptions& options) {
  if (!path.ends_with(".md")) {
    return report(path, TRY(read_config_file(path, schema, options)).lints);
  }
  bool failed = false;
  for (const std::string& block : yaml_blocks(TRY(read_text_file(path)))) {
    failed |= report(path, read_config_text(path, block, schema, options).lints);
  }
  return failed;
}

int lint(const Flags& flags, const CommonFlags& root) {
  if (auto applied = apply_env_files(flags.env_files); !applied) {
    fmt::print(stderr, "{}\n", applied.error().message());
    return 1;
  }
  Catalogue catalogue(all_components());
  if (auto loaded = load_templates(or_of_root(flags.templates, root.templates), root.chilled,
                                   catalogue);
      !loaded) {
    fmt::print(stderr, "{}\n", loaded.error().message());
    return 1;
  }
  LintOptions options;
  options.catalogue = &catalogue;
  options.report_deprecated = flags.deprecated;
  options.require_labels = flags.labels;
  options.skip_missing_variables = flags.skip_env;
  options.checking_only = true;

  int exit_code = 0;
  const auto run = [&](const std::string& path) {
    const auto failed = lint_file(path, service_schema(), options);
    if (!failed) fmt::print(stderr, "{}(1,1) {}\n", path, failed.error().message());
    const bool bad = !failed || *failed;
    if (bad) exit_code = 1;
    if (flags.verbose) fmt::print("{}: {}\n", path, bad ? "FAILED" : "OK");
  };
  std::vector<std::string> paths = flags.paths;
  if (!root.config.empty()) paths.push_back(root.config);
  const auto& resources = or_of_root(flags.resources, root.resources);
  paths.insert(paths.end(), resources.begin(), resources.end());
  const auto files = expand_paths(paths);
  if (!files) {
    fmt::print(stderr, "lint paths error: {}\n", files.error().message());
    return 1;
  }
  for (const std::string& path : *files) run(path);
  return exit_code;
}

}  // namespace

void add_lint(CLI::App& app, CommandContext& context) {
  auto flags = std::make_shared<Flags>();
  auto* command = app.add_subcommand("lint", "Check configuration files");
  command->add_option("paths", flags->paths, "Files, globs, FOLDER/... or Markdown files")
      ->type_name("PATH");
  command->add_flag("--deprecated", flags->deprecated, "Report deprecated fields and components");
  command->add_flag("--labels", flags->labels, "Report components without a label");
  command->add_flag("--skip-env-var-check", flags->skip_env, "Ignore unset variables");
  command->add_flag("--verbose", flags->verbose, "Print the result of every file");
  add_list_option(*command, "-r,--resources", flags->resources, "Check these files too");
  add_list_option(*command, "-e,--env-file", flags->env_files,
                  "Read environment variables from files");
  add_templates_option(*command, flags->templates);
  command->callback([flags, &context] { context.exit_code = lint(*flags, context.root); });
}

}  // namespace tollgate
