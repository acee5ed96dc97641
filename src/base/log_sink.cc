#include "base/log_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

namespace tollgate {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::system_clock;

/// "app.log" is kept as "app-2006-01-02T15-04-05.000.log", and packed as that with ".gz".
std::string backup_path(const fs::path& file, Clock::time_point now) {
  const auto since = now.time_since_epoch();
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(since).count();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H-%M-%S", &parts);
  const std::string name = fmt::format("{}-{}.{:03}{}", file.stem().string(), stamp, millis,
                                       file.extension().string());
  return (file.parent_path() / name).string();
}

/// Whether `name` is a backup of `file`: its stem, a stamp of 23 characters, its extension.
bool is_backup(const fs::path& file, std::string name) {
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  const std::string stem = file.stem().string() + "-", extension = file.extension().string();
  constexpr std::size_t stamp = 23;
  if (name.size() != stem.size() + stamp + extension.size() || !name.starts_with(stem) ||
      !name.ends_with(extension)) {
    return false;
  }
  const std::string middle = name.substr(stem.size(), stamp);
  return std::ranges::all_of(middle, [](char c) { return (c >= '0' && c <= '9') || c == '-' ||
                                                         c == 'T' || c == '.'; });
}

/// Removes backups beyond the newest kBackups and those older than `max_age_days` (0: any age).
void prune(const fs::path& file, int max_age_days) {
  std::error_code ignored;
  std::vector<fs::path> backups;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  for (fs::directory_iterator at(folder, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    if (is_backup(file, at->path().filename().string())) backups.push_back(at->path());
  }
  std::ranges::sort(backups, std::ranges::greater());  // names hold the time: newest first
  const auto oldest = fs::file_time_type::clock::now() - std::chrono::hours(24) * max_age_days;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    const bool aged = max_age_days > 0 && fs::last_write_time(backups[i], ignored) < oldest;
    if (i >= LogSink::kBackups || aged) fs::remove(backups[i], ignored);
  }
}

/// Replaces `path` by `path`.gz; leaves it as it is if anything fails.
void pack(const std::string& path) {
  const std::string packed = path + ".gz", partial = packed + ".part";
  const int in = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int out = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  gzFile gz = out >= 0 ? gzdopen(out, "wb") : nullptr;
  bool ok = in >= 0 && gz != nullptr;
  std::vector<char> buffer(64 << 10);
  while (ok) {
    const ssize_t got = ::read(in, buffer.data(), buffer.size());
    if (got == 0) break;
    ok = got > 0 && gzwrite(gz, buffer.data(), static_cast<unsigned>(got)) == got;
  }
  if (gz) {
    ok = gzclose(gz) == Z_OK && ok;
  } else if (out >= 0) {
    ::close(out);
  }
  if (in >= 0) ::close(in);
  if (ok && ::rename(partial.c_str(), packed.c_str()) == 0) {
    ::unlink(path.c_str());
  } else {
    ::unlink(partial.c_str());
  }
}

/// Writes all of `text`, waiting where the stream does not block.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd wait{fd, POLLOUT, 0};
      if (::poll(&wait, 1, 1000) == 0) return false;  // nobody reads: the rest of the line is lost
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<std::shared_ptr<LogSink>> LogSink::open(LogOptions options) {
  auto sink = std::make_shared<LogSink>(std::move(options));
  if (sink->options_.file.empty()) {
    sink->fd_ = sink->options_.to_stderr ? STDERR_FILENO : STDOUT_FILENO;
    return sink;
  }
  TRY(sink->open_file());
  if (sink->options_.rotate) prune(sink->options_.file, sink->options_.rotate_max_age_days);
  return sink;
}

LogSink::~LogSink() {
  if (!options_.file.empty() && fd_ >= 0) ::close(fd_);
}

Result<> LogSink::open_file() {
  const fs::path path = options_.file;
  std::error_code ignored;  // opening tells why, if the folder cannot be made
  if (options_.rotate && path.has_parent_path()) {
    fs::create_directories(path.parent_path(), ignored);
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) {
    return invalid(fmt::format("cannot open log file {}: {}", options_.file, std::strerror(errno)));
  }
  struct stat status{};
  size_ = ::fstat(fd, &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
  fd_ = fd;
  return {};
}

void LogSink::write(std::string_view line) {
  std::lock_guard lock(lock_);
  if (options_.rotate && !options_.file.empty() && size_ > 0 &&
      size_ + line.size() > kRotateBytes) {
    rotate();
  }
  if (write_all(fd_, line)) size_ += line.size();
}

void LogSink::rotate() {
  const int old = fd_;
  std::string backup = backup_path(options_.file, Clock::now());
  if (::rename(options_.file.c_str(), backup.c_str()) != 0 || !open_file()) {
    size_ = 0;  // goes on in the old file; tries again after another 10 MB
    return;
  }
  ::close(old);
  compressor_ = std::jthread([backup = std::move(backup), file = options_.file,
                              days = options_.rotate_max_age_days] {
    pack(backup);
    prune(file, days);
  });
}

}  // namespace tollgate
