#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"

namespace tollgate {

/// The place that log lines go to: a standard stream or a file, which may rotate at 10 MB.
///
/// Shared by all loggers of one `logger` section, from any thread. A line is one write(2), so lines
/// of several processes on one stream do not mix. A line that cannot be written is lost: logging
/// never stops the collector.
class LogSink {
 public:
  static Result<std::shared_ptr<LogSink>> open(LogOptions options);
  explicit LogSink(LogOptions options) : options_(std::move(options)) {}
  LogSink(const LogSink&) = delete;
  ~LogSink();

  const LogOptions& options() const { return options_; }
  void write(std::string_view line);

  static constexpr std::size_t kRotateBytes = 10 << 20;
  static constexpr std::size_t kBackups = 1;

 private:
  Result<> open_file();
  void rotate();

  const LogOptions options_;
  std::mutex lock_;
  int fd_ = -1;              // guarded by lock_; ours to close if options_.file is set
  std::size_t size_ = 0;     // guarded by lock_; bytes in the file
  std::jthread compressor_;  // guarded by lock_; packs the newest backup
};

}  // namespace tollgate
