#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tollgate {

/// Calls a function when one of some files changed and then kept still for a second. A file that
/// disappears is no change: editors replace files that way. Looks once a second.
class FileWatch {
 public:
  /// `files` names them anew each time, so that globs see new ones.
  FileWatch(std::function<std::vector<std::string>()> files, std::function<void()> changed)
      : files_(std::move(files)), changed_(std::move(changed)), seen_(look()) {
    thread_ = std::thread([this] { loop(); });
  }
  ~FileWatch() {
    {
      std::lock_guard lock(lock_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  FileWatch(const FileWatch&) = delete;

 private:
  using Stamp = std::pair<std::filesystem::file_time_type, std::uintmax_t>;
  using Stamps = std::map<std::string, Stamp>;

  Stamps look() const {
    Stamps stamps;
    for (const std::string& path : files_()) {
      std::error_code error;
      const auto time = std::filesystem::last_write_time(path, error);
      if (!error) stamps[path] = {time, std::filesystem::file_size(path, error)};
    }
    return stamps;
  }

  /// Whether a file of `now` is new or other than in `before`.
  static bool differs(const Stamps& before, const Stamps& now) {
    for (const auto& [path, stamp] : now) {
      const auto known = before.find(path);
      if (known == before.end() || known->second != stamp) return true;
    }
    return false;
  }

  void loop() {
    std::unique_lock lock(lock_);
    Stamps last = seen_;
    while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; })) {
      Stamps now = look();
      const bool still = !differs(last, now);
      last = now;
      if (!still || !differs(seen_, now)) continue;
      seen_ = std::move(now);
      lock.unlock();
      changed_();
      lock.lock();
    }
  }

  const std::function<std::vector<std::string>()> files_;
  const std::function<void()> changed_;
  Stamps seen_;
  std::mutex lock_;
  std::condition_variable wake_;
  bool stopping_ = false;  // lock_
  std::thread thread_;
};

}  // namespace tollgate
