#include "sandbox/ingest.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "sandbox/answers.h"

namespace tollgate {

namespace {

constexpr std::string_view kOne = "application/cloudevents+json";
constexpr std::string_view kBatch = "application/cloudevents-batch+json";
constexpr std::string_view kEither = "application/json";

EventRefusal refuse(std::string detail) { return {std::move(detail), {}}; }

}  // namespace

/// A request under way and what is planned for it.
struct Ingest::Exchange {
  Responder responder;
  Door::Connection connection;
  Faults::Plan plan;
};

Ingest::Ingest(Options options, EventStore& store, TimerQueue& timers)
    : options_(std::move(options)), store_(store), timers_(timers), faults_(options_.faults) {}

void Ingest::take(Api api, const ServerRequest& request, Responder responder,
                  Door::Connection connection) {
  requests_.fetch_add(1);
  auto exchange = std::make_shared<Exchange>(std::move(responder), connection, faults_.next());
  const bool served = exchange->plan.fate == Faults::Fate::serve;
  if (!served && !exchange->plan.settings.fail_after_store) return answer(exchange, {});

  const std::int64_t received_us = now_us();
  auto events = read(api, request, received_us);
  if (!events) {
    rejected_.fetch_add(1);
    options_.logger.write(LogLevel::warn, "Refused a request", {{"reason", events.error().detail}});
    return answer(exchange, problem(events.error()));
  }
  store_.add(std::move(*events), received_us,
             [this, exchange, api](Result<StoreCounts> counts) {
               stored(exchange, std::move(counts), api);
             });
}

ReadEvents Ingest::read(Api api, const ServerRequest& request, std::int64_t received_us) const {
  const std::string* encoding = request.header("Content-Encoding");
  if (encoding != nullptr && *encoding != "identity") {
    return std::unexpected(
        refuse(fmt::format("Content-Encoding: expected none, found '{}'", *encoding)));
  }
  const EventRules rules{api == Api::v1 || options_.allow_extensions, received_us};
  const std::string* header = request.header("Content-Type");
  const std::string_view found = header == nullptr ? std::string_view() : *header;
  // v1 compares the whole header; v3 looks at the media type alone.
  const std::string media =
      api == Api::v1 ? std::string(found) : to_lower(trim(found.substr(0, found.find(';'))));
  if (media == kBatch) return read_events(request.body, EventForm::batch, rules);
  if (media == kOne) return read_events(request.body, EventForm::one, rules);
  if (is_binary_event(request.headers) && (media == kEither || trim(request.body).empty())) {
    return read_binary_event(request.headers, request.body, rules);
  }
  if (media == kEither) return read_events(request.body, EventForm::either, rules);
  return std::unexpected(refuse(fmt::format("Content-Type: expected {}, {} or {}, found {}", kOne,
                                            kBatch, kEither,
                                            header == nullptr ? "nothing" : "'" + *header + "'")));
}

void Ingest::stored(const ExchangePtr& exchange, Result<StoreCounts> counts, Api api) {
  if (!counts) {
    options_.logger.write(LogLevel::error, "Events could not be stored",
                          {{"error", std::string(counts.error().message())}});
    return answer(exchange, problem(503, counts.error().message()));
  }
  ServerResponse response;
  response.status = api == Api::v1 ? 204 : 202;
  response.headers = {{"X-Sandbox-Stored", std::to_string(counts->stored)},
                      {"X-Sandbox-Duplicates", std::to_string(counts->duplicates)},
                      {"X-Sandbox-Conflicts", std::to_string(counts->conflicts)}};
  if (counts->conflicts > 0) {
    options_.logger.warn(
        "{} events have the source and id of a stored event but another body; they were not "
        "stored: see /api/v1/sandbox/conflicts",
        counts->conflicts);
  }
  answer(exchange, std::move(response));
}

void Ingest::answer(const ExchangePtr& exchange, ServerResponse response) {
  const auto delay = exchange->plan.settings.delay;
  if (delay.count() <= 0) return answer_now(*exchange, std::move(response));
  timers_.after(delay, [this, exchange, response = std::move(response)]() mutable {
    answer_now(*exchange, std::move(response));
  });
}

void Ingest::answer_now(Exchange& exchange, ServerResponse response) {
  switch (exchange.plan.fate) {
    case Faults::Fate::serve: break;
    case Faults::Fate::reset:
      // While the server stops, the socket's number may already belong to something else.
      if (!stopping_.load()) exchange.connection.hang_up();
      break;
    case Faults::Fate::fail:
      response = problem(exchange.plan.settings.status, "a failure the sandbox was asked for");
      break;
  }
  exchange.responder.respond(std::move(response));
}

}  // namespace tollgate
