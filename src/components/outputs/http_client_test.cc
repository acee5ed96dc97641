#include <fmt/format.h>
#include <gmock/gmock.h>

#include "components/outputs/test_support.h"

namespace tollgate {
namespace {

using namespace outputs_test;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

std::string client(const Destination& destination, std::string_view more = "") {
  return fmt::format("http_client:\n  url: {}\n  retry_period: 5ms\n{}", destination.url(), more);
}

struct AttemptCase {
  std::string_view name;
  std::vector<int> statuses;
  std::string_view config = "";
  std::size_t requests;
  Outcome outcome;
  Refusal refusal = Refusal::none;
};

TEST(HttpClientOutputTest, Attempts) {
  const AttemptCase cases[] = {
      {.name = "success", .statuses = {204}, .requests = 1, .outcome = Outcome::delivered},
      {.name = "passing trouble", .statuses = {500, 503}, .requests = 3,
       .outcome = Outcome::delivered},
      {.name = "lasting trouble", .statuses = {500, 500, 500, 500}, .requests = 4,
       .outcome = Outcome::failed},
      {.name = "no retries", .statuses = {500}, .config = "  retries: 0\n", .requests = 1,
       .outcome = Outcome::failed},
      {.name = "poison is tried as before", .statuses = {400, 400, 400, 400}, .requests = 4,
       .outcome = Outcome::failed, .refusal = Refusal::content},
      {.name = "drop_on", .statuses = {400}, .config = "  drop_on: [400]\n", .requests = 1,
       .outcome = Outcome::failed, .refusal = Refusal::content},
      {.name = "too large", .statuses = {413}, .requests = 1, .outcome = Outcome::failed,
       .refusal = Refusal::size},
      {.name = "successful_on", .statuses = {404}, .config = "  successful_on: [404]\n",
       .requests = 1, .outcome = Outcome::delivered},
      {.name = "redirect taken as success", .statuses = {302},
       .config = "  follow_redirects: false\n", .requests = 1, .outcome = Outcome::delivered},
      {.name = "backing off", .statuses = {429, 429}, .requests = 3,
       .outcome = Outcome::delivered},
  };
  Bench bench;
  for (const AttemptCase& each : cases) {
    Destination destination(statuses(each.statuses));
    auto output = bench.output(client(destination, each.config));
    const WriteResult result = Written(*output, batch_of({"{}"})).wait();
    EXPECT_EQ(result.of(0).outcome, each.outcome) << each.name << ": " << reason(result.of(0));
    EXPECT_EQ(result.of(0).refusal, each.refusal) << each.name;
    EXPECT_EQ(destination.requests().size(), each.requests) << each.name;
    output->close(steady_clock::now());
  }
}

TEST(HttpClientOutputTest, ErrorText) {
  Bench bench;
  Destination destination(statuses({400}));
  auto output = bench.output(client(destination, "  drop_on: [400]\n"));
  const WriteResult result = Written(*output, batch_of({"{}"})).wait();
  EXPECT_EQ(reason(result.of(0)),
            destination.url() + ": HTTP request returned unexpected response code (400): 400 Bad "
                                "Request, Error: line oneline two");
}

TEST(HttpClientOutputTest, RequestAsConfigured) {
  Bench bench;
  Destination destination(statuses({}));
  auto output = bench.output(client(destination, R"yaml(
  verb: PUT
  headers: {content-type: application/json, Host: meter.example}
  metadata: {include_prefixes: [me]}
  basic_auth: {enabled: true, username: user, password: pass}
)yaml"));
  Batch batch = batch_of({"[1]"});
  batch[0].set_metadata("meter", Value::string("x"));
  batch[0].set_metadata("other", Value::string("y"));
  EXPECT_TRUE(Written(*output, std::move(batch)).wait().ok());
  const ServerRequest request = destination.requests().at(0);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.body, "[1]");
  EXPECT_EQ(*request.header("Content-Type"), "application/json");
  EXPECT_EQ(*request.header("Host"), "meter.example");
  EXPECT_EQ(*request.header("Meter"), "x");
  EXPECT_EQ(request.header("Other"), nullptr);
  EXPECT_EQ(*request.header("Authorization"), "Basic dXNlcjpwYXNz");
}

TEST(HttpClientOutputTest, DeliveredMessagesAreNotReportedAsFailed) {
  Bench bench;
  Destination destination([](int, const ServerRequest& request, Responder responder) {
    responder.respond(ServerResponse::text(request.body == "bad" ? 400 : 200, ""));
  });
  auto output = bench.output(client(destination, "  drop_on: [400]\n"));
  const WriteResult result = Written(*output, batch_of({"a", "bad", "c"})).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(result.of(1).outcome, Outcome::failed);
  EXPECT_EQ(result.of(2).outcome, Outcome::delivered);
  EXPECT_THAT(destination.bodies(), ElementsAre("a", "bad", "c"));
}

TEST(HttpClientOutputTest, TroubleEndsTheBatch) {
  Bench bench;
  Destination destination(statuses({200, 500}));
  auto output = bench.output(client(destination, "  retries: 0\n"));
  const WriteResult result = Written(*output, batch_of({"a", "b", "c"})).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(result.of(1).outcome, Outcome::failed);
  EXPECT_EQ(result.of(2).outcome, Outcome::failed);
  EXPECT_THAT(destination.bodies(), ElementsAre("a", "b"));
  EXPECT_FALSE(output->connected());
}

TEST(HttpClientOutputTest, WaitingRequestsHoldUpNobody) {
  Bench bench;
  Destination destination([](int, const ServerRequest& request, Responder responder) {
    ServerResponse response = ServerResponse::text(request.body == "slow" ? 429 : 200, "");
    if (request.body == "slow") response.headers.emplace_back("Retry-After", "3600");
    responder.respond(std::move(response));
  });
  auto output = bench.output(client(destination, ""));
  Written slow(*output, batch_of({"slow"}));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Written(*output, batch_of({"fast"})).wait().ok());
  }
  EXPECT_FALSE(slow.answered());
  output->close(steady_clock::now());
  const WriteResult result = slow.wait();
  ASSERT_EQ(result.of(0).outcome, Outcome::failed);
  EXPECT_EQ(result.of(0).error->fault(), Fault::cancelled);
}

