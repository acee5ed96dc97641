#pragma once

#include <string>
#include <vector>

#include "unit_tests/subject.h"

namespace tollgate {

/// A condition of a test that did not hold.
struct TestFailure {
  std::string name;    ///< of the test
  int line = 0;        ///< of the test
  std::string reason;  ///< a sentence, perhaps with more lines below
};

/// Runs one test: sets its variables, builds what it is about, sends its batches through, checks
/// what comes out. Empty: it passed. An error: it could not be run.
///
/// Changes the process's environment while it runs; one at a time.
Result<std::vector<TestFailure>> run_test(const TestCase& test, const std::string& config_path,
                                          const SubjectOptions& options);

/// Runs the tests of the configurations among `files` and prints what became of them: results to
/// stdout, what kept tests from running to stderr. True if there were tests and all passed.
bool run_tests(const std::vector<std::string>& files, bool verbose, const SubjectOptions& options);

}  // namespace tollgate
