#include "base/log.h"

#include <algorithm>
#include <ctime>

#include "base/log_format.h"
#include "base/log_sink.h"
#include "base/strings.h"

namespace tollgate {

namespace {

/// Merges `extra` over `fields`: sorted by key, the newest value of each key.
std::vector<LogField> merge(const std::vector<LogField>& fields, const LogField* extra,
                            std::size_t count) {
  std::vector<LogField> merged = fields;
  for (const LogField* field = extra; field != extra + count; ++field) {
    const auto at = std::ranges::lower_bound(merged, field->key, {}, &LogField::key);
    if (at != merged.end() && at->key == field->key) {
      *at = *field;
    } else {
      merged.insert(at, *field);
    }
  }
  return merged;
}

}  // namespace

LogLevel parse_log_level(std::string_view text, LogLevel fallback) {
  struct Name {
    std::string_view text;
    LogLevel level;
  };
  static constexpr Name names[] = {
      {"off", LogLevel::off},     {"none", LogLevel::off},   {"fatal", LogLevel::fatal},
      {"error", LogLevel::error}, {"warn", LogLevel::warn},  {"info", LogLevel::info},
      {"debug", LogLevel::debug}, {"trace", LogLevel::trace}, {"all", LogLevel::trace},
  };
  for (const Name& name : names) {
    if (equal_ignoring_case(text, name.text)) return name.level;
  }
  return fallback;
}

Logger::Logger() : fields_(std::make_shared<const std::vector<LogField>>()) {}

Result<Logger> Logger::open(LogOptions options) {
  Logger logger;
  logger.level_ = options.level;
  logger.fields_ = std::make_shared<const std::vector<LogField>>(
      merge({}, options.static_fields.data(), options.static_fields.size()));
  logger.sink_ = TRY(LogSink::open(std::move(options)));
  return logger;
}

Logger Logger::with(std::initializer_list<LogField> fields) const {
  Logger extended = *this;
  extended.fields_ =
      std::make_shared<const std::vector<LogField>>(merge(*fields_, fields.begin(), fields.size()));
  return extended;
}

void Logger::write(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) const {
  emit(level, message, fields.begin(), fields.size());
}

void Logger::write(LogLevel level, std::string_view message,
                   const std::vector<LogField>& fields) const {
  emit(level, message, fields.data(), fields.size());
}

void Logger::emit(LogLevel level, std::string_view message, const LogField* extra,
                  std::size_t count) const {
  if (!enabled(level) || level == LogLevel::off || !sink_) return;
  std::vector<LogField> merged;
  if (count > 0) merged = merge(*fields_, extra, count);
  const LogLine line{std::time(nullptr), level, message, count > 0 ? merged : *fields_};
  const LogOptions& options = sink_->options();
  sink_->write(options.json ? format_json_line(line, options) : format_logfmt(line, options));
}

}  // namespace tollgate
