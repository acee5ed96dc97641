#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/load.h"

namespace tollgate {

/// One test of a configuration, and where it is written.
struct TestCase {
  ServiceConfig::Test test;
  int line = 0;
};

/// The tests of one configuration file.
struct TestTarget {
  std::string definition;  ///< the file the tests are in: the configuration, or one beside it
  std::vector<TestCase> cases;
  std::vector<std::string> warnings;  ///< "FILE(line,col) …": keys that no test has
};

/// Reads the tests of every configuration among `files`: those of `NAME_benthos_test.yaml` beside
/// `NAME.yaml` if there is one, else those the configuration itself carries. Either file stands for
/// both. Configurations without tests are left out. By the path of the configuration.
///
/// Fails if a file cannot be read, or if the tests in it are not well-formed.
Result<std::map<std::string, TestTarget>> find_tests(const std::vector<std::string>& files,
                                                     const ComponentCatalogue& catalogue);

}  // namespace tollgate
