#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/http_server.h"
#include "sandbox/sqlite.h"

namespace tollgate {

/// Which stored events are asked for.
struct EventQuery {
  std::string id, source, type, subject;  ///< "": any
  std::optional<std::int64_t> from_us;    ///< of the event's time; included
  std::optional<std::int64_t> to_us;      ///< excluded
  std::optional<std::int64_t> stored_from_us;
  std::optional<std::int64_t> stored_to_us;
  std::int64_t before_seq = 0;  ///< a page's cursor; 0: from the newest
  std::int64_t limit = 100;

  /// v1: id, source, type, subject, from, to, ingestedAtFrom, ingestedAtTo, limit, cursor.
  /// v3: filter[field] and filter[field][eq|gt|gte|lt|lte], page[size], page[after].
  static Result<EventQuery> parse(const ServerRequest& request);
};

struct StoredEvent {
  std::int64_t seq = 0;
  std::int64_t stored_us = 0;
  std::string json;
};

struct EventPage {
  std::vector<StoredEvent> events;  ///< the newest first, by arrival
  std::string next;                 ///< the cursor of the next page; "" at the end
};

Result<EventPage> query_events(SqlDatabase& database, const EventQuery& query);

}  // namespace tollgate
