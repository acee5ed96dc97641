#include "sandbox/meter_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "value/time_layout.h"

namespace tollgate {

namespace {

constexpr std::size_t max_rows = 100'000;

struct WindowName {
  std::string_view name;
  WindowSize size;
};
constexpr std::array<WindowName, 4> window_names = {{{"MINUTE", WindowSize::minute},
                                                     {"HOUR", WindowSize::hour},
                                                     {"DAY", WindowSize::day},
                                                     {"MONTH", WindowSize::month}}};

Result<WindowSize> parse_window(std::string_view text) {
  for (const WindowName& each : window_names) {
    if (each.name == text) return each.size;
  }
  return invalid(fmt::format("windowSize: expected MINUTE, HOUR, DAY or MONTH, found '{}'", text));
}

std::string group_names(const Meter& meter) {
  std::string names = "subject";
  for (const auto& [name, path] : meter.group_by) names += ", " + name;
  return names;
}

Result<> check_group(std::string_view parameter, const std::string& name, const Meter& meter) {
  if (name == "subject" || meter.group_path(name) != nullptr) return {};
  return invalid(fmt::format("{}: meter {} has the groups {}, found '{}'", parameter, meter.slug,
                             group_names(meter), name));
}

/// Repeated parameters and comma-separated ones mean the same.
void add_names(std::vector<std::string>& names, std::string_view text) {
  for (const auto name : split(text, ",")) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.emplace_back(name);
  }
}

std::string quoted(std::string_view text) { return "'" + replace_all(text, "'", "''") + "'"; }

/// Writes the statement for a query and keeps what is bound to its parameters, in order.
class UsageStatement {
 public:
  UsageStatement(const Meter& meter, const MeterQuery& query) : meter_(meter), query_(query) {}

  Result<std::string> text() {
    std::string select = fmt::format("SELECT window_start(time_us, {}) AS w",
                                     static_cast<int>(query_.window));
    if (query_.window == WindowSize::none) select = "SELECT 0 AS w";
    std::string group = " GROUP BY 1";
    for (std::size_t i = 0; i < query_.group_by.size(); ++i) {
      select += ", " + TRY(group_value(query_.group_by[i]));
      group += fmt::format(", {}", i + 2);
    }
    select += ", " + TRY(aggregate());
    return select + " FROM events" + TRY(where()) + group + " ORDER BY 1" +
           (query_.group_by.empty() ? "" : group.substr(11)) + fmt::format(" LIMIT {}", max_rows + 1);
  }

  const std::vector<std::string>& texts() const { return texts_; }

 private:
  Result<std::string> group_value(const std::string& name) {
    if (name == "subject") return std::string("subject");
    const std::string* path = meter_.group_path(name);
    if (path == nullptr) return invalid("no group '" + name + "'");
    const std::string at = quoted(TRY(event_path(*path)));
    return fmt::format("CASE json_type(event, {0}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
                       "ELSE CAST(json_extract(event, {0}) AS TEXT) END",
                       at);
  }

  Result<std::string> aggregate() {
    if (meter_.aggregation == "COUNT") return std::string("count(*)");
    const std::string value =
        fmt::format("json_extract(event, {})", quoted(TRY(event_path(meter_.value_property))));
    if (meter_.aggregation == "UNIQUE_COUNT") {
      return fmt::format("count(DISTINCT CAST({} AS TEXT))", value);
    }
    const std::string number = fmt::format("meter_number({})", value);
    if (meter_.aggregation == "SUM") return fmt::format("exact_sum({})", number);
    if (meter_.aggregation == "MIN") return fmt::format("min({})", number);
    if (meter_.aggregation == "MAX") return fmt::format("max({})", number);
    if (meter_.aggregation == "AVG") return fmt::format("avg({})", number);
    // The only max() of a statement picks the row that its other columns come from.
    return fmt::format("{}, max(time_us)", number);
  }

  Result<std::string> where() {
    std::string text = " WHERE type = " + bound(meter_.event_type);
    if (query_.from_us) text += fmt::format(" AND time_us >= {}", *query_.from_us);
    if (query_.to_us) text += fmt::format(" AND time_us < {}", *query_.to_us);
    if (!query_.subjects.empty()) text += " AND subject IN " + list(query_.subjects);
    for (const auto& [name, values] : query_.filters) {
      text += " AND " + TRY(group_value(name)) + " IN " + list(values);
    }
    if (meter_.aggregation == "LATEST") {
      text += fmt::format(" AND meter_number(json_extract(event, {})) IS NOT NULL",
                          quoted(TRY(event_path(meter_.value_property))));
    }
    return text;
  }

  std::string bound(const std::string& value) {
    texts_.push_back(value);
    return "?";
  }

  std::string list(const std::vector<std::string>& values) {
    std::string text = "(";
    for (const std::string& value : values) {
      if (text.size() > 1) text += ", ";
      text += bound(value);
    }
    return text + ")";
  }