TEST(HttpClientOutputTest, RetryAfterIsCapped) {
  Bench bench;
  Destination destination([](int number, const ServerRequest&, Responder responder) {
    ServerResponse response = ServerResponse::text(number == 0 ? 503 : 200, "");
    response.headers.emplace_back("Retry-After", "3600");
    responder.respond(std::move(response));
  });
  auto output = bench.output(client(destination, "  max_retry_backoff: 100ms\n"));
  const auto begun = steady_clock::now();
  EXPECT_TRUE(Written(*output, batch_of({"a"})).wait().ok());
  EXPECT_GE(steady_clock::now() - begun, 100ms);
}

TEST(HttpClientOutputTest, HangingAndBrokenConnections) {
  Bench bench;
  std::vector<Responder> held;
  std::mutex lock;
  Destination destination([&](int number, const ServerRequest&, Responder responder) {
    if (number > 0) return responder.respond(ServerResponse::text(200, ""));
    std::lock_guard hold(lock);
    held.push_back(std::move(responder));
  });
  auto output = bench.output(client(destination, "  timeout: 100ms\n"));
  EXPECT_TRUE(Written(*output, batch_of({"a"})).wait().ok());
  EXPECT_EQ(destination.requests().size(), 2u);

  auto nowhere = bench.output("http_client: {url: 'http://127.0.0.1:1/x', retries: 1, retry_period: 1ms}");
  const WriteResult refused = Written(*nowhere, batch_of({"a"})).wait();
  EXPECT_EQ(refused.of(0).outcome, Outcome::failed);
  EXPECT_EQ(refused.of(0).refusal, Refusal::none);
  EXPECT_THAT(reason(refused.of(0)), testing::StartsWith("http://127.0.0.1:1/x: "));
  std::lock_guard hold(lock);
  held.clear();
}

