#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace tollgate {

/// A program that runs beside this one, with its standard streams connected to pipes.
///
/// Our ends of the pipes are non-blocking. It has a process group of its own, so that what it
/// started dies with it. Destroyed while it runs it is killed. One thread at a time.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept { swap(other); }
  ChildProcess& operator=(ChildProcess&& other) noexcept {
    ChildProcess gone(std::move(other));
    swap(gone);
    return *this;
  }
  ~ChildProcess();

  /// `name` is looked up in PATH unless it holds a slash.
  static Result<ChildProcess> start(const std::string& name, const std::vector<std::string>& args);

  explicit operator bool() const { return pid_ > 0; }
  int input() const { return pipes_[0]; }   ///< to write to it
  int output() const { return pipes_[1]; }  ///< to read what it prints
  int errors() const { return pipes_[2]; }
  void close_input();

  /// Waits for its end. -1 when a signal ended it; `how` tells which.
  int wait(std::string& how);
  /// Ends it: its input is closed, and if it does not go within `grace` milliseconds it is killed.
  void stop(int grace);

 private:
  void swap(ChildProcess& other) noexcept;

  pid_t pid_ = -1;
  int pipes_[3] = {-1, -1, -1};
};

/// What a program printed, and how it ended.
struct CommandResult {
  int status = 0;   ///< -1: a signal
  std::string how;  ///< "exit status 1", "signal: killed"
  std::string output;
  std::string errors;
};

/// Runs a program to its end with `input` on its standard input. Errors: it cannot be started,
/// prints more than `max_output` bytes, or `abandoned` was asked for meanwhile.
Result<CommandResult> run_command(const std::string& name, const std::vector<std::string>& args,
                                  std::string_view input, std::size_t max_output,
                                  const std::stop_token& abandoned);

}  // namespace tollgate
