#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/normalise.h"
#include "config/set_path.h"

// Runs the files of tests/config against a catalogue. For tests only, here and where the real
// components are linked; header-only so that no library carries it.
namespace tollgate::corpus {

/// How a file fared. `missing`: the incumbent's lints that we do not have; `extra`: ours that it
/// has not. A lint of ours counts as the incumbent's if it is on the same line and begins with the
/// same text (ours may go on with a hint).
struct Outcome {
  std::string file;
  bool skipped = false;  ///< it names components that the catalogue does not have
  std::vector<std::string> missing;
  std::vector<std::string> extra;
};

struct Header {
  std::map<std::string, std::string, std::less<>> environment;  // # ENV NAME="json text"
  std::vector<std::string> words;                               // # FLAGS … and # ARGS …
};

inline Header read_header(std::string_view text) {
  Header header;
  while (text.starts_with("# ")) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(2, end - 2);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (line.starts_with("ENV ")) {
      const std::size_t equals = line.find('=');
      const auto value = parse_yaml(line.substr(equals + 1));  // JSON is YAML
      header.environment[std::string(line.substr(4, equals - 4))] = value->text();
    } else if (line.starts_with("FLAGS ") || line.starts_with("ARGS ")) {
      line.remove_prefix(line.find(' ') + 1);
      while (!line.empty()) {
        const std::size_t space = std::min(line.find(' '), line.size());
        header.words.emplace_back(line.substr(0, space));
        line.remove_prefix(std::min(line.size(), space + 1));
      }
    }
  }
  return header;
}

inline bool has_word(const Header& header, std::string_view word) {
  return std::ranges::find(header.words, word) != header.words.end();
}

struct Expected {
  int line = 0;
  std::string text;
  bool hard = false;  // the incumbent stopped at it; its text names the keys on the way
};

// Lines "FILE(line,col) text"; what does not begin so continues the text before.
inline std::vector<Expected> read_expected(const std::string& text, const std::string& name) {
  std::vector<Expected> all;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name + "(")) {
      const std::size_t hint = line.find("line ");
      if (!all.empty() && all.back().hard && hint != line.npos) {
        all.back().line = std::atoi(line.c_str() + hint + 5);
      }
      continue;
    }
    Expected expected;
    expected.line = std::atoi(line.c_str() + name.size() + 1);
    expected.text = line.substr(std::min(line.find(") ") + 2, line.size()));
    expected.hard = expected.text.starts_with("field '");
    const std::size_t hint = expected.text.find(": line ");
    if (expected.hard && hint != line.npos) {
      expected.line = std::atoi(expected.text.c_str() + hint + 7);
    }
    const bool repeated = !all.empty() && all.back().line == expected.line &&
                          all.back().text == expected.text;  // for a map and again for its values
    if (!repeated) all.push_back(std::move(expected));
  }
  return all;
}

inline bool same(const Expected& expected, const Lint& lint) {
  // Where the incumbent has no place for it and says line 1.
  constexpr std::string_view variables = "required environment variables";
  if (expected.text.starts_with("yaml: ") || expected.text.starts_with(variables)) {
    return lint.message == expected.text;
  }
  if (std::max(lint.where.line, 1) != std::max(expected.line, 1)) return false;
  if (expected.hard || lint.message.starts_with(expected.text)) return true;
  // Parse errors in mappings quote the rest of the text, which ours may cut.
  return lint.message.size() > 8 && expected.text.starts_with(lint.message);
}

inline Outcome lint_file(const std::filesystem::path& path, const ComponentCatalogue& catalogue) {
  Outcome outcome{.file = path.filename().string()};
  const std::string text = *read_text_file(path.string());
  const Header header = read_header(text);
  LintOptions options{.catalogue = &catalogue};
  options.environment = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = header.environment.find(name);
    return found == header.environment.end() ? std::nullopt : std::optional(found->second);
  };
  options.report_deprecated = has_word(header, "--deprecated");
  options.require_labels = has_word(header, "--labels");
  options.skip_missing_variables = has_word(header, "--skip-env-var-check");
  options.checking_only = true;
  const ConfigFile file = read_config_text(outcome.file, text, service_schema(), options);
  auto expected = read_expected(*read_text_file(path.string() + ".lints"), outcome.file);
  for (const Lint& lint : file.lints) {
    if (lint.level == Lint::Level::warning) continue;
    const auto found =
        std::ranges::find_if(expected, [&](const Expected& each) { return same(each, lint); });
    if (found != expected.end()) {
      expected.erase(found);
      continue;
    }
    outcome.extra.push_back(lint_line(outcome.file, lint));
    outcome.skipped = outcome.skipped || lint.message.starts_with("unable to infer") ||
                      lint.message.find("was not recognised") != std::string::npos;
  }
  for (const Expected& each : expected) {
    outcome.missing.push_back(outcome.file + "(" + std::to_string(each.line) + ") " + each.text);
  }
  return outcome;
}

/// What `echo` should print, beside what we print, where they differ.
inline Outcome echo_file(const std::filesystem::path& path, const ComponentCatalogue& catalogue) {
  Outcome outcome{.file = path.filename().string()};
  const std::string text = *read_text_file(path.string());
  const Header header = read_header(text);
  std::string printed;
  const auto replaced = replace_variables(text, [&](std::string_view name) {
    const auto found = header.environment.find(name);
    return found == header.environment.end() ? std::nullopt : std::optional(found->second);
  });
  auto root = replaced ? parse_yaml(replaced->text)
                       : invalid(std::string(replaced.error().message()));
  for (const std::string& word : header.words) {
    if (word != "-s" && root) root = set_by_expression(*root, word);
  }
  auto normal = root ? normalise_config(*root, catalogue) : std::move(root);
  const bool expects_error = std::filesystem::exists(path.string() + ".error");
  if (!normal) {
    outcome.skipped = !expects_error;
    if (!expects_error) outcome.missing.emplace_back(normal.error().message());
    return outcome;
  }
  if (expects_error) {
    outcome.missing.push_back("an error: " + *read_text_file(path.string() + ".error"));
    return outcome;
  }
  const std::string expected = *read_text_file(path.string() + ".echo");
  // The incumbent ends its output with an empty line.
  printed = print_yaml(*normal) + "\n";
  if (printed != expected) {
    outcome.missing.push_back(expected);
    outcome.extra.push_back(printed);
  }
  return outcome;
}

/// `run` for every .yaml file of `directory`, in the order of names.
template <typename Run>
std::vector<Outcome> run_all(const std::filesystem::path& directory, Run run) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  std::vector<Outcome> outcomes;
  for (const auto& path : paths) outcomes.push_back(run(path));
  return outcomes;
}

}  // namespace tollgate::corpus
