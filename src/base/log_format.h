#pragma once

#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include "base/log.h"

namespace tollgate {

/// One log line before it is written. `fields` are sorted by key, each key once.
struct LogLine {
  std::time_t time;
  LogLevel level;
  std::string_view message;
  std::span<const LogField> fields;
};

/// The line with its newline: time, level and message first, then the fields.
std::string format_logfmt(const LogLine& line, const LogOptions& options);
/// One JSON object with sorted keys, and a newline. A field that has the name of the time, level or
/// message gets the prefix "fields." in both formats.
std::string format_json_line(const LogLine& line, const LogOptions& options);

/// `time` as RFC 3339 in the local zone, whole seconds.
std::string format_local_time(std::time_t time);

}  // namespace tollgate
