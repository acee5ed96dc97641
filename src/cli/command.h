#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tollgate {

/// Flags that stand before the command or on it, as the incumbent has them.
struct CommonFlags {
  std::string config;                   ///< -c
  std::string log_level;                ///< --log.level
  std::vector<std::string> set;         ///< -s
  std::vector<std::string> resources;   ///< -r
  std::vector<std::string> env_files;   ///< -e
  std::vector<std::string> templates;   ///< -t
  std::string memory_limit;             ///< --memory-limit
  std::string state_dir;                ///< --state-dir
  bool chilled = false;
  bool watch = false;
};

/// What a command is given: the flags of the root, and where to leave the exit code.
struct CommandContext {
  CommonFlags root;
  int exit_code = 0;

  /// Prints "tollgate: reason" to stderr and leaves exit code 1.
  void fail(std::string_view reason);
};

// Each adds its command to `app`; the callback runs it. One file a command.
void add_run(CLI::App& app, CommandContext& context);
void add_lint(CLI::App& app, CommandContext& context);
void add_echo(CLI::App& app, CommandContext& context);
void add_list(CLI::App& app, CommandContext& context);
void add_create(CLI::App& app, CommandContext& context);
void add_blobl(CLI::App& app, CommandContext& context);
void add_docs(CLI::App& app, CommandContext& context);
void add_test(CLI::App& app, CommandContext& context);
void add_template(CLI::App& app, CommandContext& context);
void add_sandbox(CLI::App& app, CommandContext& context);
void add_journal(CLI::App& app, CommandContext& context);
void add_ledger(CLI::App& app, CommandContext& context);
void add_completion(CLI::App& app, CommandContext& context);

/// Runs the collector until it ends or is told to; the exit code.
int run_collector(const CommonFlags& flags);

/// Parses the command line and runs the command; the exit code of the process.
int run_command_line(int argc, char** argv);

/// "0.1.0"
std::string_view version();

}  // namespace tollgate
