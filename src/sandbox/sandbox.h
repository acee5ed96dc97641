#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "sandbox/faults.h"

namespace tollgate {

/// An OpenMeter-compatible destination in one process: takes CloudEvents in, each once, meters
/// them, answers questions about usage, and shows it on a page.
///
/// Lifecycle: start(), stop() (or destruction). Any thread may call any member.
class Sandbox {
 public:
  struct Options {
    std::string listen = "127.0.0.1:8888";  ///< port 0 picks a free one
    std::string database;                   ///< a file; "": one in a new temporary folder
    std::string meters;                     ///< a YAML file; "": the default meters
    std::string token;                      ///< what requests must bear; "": nothing
    bool allow_extensions = false;          ///< v3 takes extension attributes too
    FaultSettings faults;
    Logger logger;
  };

  /// Errors say what to do: a port in use, a database that is none, mistakes in the meters.
  static Result<std::unique_ptr<Sandbox>> start(Options options);
  ~Sandbox();

  /// Answers what is under way, stores what was taken in, then disconnects everyone.
  void stop();

  int port() const;
  const std::string& database() const;

 private:
  class Impl;
  explicit Sandbox(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The page at `/`: HTML with everything it needs inside.
std::string_view sandbox_page();

}  // namespace tollgate
