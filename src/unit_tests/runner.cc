#include "unit_tests/runner.h"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "unit_tests/conditions.h"
#include "unit_tests/paint.h"

namespace tollgate {

namespace {

/// Variables that are set while this lives, as the process had them before it afterwards.
class VariablesInPlace {
 public:
  explicit VariablesInPlace(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) {
      before_.emplace_back(name, process_environment(name));
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ~VariablesInPlace() {
    for (const auto& [name, value] : before_) {
      if (value) {
        setenv(name.c_str(), value->c_str(), 1);
      } else {
        unsetenv(name.c_str());
      }
    }
  }
  VariablesInPlace(const VariablesInPlace&) = delete;

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

Result<> add_message(Batch& batch, const ServiceConfig::TestMessage& input,
                     const std::string& folder) {
  std::string content = input.json_content ? json_of(*input.json_content)
                                           : input.content.value_or("");
  if (input.file_content && !input.file_content->empty()) {
    const auto path = std::filesystem::path(folder) / *input.file_content;
    content = TRY(read_text_file(path.lexically_normal().string()));
  }
  Message& message = batch.add();
  message.set_bytes(batch.arena().copy(content));
  message.identity = Identity::random();
  if (!input.metadata) return {};
  for (const auto& [key, node] : *input.metadata) {
    message.set_metadata(key, value_of(node, batch.arena()));
  }
  return {};
}

Result<std::vector<Batch>> input_batches(const ServiceConfig::Test& test,
                                         const std::string& folder) {
  auto written = test.input_batches;
  if (!test.input_batch.empty()) written.push_back(test.input_batch);
  std::vector<Batch> batches;
  for (const auto& messages : written) {
    Batch& batch = batches.emplace_back();
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (auto added = add_message(batch, messages[i], folder); !added) {
        return std::unexpected(std::move(added).error().within(
            fmt::format("failed to create test input {}", i)));
      }
    }
  }
  return batches;
}

/// Checks one batch that came out against what was expected of it.
template <typename Report>
void check_batch(Batch& batch, std::size_t number,
                 const std::vector<ServiceConfig::TestConditions>& expected,
                 const std::string& folder, Report&& report) {
  if (expected.size() != batch.size()) {
    report(fmt::format("mismatch of output batch {} message counts, expected {}, got {}", number,
                       expected.size(), batch.size()));
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (i >= expected.size()) {
      report(fmt::format("unexpected message from batch {}: {}", number, batch[i].bytes()));
      continue;
    }
    const auto complaints = check_conditions(expected[i], batch, i, folder);
    for (const std::string& complaint : complaints) {
      report(fmt::format("batch {} message {}: {}", number, i, complaint));
    }
    // A failed message fails no test by itself, but may well be why a condition does not hold.
    if (!complaints.empty() && batch[i].error() != nullptr) {
      report(fmt::format("batch {} message {}: {}", number, i, red(batch[i].error()->text)));
    }
  }
}

std::string contents_of(Batch& batch) {
  std::string text = "[";
  for (Message& message : batch) {
    if (text.size() > 1) text += ' ';
    text += message.bytes();
  }
  return text + "]";
}

void print_failures(const std::string& target, const std::vector<std::string>& lints,
                    const std::vector<TestFailure>& failures) {
  fmt::print("--- {} ---\n\n", target);
  for (const std::string& lint : lints) fmt::print("Lint: {}\n", lint);
  if (!lints.empty() && !failures.empty()) fmt::print("\n");
  const std::string* name = nullptr;
  for (const TestFailure& failure : failures) {
    if (name == nullptr || *name != failure.name) {
      if (name != nullptr) fmt::print("\n");
      fmt::print("{} [line {}]:\n", failure.name, failure.line);
      name = &failure.name;
    }
    fmt::print("{}\n", failure.reason);
  }
}

/// The errors that `lint` finds in the configuration; its tests may set the variables it wants.
Result<std::vector<std::string>> lints_of(const std::string& config_path,
                                          const ComponentCatalogue& catalogue) {
  LintOptions options{.catalogue = &catalogue};
  options.skip_missing_variables = true;
  options.checking_only = true;
  const auto file = TRY(read_config_file(config_path, service_schema(), options));
  if (!file.root) return invalid(file.lints.back().message);
  std::vector<std::string> lints;
  for (const Lint& lint : file.lints) {
    if (lint.level == Lint::Level::error) lints.push_back(lint_line("", lint));
  }
  return lints;
}

}  // namespace

Result<std::vector<TestFailure>> run_test(const TestCase& test, const std::string& config_path,
                                          const SubjectOptions& options) {
  const std::string folder = std::filesystem::path(config_path).parent_path().string();
  using Variables = std::map<std::string, std::string>;
  const VariablesInPlace variables(test.test.environment.value_or(Variables()));
  const auto subject = TRY(make_subject(test.test, config_path, options));
  std::vector<TestFailure> failures;
  const auto report = [&](std::string reason) {
    failures.push_back({test.test.name, test.line, std::move(reason)});
  };

  auto processed = subject->process(TRY(input_batches(test.test, folder)));
  if (!processed) {
    report(fmt::format("processors resulted in error: {}", processed.error().message()));
  }
  std::vector<Batch> results;
  if (processed) results = std::move(*processed);
  const auto& expected = test.test.output_batches;
  if (results.size() < expected.size()) {
    report(fmt::format("wrong batch count, expected {}, got {}", expected.size(), results.size()));
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i < expected.size()) {
      check_batch(results[i], i, expected[i], folder, report);
    } else {
      report(fmt::format("unexpected batch: {}", contents_of(results[i])));
    }
  }
  return failures;
}

bool run_tests(const std::vector<std::string>& files, bool verbose,
               const SubjectOptions& options) {
  const auto targets = find_tests(files, *options.catalogue);
  if (!targets) {
    fmt::print(stderr, "Failed to obtain test targets: {}\n", targets.error().message());
    return false;
  }
  if (targets->empty()) {
    fmt::print("{}\n", yellow("No tests were found"));
    return false;
  }
  struct Failed {
    std::string target;
    std::vector<std::string> lints;
    std::vector<TestFailure> failures;
  };
  std::vector<Failed> all_failed;
  for (const auto& [path, target] : *targets) {
    for (const std::string& warning : target.warnings) fmt::print(stderr, "{}\n", warning);
    const auto cannot = [&](std::string_view why) {
      std::fflush(stdout);
      fmt::print(stderr, "Failed to execute test target '{}': {}\n", path, why);
      return false;
    };
    Failed failed{.target = path};
    auto lints = lints_of(path, *options.catalogue);
    if (!lints) return cannot(lints.error().message());
    failed.lints = std::move(*lints);
    if (verbose) {
      for (const TestCase& test : target.cases) {
        fmt::print("  - {}\n", test.test.name.empty() ? "(unnamed)" : test.test.name);
      }
    }
    for (std::size_t i = 0; i < target.cases.size(); ++i) {
      auto failures = run_test(target.cases[i], path, options);
      if (!failures) {
        return cannot(fmt::format("test case {} failed: {}", i, failures.error().message()));
      }
      for (TestFailure& failure : *failures) failed.failures.push_back(std::move(failure));
    }
    const bool passed = failed.lints.empty() && failed.failures.empty();
    fmt::print("Test '{}' {}\n", path, passed ? green("succeeded") : red("failed"));
    if (!passed) all_failed.push_back(std::move(failed));
  }
  if (all_failed.empty()) return true;
  fmt::print("\nFailures:\n\n");
  for (std::size_t i = 0; i < all_failed.size(); ++i) {
    if (i > 0) fmt::print("\n");
    print_failures(all_failed[i].target, all_failed[i].lints, all_failed[i].failures);
  }
  return false;
}

}  // namespace tollgate
