#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tollgate {

enum class LogLevel : std::uint8_t { off, fatal, error, warn, info, debug, trace };

/// The level a user wrote, in any case ("INFO", "all", "none"); `fallback` if it is none.
LogLevel parse_log_level(std::string_view text, LogLevel fallback = LogLevel::info);

struct LogField {
  std::string key;
  std::string value;
  /// What the JSON format writes instead, for values that are no strings ("5", "null"): valid JSON.
  std::string json = {};
};

/// Where log lines go and how they look; the `logger` section of a configuration.
struct LogOptions {
  LogLevel level = LogLevel::info;
  bool json = false;  ///< else logfmt
  bool add_timestamp = true;
  std::string level_name = "level";
  std::string timestamp_name = "time";
  std::string message_name = "msg";
  std::vector<LogField> static_fields{{"@service", "tollgate"}};
  bool to_stderr = false;
  std::string file;  ///< empty: stdout or stderr
  bool rotate = false;
  int rotate_max_age_days = 0;
};

class LogSink;

/// A handle that writes structured lines: cheap to copy, safe from any thread. A line below the
/// level costs one comparison. Secrets must never reach it: callers redact first.
class Logger {
 public:
  Logger();  ///< writes nothing

  /// Opens the sink. Errors: the file cannot be opened.
  static Result<Logger> open(LogOptions options);

  /// The same sink with more fields on each line ("label", "path").
  Logger with(std::initializer_list<LogField> fields) const;

  bool enabled(LogLevel level) const { return level <= level_; }
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields = {}) const;
  void write(LogLevel level, std::string_view message, const std::vector<LogField>& fields) const;

  template <typename... Args>
  void error(fmt::format_string<Args...> text, Args&&... args) const {
    print(LogLevel::error, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void warn(fmt::format_string<Args...> text, Args&&... args) const {
    print(LogLevel::warn, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> text, Args&&... args) const {
    print(LogLevel::info, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void debug(fmt::format_string<Args...> text, Args&&... args) const {
    print(LogLevel::debug, text, std::forward<Args>(args)...);
  }

  template <typename... Args>
  void trace(fmt::format_string<Args...> text, Args&&... args) const {
    print(LogLevel::trace, text, std::forward<Args>(args)...);
  }

 private:
  void emit(LogLevel level, std::string_view message, const LogField* extra,
            std::size_t count) const;
  template <typename... Args>
  void print(LogLevel level, fmt::format_string<Args...> text, Args&&... args) const {
    if (enabled(level)) write(level, fmt::format(text, std::forward<Args>(args)...));
  }

  std::shared_ptr<LogSink> sink_;
  std::shared_ptr<const std::vector<LogField>> fields_;  // sorted by key, each key once
  LogLevel level_ = LogLevel::off;
};

}  // namespace tollgate
