// openmeter: the ingestion endpoint of an OpenMeter server.
//
// Posts the events of a batch as one JSON array to <url>/api/v1/events. Events that the server
// refuses are found by the batcher; anything else that goes wrong is left to whoever wrote the
// batch to send again.

#include <optional>
#include <string>

#include "base/strings.h"
#include "component/build_context.h"
#include "components/outputs/dead_letter.h"
#include "components/outputs/http_delivery.h"
#include "components/outputs/valid_events.h"
#include "net/url.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string url;
  std::optional<std::string> token;
  BatchPolicyConfig batching;
  int max_in_flight = 10;
  DeadLetterConfig letters;
  MappingText tracing_attrs_map =
      "\nroot = {}\nroot.openmeter.event = this.with(\"id\", \"source\", \"subject\")\n";
};

const Schema<Config>& schema() {
  static const Schema<Config> fields = [] {
    Schema<Config> all{
      required("url", &Config::url, "The server's address, without the path of the endpoint."),
      field("token", &Config::token, "The token to authenticate with.").secret(),
      section("batching", &Config::batching, batch_policy_schema(),
              "How to gather messages into batches."),
      field("max_in_flight", &Config::max_in_flight, "Batches under way at the same time."),
      field("tracing_attrs_map", &Config::tracing_attrs_map,
            "A mapping from an event to the attributes of its tracing span.")
          .advanced(),
    };
    include(all, &Config::letters, dead_letter_schema());
    return all;
  }();
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (!config.url.empty() && !parse_url(config.url)) {
    context.error(body["url"].position(), "url must be an absolute URL");
  }
  if (config.max_in_flight < 1) {
    context.error(body["max_in_flight"].position(), "max_in_flight must be at least 1");
  }
}

// Implementation ----------------------------------------------------------------------------------

InterpolatedText literal(std::string text) {
  InterpolatedText made;
  made.text = replace_all(text, "${!", "${{!");  // not to be read as a query
  if (auto compiled = Interpolated::compile(made.text)) made.value = std::move(*compiled);
  return made;
}

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  std::string url = config.url;
  while (url.ends_with('/')) url.pop_back();
  HttpClientConfig http;
  http.url = literal(url + "/api/v1/events");
  if (config.token) http.headers["Authorization"] = literal("Bearer " + *config.token);
  http.timeout = "30s";
  http.backoff_on = {429, 503};
  http.drop_on = {400, 422};  // the same events will not be taken the next time either
  http.max_retry_backoff = "30s";
  auto builder =
      std::make_shared<const HttpRequestBuilder>(TRY(HttpRequestBuilder::build(http)));
  auto sender = TRY(HttpSender::build(http, builder->tls(), context));
  auto output = std::make_unique<HttpDelivery>(
      std::move(builder), std::move(sender),
      HttpDelivery::Options{HttpDelivery::Form::json_array, false});
  auto batched = TRY(context.batched(context.limited(std::move(output), config.max_in_flight),
                                     config.batching));
  auto events = only_valid_events(std::move(batched), context.counter("output_invalid_events"),
                                  context.logger());
  return with_dead_letter(std::move(events), config.letters, context);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType openmeter_output;
constinit const OutputType openmeter_output = component_type<schema, make, check>({
    .name = "openmeter",
    .status = "beta",
    .categories = "Services",
    .summary = "Sends events to the ingestion endpoint of OpenMeter.",
    .description = R"md(
The events of a batch are posted as one JSON array to `<url>/api/v1/events`. Each message must be a
CloudEvent with `id`, `source`, `specversion`, `type` and `subject`, and a `time` in RFC 3339 or none.
A message that is not is rejected before it is sent, counted in `output_invalid_events`; one that the
server refuses with 400 is rejected alone. Both go to `dead_letter` where that is set.
)md",
});

}  // namespace tollgate
