// http_client: delivers messages as HTTP requests.
//
// Statuses that say something about the content (400, 422, `drop_on`, 413) are reported as such, so
// that a batcher above can tell a poisonous event from a destination in trouble.

#include "component/build_context.h"
#include "components/outputs/dead_letter.h"
#include "components/outputs/http_delivery.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  HttpClientConfig http;
  bool batch_as_multipart = false;
  bool propagate_response = false;
  int max_in_flight = 64;
  BatchPolicyConfig batching;
  std::vector<MultipartField> multipart;
  DeadLetterConfig letters;
};

const Schema<MultipartField>& part_schema() {
  static const Schema<MultipartField> fields{
      field("content_type", &MultipartField::content_type, "The part's content type.").advanced(),
      field("content_disposition", &MultipartField::content_disposition,
            "The part's content disposition.")
          .advanced(),
      field("body", &MultipartField::body, "The part's body.").advanced(),
  };
  return fields;
}

const Schema<Config>& schema() {
  static const Schema<Config> fields = [] {
    Schema<Config> all;
    include(all, &Config::http, http_client_schema());
    all.push_back(field("batch_as_multipart", &Config::batch_as_multipart,
                        "Whether to send a batch as one multipart request instead of one request "
                        "for each message.")
                      .advanced());
    all.push_back(field("propagate_response", &Config::propagate_response,
                        "Whether to give the response to the input that waits for one.")
                      .advanced());
    all.push_back(field("max_in_flight", &Config::max_in_flight,
                        "Batches under way at the same time."));
    all.push_back(section("batching", &Config::batching, batch_policy_schema(),
                          "How to gather messages into batches."));
    all.push_back(sections("multipart", &Config::multipart, part_schema(),
                           "Parts to send instead of the message.")
                      .advanced());
    include(all, &Config::letters, dead_letter_schema());
    return all;
  }();
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  check_http_client(config.http, body, context);
  if (config.max_in_flight < 1) {
    context.error(body["max_in_flight"].position(), "max_in_flight must be at least 1");
  }
}

// Implementation ----------------------------------------------------------------------------------

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  auto builder = std::make_shared<const HttpRequestBuilder>(
      TRY(HttpRequestBuilder::build(config.http, config.multipart)));
  auto sender = TRY(HttpSender::build(config.http, builder->tls(), context));
  const auto form = config.batch_as_multipart && config.multipart.empty()
                        ? HttpDelivery::Form::multipart
                        : HttpDelivery::Form::message;
  auto output = std::make_unique<HttpDelivery>(
      std::move(builder), std::move(sender),
      HttpDelivery::Options{form, config.propagate_response});
  auto batched = TRY(context.batched(context.limited(std::move(output), config.max_in_flight),
                                     config.batching));
  return with_dead_letter(std::move(batched), config.letters, context);
}

std::vector<ComponentExample> examples() {
  return {
      {"Usage events", "Batches of events as JSON arrays; those the server refuses are dropped.",
       R"yaml(
output:
  drop_on:
    error_patterns: [Bad Request]
    output:
      http_client:
        url: http://localhost:8888/api/v1/events
        headers:
          Content-Type: application/cloudevents-batch+json
        drop_on: [400]
        batching:
          count: 100
          period: 1s
          processors:
            - archive:
                format: json_array
)yaml"},
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType http_client_output;
constinit const OutputType http_client_output = component_type<schema, make, check>({
    .name = "http_client",
    .categories = "Network",
    .summary = "Delivers messages as HTTP requests.",
    .description = R"md(
A batch is sent message by message, in order, unless a processor of `batching` archives it into one
message or `batch_as_multipart` is set. A message that the destination refuses (400, 422 or a status
of `drop_on`) is rejected alone; those that were delivered are not sent again.

An attempt fails with a status outside 200 to 299. The next one follows after `retry_period`, a
fifth more or less; statuses of `backoff_on` double the wait each time, up to `max_retry_backoff`,
and a `Retry-After` header replaces it. Requests wait independently of each other, and a batch that
waits makes room for others in `max_in_flight`, unless that is 1, which keeps the order. 413 is not
tried again.
)md",
    .examples = examples,
});

}  // namespace tollgate
