#include "sandbox/read_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "sandbox/answers.h"
#include "sandbox/event_query.h"
#include "sandbox/meter_query.h"

namespace tollgate {

namespace {

void write_meter(JsonText& out, const Meter& meter) {
  out.open('{').key("id").string(meter.slug);
  out.key("slug").string(meter.slug);
  out.key("name").string(meter.description.empty() ? meter.slug : meter.description);
  out.key("description").string(meter.description);
  out.key("aggregation").string(meter.aggregation);
  out.key("eventType").string(meter.event_type);
  if (!meter.value_property.empty()) out.key("valueProperty").string(meter.value_property);
  out.key("groupBy").open('{');
  for (const auto& [name, path] : meter.group_by) out.key(name).string(path);
  out.close('}').key("windowSize").string(meter.window_size).close('}');
}

std::string_view window_name(WindowSize size) {
  switch (size) {
    case WindowSize::minute: return "MINUTE";
    case WindowSize::hour: return "HOUR";
    case WindowSize::day: return "DAY";
    case WindowSize::month: return "MONTH";
    case WindowSize::none: break;
  }
  return "";
}

void write_text(JsonText& out, const std::optional<std::string>& text) {
  if (text) {
    out.string(*text);
  } else {
    out.null();
  }
}

std::string usage_json(const MeterQuery& query, const std::vector<UsageRow>& rows) {
  JsonText out;
  out.open('{');
  if (query.from_us) out.key("from").time(*query.from_us);
  if (query.to_us) out.key("to").time(*query.to_us);
  if (query.window != WindowSize::none) out.key("windowSize").string(window_name(query.window));
  out.key("data").open('[');
  for (const UsageRow& row : rows) {
    out.open('{').key("value").number(row.value);
    out.key("windowStart").time(row.start_us).key("windowEnd").time(row.end_us);
    out.key("subject");
    write_text(out, row.subject);
    out.key("groupBy").open('{');
    for (const auto& [name, value] : row.groups) write_text(out.key(name), value);
    out.close('}').close('}');
  }
  out.close(']').close('}');
  return std::move(out).text();
}

ServerResponse json_answer(std::string body) {
  auto response = ServerResponse::json(200, std::move(body));
  response.headers.emplace_back("Cache-Control", "no-store");
  response.gzip = true;
  return response;
}

}  // namespace

Result<std::unique_ptr<ReadApi>> ReadApi::open(const std::string& database,
                                               std::vector<Meter> meters) {
  auto connection = TRY(SqlDatabase::open(database));
  return std::unique_ptr<ReadApi>(new ReadApi(std::move(connection), std::move(meters)));
}

void ReadApi::run(ServerRequest request, Responder responder, Query query) {
  queries_.post([this, request = std::move(request), responder = std::move(responder),
                 query = std::move(query)]() mutable {
    if (responder.cancelled()) return;
    auto response = query(database_, request);
    if (response) return responder.respond(std::move(*response));
    const int status = response.error().fault() == Fault::invalid ? 400 : 500;
    responder.respond(problem(status, response.error().message()));
  });
}

Result<const Meter*> ReadApi::meter_of(const ServerRequest& request) const {
  const std::string& slug = request.path_params.front().second;
  const auto found = std::ranges::find(meters_, slug, &Meter::slug);
  if (found != meters_.end()) return &*found;
  std::string known;
  for (const Meter& meter : meters_) known += (known.empty() ? "" : ", ") + meter.slug;
  return invalid(fmt::format("no meter '{}'; there are {}", slug, known));
}

void ReadApi::list_meters(ServerRequest, Responder responder) {
  JsonText out;
  out.open('[');
  for (const Meter& meter : meters_) write_meter(out, meter);
  out.close(']');
  responder.respond(json_answer(std::move(out).text()));
}

void ReadApi::get_meter(ServerRequest request, Responder responder) {
  const auto meter = meter_of(request);
  if (!meter) return responder.respond(problem(404, meter.error().message()));
  JsonText out;
  write_meter(out, **meter);
  responder.respond(json_answer(std::move(out).text()));
}

void ReadApi::query_meter(ServerRequest request, Responder responder) {
  const auto meter = meter_of(request);
  if (!meter) return responder.respond(problem(404, meter.error().message()));
  run(std::move(request), std::move(responder),
      [meter = *meter](SqlDatabase& database,
                       const ServerRequest& asked) -> Result<ServerResponse> {
        const auto query = TRY(MeterQuery::parse(asked, *meter));
        const auto rows = TRY(query_usage(database, *meter, query));
        return json_answer(usage_json(query, rows));
      });
}

void ReadApi::list_subjects(ServerRequest request, Responder responder) {
  const auto meter = meter_of(request);
  if (!meter) return responder.respond(problem(404, meter.error().message()));
  run(std::move(request), std::move(responder),
      [meter = *meter](SqlDatabase& database, const ServerRequest&) -> Result<ServerResponse> {
        JsonText out;
        out.open('[');
        for (const std::string& subject : TRY(query_subjects(database, *meter))) out.string(subject);
        out.close(']');
        return json_answer(std::move(out).text());
      });
}

void ReadApi::list_events_v1(ServerRequest request, Responder responder) {
  run(std::move(request), std::move(responder),
      [](SqlDatabase& database, const ServerRequest& asked) -> Result<ServerResponse> {
        const auto page = TRY(query_events(database, TRY(EventQuery::parse(asked))));
        JsonText out;
        out.open('[');
        for (const StoredEvent& event : page.events) {
          out.open('{').key("event").raw(event.json);
          out.key("ingestedAt").time(event.stored_us);
          out.key("storedAt").time(event.stored_us).close('}');
        }
        out.close(']');
        auto response = json_answer(std::move(out).text());
        // The API has no place for a cursor in its body.
        if (!page.next.empty()) response.headers.emplace_back("X-Next-Cursor", page.next);
        return response;
      });
}

void ReadApi::list_events_v3(ServerRequest request, Responder responder) {
  run(std::move(request), std::move(responder),
      [](SqlDatabase& database, const ServerRequest& asked) -> Result<ServerResponse> {
        const auto page = TRY(query_events(database, TRY(EventQuery::parse(asked))));
        JsonText out;
        out.open('{').key("data").open('[');
        for (const StoredEvent& event : page.events) {
          out.open('{').key("event").raw(event.json);
          out.key("ingested_at").time(event.stored_us);
          out.key("stored_at").time(event.stored_us).close('}');
        }
        out.close(']').key("meta").open('{').key("page").open('{');
        out.key("size").number(std::uint64_t{page.events.size()}).key("next");
        if (page.next.empty()) {
          out.null();
        } else {
          out.string(page.next);
        }
        out.close('}').close('}').close('}');
        return json_answer(std::move(out).text());
      });
}

void ReadApi::list_conflicts(ServerRequest request, Responder responder) {
  run(std::move(request), std::move(responder),
      [](SqlDatabase& database, const ServerRequest&) -> Result<ServerResponse> {
        auto statement = TRY(database.prepare(
            "SELECT c.received_us, c.event, e.event FROM conflicts c "
            "JOIN events e ON e.source = c.source AND e.id = c.id ORDER BY c.seq DESC LIMIT 100"));
        JsonText out;
        out.open('[');
        while (TRY(statement.step())) {
          out.open('{').key("receivedAt").time(statement.integer(0));
          out.key("refused").raw(statement.text(1));
          out.key("stored").raw(statement.text(2)).close('}');
        }
        out.close(']');
        return json_answer(std::move(out).text());
      });
}

}  // namespace tollgate
