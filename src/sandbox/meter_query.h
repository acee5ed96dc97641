#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/http_server.h"
#include "sandbox/meter.h"
#include "sandbox/sqlite.h"

namespace tollgate {

/// A question to a meter, as the query API takes it.
struct MeterQuery {
  std::optional<std::int64_t> from_us;  ///< included
  std::optional<std::int64_t> to_us;    ///< excluded
  WindowSize window = WindowSize::none;
  std::vector<std::string> group_by;  ///< names of the meter's groups; "subject" is one of them
  std::vector<std::string> subjects;  ///< only these; empty: all
  std::map<std::string, std::vector<std::string>> filters;  ///< group → values

  /// Reads from, to, windowSize, windowTimeZone, subject, groupBy, filterGroupBy[name]. Errors name
  /// the parameter, what it may be, and what was found.
  static Result<MeterQuery> parse(const ServerRequest& request, const Meter& meter);
};

struct UsageRow {
  double value = 0;
  std::int64_t start_us = 0;
  std::int64_t end_us = 0;
  std::optional<std::string> subject;  ///< set when grouped by it
  /// In the order of the query; a group the events have no value for is nullopt.
  std::vector<std::pair<std::string, std::optional<std::string>>> groups;
};

/// Usage by window and group, the earliest window first.
Result<std::vector<UsageRow>> query_usage(SqlDatabase& database, const Meter& meter,
                                          const MeterQuery& query);

/// The subjects that a meter has seen, sorted.
Result<std::vector<std::string>> query_subjects(SqlDatabase& database, const Meter& meter);

/// An instant in a query: RFC 3339. `name` is the parameter, for the message.
Result<std::int64_t> parse_time_parameter(std::string_view name, std::string_view text);

}  // namespace tollgate
