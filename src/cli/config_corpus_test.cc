// The configurations of tests/config against the real components.

#include <gtest/gtest.h>

#include <set>

#include "component/catalogue.h"
#include "components/manifest.h"
#include "config/corpus.h"

namespace tollgate {
namespace {

const std::filesystem::path kFolder = TOLLGATE_SOURCE_DIR "/tests/config";

/// The lines of known_differences.txt; what begins with "# " gives reasons.
std::set<std::string> known_differences() {
  std::set<std::string> known;
  const auto text = read_text_file((kFolder / "known_differences.txt").string());
  std::size_t start = 0;
  while (text && start < text->size()) {
    const auto end = std::min(text->find('\n', start), text->size());
    const std::string line = text->substr(start, end - start);
    if (!line.empty() && !line.starts_with("# ")) known.insert(line);
    start = end + 1;
  }
  return known;
}

/// One line, however many the text has.
std::string one_line(std::string text) {
  std::size_t at = 0;
  while ((at = text.find('\n', at)) != text.npos) text.replace(at, 1, "\\n");
  return text;
}

/// Fails for differences of `found` that are not known and known ones of `prefixes` that are over.
void compare(const std::set<std::string>& found, std::initializer_list<std::string_view> prefixes) {
  const auto known = known_differences();
  for (const std::string& line : found) {
    if (!known.contains(line)) ADD_FAILURE() << line;
  }
  for (const std::string& line : known) {
    const bool ours = std::ranges::any_of(prefixes, [&](auto p) { return line.starts_with(p); });
    if (ours && !found.contains(line)) ADD_FAILURE() << "differs no more: " << line;
  }
}

TEST(ConfigCorpus, Lint) {
  const Catalogue catalogue(all_components());
  std::set<std::string> found;
  const auto outcomes = corpus::run_all(
      kFolder / "lint", [&](const auto& path) { return corpus::lint_file(path, catalogue); });
  ASSERT_GT(outcomes.size(), 100u);
  for (const corpus::Outcome& outcome : outcomes) {
    for (const auto& lint : outcome.missing) found.insert("missing " + one_line(lint));
    for (const auto& lint : outcome.extra) found.insert("extra " + one_line(lint));
  }
  compare(found, {"missing ", "extra "});
}

TEST(ConfigCorpus, Echo) {
  const Catalogue catalogue(all_components());
  std::set<std::string> found;
  const auto outcomes = corpus::run_all(
      kFolder / "echo", [&](const auto& path) { return corpus::echo_file(path, catalogue); });
  ASSERT_GT(outcomes.size(), 10u);
  for (const corpus::Outcome& outcome : outcomes) {
    if (!outcome.missing.empty() || !outcome.extra.empty()) found.insert("echo " + outcome.file);
  }
  compare(found, {"echo "});
}

/// What `lint` says of a configuration of the documentation; its variables need not be set.
std::vector<Lint> lint_example(const std::string& yaml, const Catalogue& catalogue) {
  LintOptions options{.catalogue = &catalogue};
  options.skip_missing_variables = true;
  options.checking_only = true;
  return read_config_text("example", yaml, service_schema(), options).lints;
}

TEST(DocumentedExamples, OfComponentsLintClean) {
  const Catalogue catalogue(all_components());
  for (const ComponentKind kind : all_component_kinds) {
    for (const ComponentSpec* spec : catalogue.all(kind)) {
      if (spec->examples == nullptr) continue;
      for (const ComponentExample& example : spec->examples()) {
        for (const Lint& lint : lint_example(example.yaml, catalogue)) {
          ADD_FAILURE() << kind_name(kind) << " " << spec->name << ", " << example.title << ": "
                        << lint_line("", lint);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tollgate
