#include "unit_tests/definition.h"

#include <filesystem>

#include <fmt/format.h>

namespace tollgate {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = "_benthos_test";

struct Pair {
  fs::path config;
  fs::path definition;
};

/// The configuration and its file of tests, from the path of either.
Pair pair_of(const fs::path& path) {
  const std::string name = path.stem().string();
  const std::string extension = path.extension().string();
  const fs::path folder = path.parent_path();
  if (name.ends_with(kSuffix)) {
    const auto plain = name.substr(0, name.size() - kSuffix.size());
    return {(folder / (plain + extension)).lexically_normal(), path.lexically_normal()};
  }
  return {path.lexically_normal(),
          (folder / (name + std::string(kSuffix) + extension)).lexically_normal()};
}

Result<> read_cases(TestTarget& target, const ComponentCatalogue& catalogue) {
  const Node root = TRY(parse_yaml(TRY(read_text_file(target.definition))));
  if (!root.is(Node::Kind::map)) {
    if (root.is(Node::Kind::null)) return {};
    return invalid(fmt::format("line {}: expected an object with a list of tests, found {}",
                               root.position().line, root.tag()));
  }
  const Node tests = root["tests"];
  if (!tests || tests.is(Node::Kind::null)) return {};
  if (!tests.is(Node::Kind::list)) {
    return invalid(fmt::format("line {}: field tests: expected array value, got {}",
                               tests.position().line, tests.tag()));
  }
  CatalogueLinter components(catalogue);
  for (std::size_t i = 0; i < tests.items().size(); ++i) {
    const Node& item = tests.items()[i];
    ReadContext context(&components);
    context.unknown_keys_are_warnings = true;
    target.cases.push_back({read(test_schema(), item, context), item.position().line});
    for (const Lint& lint : context.lints()) {
      if (lint.level == Lint::Level::error) {
        return invalid(fmt::format("{}: line {}: {}", i, lint.where.line, lint.message));
      }
      target.warnings.push_back(lint_line(target.definition, lint));
    }
  }
  return {};
}

bool is_yaml(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

}  // namespace

Result<std::map<std::string, TestTarget>> find_tests(const std::vector<std::string>& files,
                                                     const ComponentCatalogue& catalogue) {
  std::map<std::string, TestTarget> targets;
  for (const std::string& file : files) {
    const Pair pair = pair_of(file);
    std::error_code error;
    if (!fs::exists(pair.config, error)) {
      return invalid(fmt::format("unable to access target config file '{0}': stat {0}: no such "
                                 "file or directory",
                                 pair.config.string()));
    }
    TestTarget target;
    if (fs::exists(pair.definition, error)) {
      target.definition = pair.definition.string();
    } else if (is_yaml(pair.config)) {
      target.definition = pair.config.string();
    } else {
      continue;
    }
    if (auto done = read_cases(target, catalogue); !done) {
      return invalid(fmt::format("failed to parse test definition from '{}': {}",
                                 target.definition, done.error().message()));
    }
    // Its own tests are linted with the configuration.
    if (pair.config == target.definition) target.warnings.clear();
    if (!target.cases.empty()) targets[pair.config.string()] = std::move(target);
  }
  return targets;
}

}  // namespace tollgate