  const Meter& meter_;
  const MeterQuery& query_;
  std::vector<std::string> texts_;
};

/// The whole period that a query without windows is about.
Result<std::pair<std::int64_t, std::int64_t>> whole_period(SqlDatabase& database, const Meter& meter,
                                                           const MeterQuery& query) {
  auto statement =
      TRY(database.prepare("SELECT min(time_us), max(time_us) FROM events WHERE type = ?"));
  statement.bind(1, meter.event_type);
  TRY(statement.step());
  const auto last = window_start(statement.integer(1), WindowSize::minute);
  return std::pair(
      query.from_us.value_or(window_start(statement.integer(0), WindowSize::minute)),
      query.to_us.value_or(window_end(last, WindowSize::minute)));
}

UsageRow read_row(const SqlStatement& statement, const MeterQuery& query) {
  UsageRow row;
  row.start_us = statement.integer(0);
  row.end_us = window_end(row.start_us, query.window);
  int column = 1;
  for (const std::string& name : query.group_by) {
    std::optional<std::string> value;
    if (!statement.is_null(column)) value = statement.text(column);
    if (name == "subject") {
      row.subject = std::move(value);
    } else {
      row.groups.emplace_back(name, std::move(value));
    }
    ++column;
  }
  row.value = statement.number(column);
  return row;
}

}  // namespace

Result<std::int64_t> parse_time_parameter(std::string_view name, std::string_view text) {
  // A '+' of an offset that was not escaped arrives as a space.
  const auto time = parse_rfc3339(replace_all(text, " ", "+"));
  if (!time) {
    return invalid(fmt::format(
        "{}: expected an RFC 3339 time such as 2006-01-02T15:04:05Z, found '{}'", name, text));
  }
  return time->seconds * 1'000'000 + time->nanoseconds / 1000;
}

Result<MeterQuery> MeterQuery::parse(const ServerRequest& request, const Meter& meter) {
  MeterQuery query;
  for (const auto& [name, value] : request.query) {
    if (name == "from") {
      query.from_us = TRY(parse_time_parameter(name, value));
    } else if (name == "to") {
      query.to_us = TRY(parse_time_parameter(name, value));
    } else if (name == "windowSize") {
      query.window = TRY(parse_window(value));
    } else if (name == "windowTimeZone") {
      if (value != "UTC") {
        return invalid(fmt::format("windowTimeZone: the sandbox knows only UTC, found '{}'", value));
      }
    } else if (name == "subject") {
      query.subjects.push_back(value);
    } else if (name == "groupBy" || name == "groupBy[]") {
      add_names(query.group_by, value);
    } else if (name.starts_with("filterGroupBy[") && name.ends_with("]")) {
      const std::string group = name.substr(14, name.size() - 15);
      TRY(check_group("filterGroupBy", group, meter));
      add_names(query.filters[group], value);
    }
  }
  // As in OpenMeter, asking for subjects shows them apart.
  if (!query.subjects.empty()) add_names(query.group_by, "subject");
  for (const std::string& name : query.group_by) TRY(check_group("groupBy", name, meter));
  if (query.from_us && query.to_us && *query.from_us >= *query.to_us) {
    return invalid("from: expected a time before 'to'");
  }
  return query;
}

Result<std::vector<UsageRow>> query_usage(SqlDatabase& database, const Meter& meter,
                                          const MeterQuery& query) {
  UsageStatement written(meter, query);
  auto statement = TRY(database.prepare(TRY(written.text())));
  for (std::size_t i = 0; i < written.texts().size(); ++i) {
    statement.bind(static_cast<int>(i + 1), written.texts()[i]);
  }
  std::vector<UsageRow> rows;
  const int value_column = static_cast<int>(query.group_by.size()) + 1;
  while (TRY(statement.step())) {
    if (statement.is_null(value_column) && meter.aggregation != "SUM") continue;
    rows.push_back(read_row(statement, query));
    if (rows.size() > max_rows) {
      return invalid(fmt::format("more than {} rows: ask for a shorter period, a larger window or "
                                 "fewer groups",
                                 max_rows));
    }
  }
  if (query.window == WindowSize::none && !rows.empty()) {
    const auto [from, to] = TRY(whole_period(database, meter, query));
    for (UsageRow& row : rows) {
      row.start_us = from;
      row.end_us = to;
    }
  }
  return rows;
}

Result<std::vector<std::string>> query_subjects(SqlDatabase& database, const Meter& meter) {
  auto statement = TRY(
      database.prepare("SELECT DISTINCT subject FROM events WHERE type = ? ORDER BY 1 LIMIT 10000"));
  statement.bind(1, meter.event_type);
  std::vector<std::string> subjects;
  while (TRY(statement.step())) subjects.emplace_back(statement.text(0));
  return subjects;
}

}  // namespace tollgate
