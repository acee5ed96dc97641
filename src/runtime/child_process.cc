#include "runtime/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include <fmt/format.h>

extern char** environ;

namespace tollgate {
namespace {

// How long a wait may take before whoever asked us to stop is noticed.
constexpr int kPollMilliseconds = 100;

struct SpawnSettings {
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    // Signals that we ignore or block are not the program's business.
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

// Appends what there is to read. False at the end of the stream.
bool drain(int descriptor, std::string& out) {
  char piece[16 << 10];
  while (true) {
    const ssize_t count = ::read(descriptor, piece, sizeof piece);
    if (count > 0) {
      out.append(piece, static_cast<std::size_t>(count));
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    return count < 0 && errno == EAGAIN;
  }
}

}  // namespace

void ChildProcess::swap(ChildProcess& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pipes_, other.pipes_);
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) stop(0);
  for (const int pipe : pipes_) {
    if (pipe >= 0) ::close(pipe);
  }
}

Result<ChildProcess> ChildProcess::start(const std::string& name,
                                         const std::vector<std::string>& args) {
  // A program may end before it read all that it is given: that must not end us.
  [[maybe_unused]] static const auto before = ::signal(SIGPIPE, SIG_IGN);
  ChildProcess child;
  int theirs[3] = {-1, -1, -1};
  const auto close_theirs = [&] {
    for (const int end : theirs) {
      if (end >= 0) ::close(end);
    }
  };
  for (int i = 0; i < 3; ++i) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      close_theirs();
      return transient(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    }
    theirs[i] = ends[i == 0 ? 0 : 1];
    child.pipes_[i] = ends[i == 0 ? 1 : 0];
    ::fcntl(child.pipes_[i], F_SETFL, O_NONBLOCK);
  }
  SpawnSettings settings;
  for (int i = 0; i < 3; ++i) posix_spawn_file_actions_adddup2(&settings.actions, theirs[i], i);
  std::vector<char*> arguments{const_cast<char*>(name.c_str())};
  for (const std::string& argument : args) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int failed = ::posix_spawnp(&child.pid_, name.c_str(), &settings.actions,
                                    &settings.attributes, arguments.data(), environ);
  close_theirs();
  if (failed == 0) return child;
  child.pid_ = -1;
  if (failed == ENOENT && name.find('/') == name.npos) {
    return invalid(fmt::format("exec: \"{}\": executable file not found in $PATH", name));
  }
  return invalid(fmt::format("fork/exec {}: {}", name,
                             failed == ENOENT   ? "no such file or directory"
                             : failed == EACCES ? "permission denied"
                                                : std::strerror(failed)));
}

void ChildProcess::close_input() {
  if (pipes_[0] >= 0) ::close(std::exchange(pipes_[0], -1));
}

int ChildProcess::wait(std::string& how) {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) {
    std::string name = ::strsignal(WTERMSIG(status));
    if (!name.empty()) name[0] = static_cast<char>(std::tolower(name[0]));
    how = "signal: " + name;
    return -1;
  }
  how = fmt::format("exit status {}", WEXITSTATUS(status));
  return WEXITSTATUS(status);
}

void ChildProcess::stop(int grace) {
  if (pid_ <= 0) return;
  close_input();
  int status = 0;
  for (int waited = 0; waited < grace; waited += 10) {
    if (::waitpid(pid_, &status, WNOHANG) != 0) {
      pid_ = -1;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(-pid_, SIGKILL);
  std::string how;
  wait(how);
}

Result<CommandResult> run_command(const std::string& name, const std::vector<std::string>& args,
                                  std::string_view input, std::size_t max_output,
                                  const std::stop_token& abandoned) {
  ChildProcess child = TRY(ChildProcess::start(name, args));
  CommandResult result;
  bool output_open = true, errors_open = true;
  while (output_open || errors_open) {
    if (input.empty()) child.close_input();
    pollfd ready[3] = {{child.input(), POLLOUT, 0},
                       {output_open ? child.output() : -1, POLLIN, 0},
                       {errors_open ? child.errors() : -1, POLLIN, 0}};
    if (::poll(ready, 3, kPollMilliseconds) < 0 && errno != EINTR) {
      return transient(fmt::format("poll: {}", std::strerror(errno)));
    }
    if (abandoned.stop_requested()) return cancelled("the collector is stopping");
    if (ready[0].revents != 0) {
      const ssize_t count = ::write(child.input(), input.data(), input.size());
      if (count > 0) input.remove_prefix(static_cast<std::size_t>(count));
      // A program that does not want to read all of it is none of our business.
      if (count < 0 && errno != EAGAIN && errno != EINTR) input = {};
    }
    if (ready[1].revents != 0) output_open = drain(child.output(), result.output);
    if (ready[2].revents != 0) errors_open = drain(child.errors(), result.errors);
    if (result.output.size() > max_output || result.errors.size() > max_output) {
      return invalid(fmt::format("printed more than {} bytes", max_output));
    }
  }
  result.status = child.wait(result.how);
  return result;
}

}  // namespace tollgate