TEST(HttpClientOutputTest, MultipartBatch) {
  Bench bench;
  Destination destination(statuses({}));
  auto output = bench.output(client(destination, "  batch_as_multipart: true\n"));
  EXPECT_TRUE(Written(*output, batch_of({"a", "b"})).wait().ok());
  ASSERT_EQ(destination.requests().size(), 1u);
  EXPECT_THAT(*destination.requests()[0].header("Content-Type"),
              testing::StartsWith("multipart/form-data; boundary="));
  EXPECT_THAT(destination.bodies()[0],
              HasSubstr("Content-Type: application/octet-stream\r\n\r\na\r\n--"));
}

TEST(HttpClientOutputTest, WhatTheServerEchoesIsShownWithoutCredentials) {
  Bench bench;
  Destination destination([](int, const ServerRequest& request, Responder responder) {
    responder.respond(ServerResponse::text(
        400, "Bad Request from " + *request.header("Authorization") + " at " + request.target));
  });
  auto output = bench.output(fmt::format(
      "http_client:\n  url: {}\n  drop_on: [400]\n  headers: {{Authorization: Bearer t0p-s3cret}}\n",
      destination.url("/in?token=qu3ry-s3cret")));
  const WriteResult result = Written(*output, batch_of({"{}"})).wait();
  EXPECT_THAT(reason(result.of(0)), HasSubstr("Bad Request"));
  EXPECT_THAT(reason(result.of(0)), HasSubstr("/in?token=<redacted>"));
  EXPECT_THAT(reason(result.of(0)), testing::Not(HasSubstr("s3cret")));
}

TEST(HttpClientOutputTest, OAuth2TokenIsFetchedOnceAndRenewedWhenRefused) {
  Bench bench;
  std::atomic<int> tokens{0};
  Destination destination([&](int, const ServerRequest& request, Responder responder) {
    if (request.path == "/token") {
      return responder.respond(ServerResponse::json(
          200, fmt::format(R"({{"access_token":"t{}","token_type":"bearer","expires_in":3600}})",
                           ++tokens)));
    }
    const bool first = *request.header("Authorization") == "Bearer t1";
    responder.respond(ServerResponse::text(first && request.body == "new" ? 401 : 200, ""));
  });
  auto output = bench.output(client(
      destination, fmt::format("  oauth2: {{enabled: true, client_key: k, client_secret: s, "
                               "token_url: '{}', scopes: [a, b]}}\n",
                               destination.url("/token"))));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Written(*output, batch_of({"x"})).wait().ok());
  EXPECT_EQ(tokens, 1);
  EXPECT_TRUE(Written(*output, batch_of({"new"})).wait().ok());
  EXPECT_EQ(tokens, 2);
  EXPECT_EQ(destination.bodies()[0], "grant_type=client_credentials&scope=a%20b");
}

std::string event(std::string_view id) {
  return fmt::format(
      R"({{"id":"{}","source":"s","specversion":"1.0","subject":"u","type":"t"}})", id);
}

TEST(OpenMeterOutputTest, PostsAnArray) {
  Bench bench;
  Destination destination(statuses({}));
  auto output = bench.output(
      fmt::format("openmeter: {{url: '{}', token: secret}}", destination.url("/base/")));
  const WriteResult result =
      Written(*output, batch_of({event("1"), "no json", event("2")})).wait();
  EXPECT_EQ(result.of(0).outcome, Outcome::delivered);
  EXPECT_EQ(result.of(1).outcome, Outcome::failed);
  EXPECT_EQ(result.of(1).refusal, Refusal::content);
  const ServerRequest request = destination.requests().at(0);
  EXPECT_EQ(request.path, "/base/api/v1/events");
  EXPECT_EQ(request.body, "[" + event("1") + "," + event("2") + "]");
  EXPECT_EQ(*request.header("Authorization"), "Bearer secret");
  EXPECT_EQ(*request.header("Content-Type"), "application/json");
}

}  // namespace
}  // namespace tollgate
