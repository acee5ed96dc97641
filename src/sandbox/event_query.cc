#include "sandbox/event_query.h"

#include <fmt/format.h>

#include "sandbox/meter_query.h"
#include "value/number.h"

namespace tollgate {

namespace {

constexpr std::int64_t max_limit = 1000;

Result<std::int64_t> parse_whole(std::string_view name, std::string_view text, std::int64_t most) {
  const auto number = parse_int(text);
  if (number && *number >= 1 && *number <= most) return *number;
  return invalid(fmt::format("{}: expected a whole number from 1 to {}, found '{}'", name, most, text));
}

/// A name of the v3 API as the v1 name for the same; others are returned as they are.
std::string_view v1_name(std::string_view name) {
  struct Names {
    std::string_view v3, v1;
  };
  static constexpr Names names[] = {
      {"filter[id]", "id"},
      {"filter[id][eq]", "id"},
      {"filter[source]", "source"},
      {"filter[source][eq]", "source"},
      {"filter[type]", "type"},
      {"filter[type][eq]", "type"},
      {"filter[subject]", "subject"},
      {"filter[subject][eq]", "subject"},
      {"filter[time][gte]", "from"},
      {"filter[time][lt]", "to"},
      {"filter[ingested_at][gte]", "ingestedAtFrom"},
      {"filter[ingested_at][lt]", "ingestedAtTo"},
      {"filter[stored_at][gte]", "ingestedAtFrom"},
      {"filter[stored_at][lt]", "ingestedAtTo"},
      {"page[size]", "limit"},
      {"page[after]", "cursor"},
  };
  for (const Names& each : names) {
    if (each.v3 == name) return each.v1;
  }
  return name;
}

/// "filter[time][gt]" and "[lte]" mean the next microsecond.
struct Bound {
  std::string name;
  std::int64_t shift = 0;
};

Bound bound_of(std::string name) {
  for (const auto& [suffix, same] : {std::pair("[gt]", "[gte]"), std::pair("[lte]", "[lt]")}) {
    if (!name.ends_with(suffix)) continue;
    name.replace(name.size() - std::string_view(suffix).size(), std::string::npos, same);
    return {std::move(name), 1};
  }
  return {std::move(name), 0};
}

Result<> apply(EventQuery& query, const std::string& given, const std::string& value) {
  const Bound bound = bound_of(given);
  const std::string_view name = v1_name(bound.name);
  const auto time = [&](std::optional<std::int64_t>& to) -> Result<> {
    to = TRY(parse_time_parameter(given, value)) + bound.shift;
    return {};
  };
  if (name == "id") query.id = value;
  else if (name == "source") query.source = value;
  else if (name == "type") query.type = value;
  else if (name == "subject") query.subject = value;
  else if (name == "from") return time(query.from_us);
  else if (name == "to") return time(query.to_us);
  else if (name == "ingestedAtFrom") return time(query.stored_from_us);
  else if (name == "ingestedAtTo") return time(query.stored_to_us);
  else if (name == "limit") query.limit = TRY(parse_whole(given, value, max_limit));
  else if (name == "cursor") query.before_seq = TRY(parse_whole(given, value, INT64_MAX));
  else if (name.starts_with("filter[")) return invalid(fmt::format("{}: no such filter", given));
  return {};
}

}  // namespace

Result<EventQuery> EventQuery::parse(const ServerRequest& request) {
  EventQuery query;
  for (const auto& [name, value] : request.query) TRY(apply(query, name, value));
  return query;
}

Result<EventPage> query_events(SqlDatabase& database, const EventQuery& query) {
  std::string text = "SELECT seq, stored_us, event FROM events WHERE 1";
  std::vector<std::string_view> bound;
  const auto equal = [&](std::string_view column, const std::string& value) {
    if (value.empty()) return;
    text += fmt::format(" AND {} = ?", column);
    bound.push_back(value);
  };
  equal("source", query.source);
  equal("id", query.id);
  equal("type", query.type);
  equal("subject", query.subject);
  if (query.from_us) text += fmt::format(" AND time_us >= {}", *query.from_us);
  if (query.to_us) text += fmt::format(" AND time_us < {}", *query.to_us);
  if (query.stored_from_us) text += fmt::format(" AND stored_us >= {}", *query.stored_from_us);
  if (query.stored_to_us) text += fmt::format(" AND stored_us < {}", *query.stored_to_us);
  if (query.before_seq > 0) text += fmt::format(" AND seq < {}", query.before_seq);
  text += fmt::format(" ORDER BY seq DESC LIMIT {}", query.limit + 1);

  auto statement = TRY(database.prepare(text));
  for (std::size_t i = 0; i < bound.size(); ++i) statement.bind(static_cast<int>(i + 1), bound[i]);
  EventPage page;
  while (TRY(statement.step())) {
    if (page.events.size() == static_cast<std::size_t>(query.limit)) {
      page.next = std::to_string(page.events.back().seq);
      break;
    }
    page.events.push_back({statement.integer(0), statement.integer(1), std::string(statement.text(2))});
  }
  return page;
}

}  // namespace tollgate
