// -t: component types that files describe. template lint: checks such files and runs their tests.

#include "cli/templates.h"

#include <memory>

#include "cli/common.h"
#include "config/template.h"
#include "unit_tests/conditions.h"
#include "unit_tests/json_difference.h"

namespace tollgate {

namespace {

struct Flags {
  std::vector<std::string> paths, env_files, templates;
  bool verbose = false;
};

/// What is wrong with the outcome of a template's tests.
void run_tests(const Template& subject, const ComponentCatalogue& catalogue,
               std::vector<Lint>& lints) {
  for (const Template::Test& test : subject.tests()) {
    const auto report = [&](std::string_view text) {
      lints.push_back({{1, 1}, fmt::format("test '{}': {}", test.name, text)});
    };
    const auto result = subject.expand(test.config, test.label);
    if (!result) {
      report(result.error().message());
      continue;
    }
    CatalogueLinter linter(catalogue);
    ReadContext context(&linter);
    context.checking_only = true;
    linter.lint(subject.kind(), *result, context);
    for (const Lint& lint : context.lints()) {
      if (lint.level == Lint::Level::warning) continue;
      report("lint error in resulting config: " + lint_line("", lint));
    }
    if (!test.expected) continue;
    const auto difference = compare_json(json_of(test.expected), json_of(*result));
    if (difference.verdict != JsonDifference::Verdict::equal) {
      report("mismatch between expected and actual resulting config: " + difference.rendered);
    }
  }
}

std::vector<Lint> lint_template(const std::string& path, const ComponentCatalogue& catalogue) {
  std::vector<Lint> lints;
  const auto text = read_text_file(path);
  if (!text) return {{{1, 1}, std::string(text.error().message())}};
  const auto read = Template::read(*text, lints);
  if (read) {
    run_tests(**read, catalogue, lints);
  } else {
    lints.push_back({{1, 1}, std::string(read.error().message())});
  }
  return lints;
}

Result<bool> lint_templates(const Flags& flags, const CommonFlags& root) {
  TRY(apply_env_files(flags.env_files));
  Catalogue catalogue(all_components());
  TRY(load_templates(or_of_root(flags.templates, root.templates), root.chilled, catalogue));
  bool sound = true;
  for (const std::string& path : TRY(expand_paths(flags.paths))) {
    const auto lints = lint_template(path, catalogue);
    for (const Lint& lint : lints) fmt::print(stderr, "{}\n", lint_line(path, lint));
    if (flags.verbose) fmt::print("{}: {}\n", path, lints.empty() ? "OK" : "FAILED");
    sound &= lints.empty();
  }
  return sound;
}

}  // namespace

Result<> load_templates(const std::vector<std::string>& globs, bool chilled,
                        Catalogue& catalogue) {
  bool sound = true;
  for (const std::string& path : expand_globs(globs)) {
    const auto within = [&](Error error) {
      return std::unexpected(
          std::move(error).within("template " + path).within("template file read error"));
    };
    auto text = read_text_file(path);
    if (!text) return within(std::move(text).error());
    std::vector<Lint> lints;
    auto read = Template::read(*text, lints);
    if (!read) return within(std::move(read).error());
    for (const Lint& lint : lints) {
      fmt::print(stderr, "template file {}: {}\n", path, lint_line("", lint));
      sound &= lint.level == Lint::Level::warning;
    }
    catalogue.add((*read)->spec());
  }
  if (sound || chilled) return {};
  return invalid("Shutting down due to linter errors, to prevent shutdown run Tollgate with "
                 "--chilled");
}

void add_template(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("template", "Check templates");
  command->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  auto* lint = command->add_subcommand("lint", "Check template files and run their tests");
  lint->footer("Example: tollgate template lint ./templates/...");
  lint->add_option("paths", flags->paths, "Files, globs or FOLDER/...")->type_name("PATH");
  lint->add_flag("--verbose", flags->verbose, "Print the result of every file");
  add_list_option(*lint, "-e,--env-file", flags->env_files,
                  "Read environment variables from files");
  add_templates_option(*lint, flags->templates);
  lint->callback([flags, &context] {
    const auto sound = lint_templates(*flags, context.root);
    if (!sound) return context.fail(sound.error().message());
    context.exit_code = *sound ? 0 : 1;
  });
}

}  // namespace tollgate
