#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/timestamp.h"

namespace tollgate {

/// A line of syslog taken apart; views of the line where nothing had to be unescaped.
struct SyslogMessage {
  struct Element {
    std::string_view id;
    std::vector<std::pair<std::string_view, std::string>> parameters;
  };

  int priority = 0;
  int version = 0;  ///< 0: RFC 3164
  std::optional<Timestamp> timestamp;
  std::string_view hostname, appname, procid, msgid;  ///< empty: not given
  std::string_view message;
  std::optional<std::vector<Element>> structured;

  int facility() const { return priority / 8; }
  int severity() const { return priority % 8; }
};

/// RFC 5424. Errors tell the column, from 0.
Result<SyslogMessage> parse_syslog_5424(std::string_view line);

struct SyslogOptions {
  bool allow_rfc3339 = true;
  int year = 0;                ///< of timestamps, which have none
  const Zone* zone = nullptr;  ///< that timestamps are shown in; null: UTC
};

/// RFC 3164, as loosely as daemons write it.
Result<SyslogMessage> parse_syslog_3164(std::string_view line, const SyslogOptions& options);

}  // namespace tollgate
