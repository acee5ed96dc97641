#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "component/catalogue.h"
#include "component/processor.h"
#include "config/load.h"
#include "unit_tests/definition.h"

namespace tollgate {

/// What a test is about: processors or a mapping.
class TestSubject {
 public:
  virtual ~TestSubject() = default;
  /// What it makes of `batches`, each step taken with all of them before the next one.
  virtual Result<std::vector<Batch>> process(std::vector<Batch> batches) = 0;
};

/// What test subjects are made with.
struct SubjectOptions {
  const Catalogue* catalogue = nullptr;  ///< never null; must outlive the subjects
  Logger logger;                         ///< for what the processors log
  std::vector<std::string> resources;    ///< more files with resources
};

/// The processors or the mapping that `test` aims at, built from the configuration `config_path`
/// with the test's mocks in the places of what they replace. The test's environment must have been
/// set in the process.
Result<std::unique_ptr<TestSubject>> make_subject(const ServiceConfig::Test& test,
                                                  const std::string& config_path,
                                                  const SubjectOptions& options);

}  // namespace tollgate
