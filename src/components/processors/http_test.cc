#include <fmt/format.h>
#include <gtest/gtest.h>

#include <mutex>

#include "component/testing.h"
#include "components/manifest.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "runtime/timer_queue.h"

namespace tollgate {
namespace {

/// Answers "<method> <body>" with the status that the path names, at first.
class Server {
 public:
  Server() : server_([] {
    HttpServer::Options options;
    options.address = "127.0.0.1:0";
    return options;
  }()) {
    EXPECT_TRUE(server_.handle("/", [this](ServerRequest request, Responder responder) {
      std::lock_guard hold(lock_);
      bodies_.push_back(request.body);
      ServerResponse response = ServerResponse::text(
          std::stoi(request.path.substr(1)), request.method + " " + request.body);
      response.headers.push_back({"X-Plan", "gold"});
      responder.respond(std::move(response));
    }));
    EXPECT_TRUE(server_.start());
  }
  ~Server() { server_.stop(); }
  std::string url(int status) const {
    return fmt::format("http://127.0.0.1:{}/{}", server_.port(), status);
  }
  std::size_t requests() {
    std::lock_guard hold(lock_);
    return bodies_.size();
  }

 private:
  HttpServer server_;
  std::mutex lock_;
  std::vector<std::string> bodies_;  // guarded by lock_
};

class HttpProcessorTest : public testing::Test {
 protected:
  HttpProcessorTest() : context_({.processors = processors()}) {
    context_.use(client_);
    context_.use(timers_);
  }

  /// Runs it over the messages; every receipt must be there afterwards, once.
  std::vector<Batch> run(std::string_view yaml, std::initializer_list<std::string_view> messages) {
    auto factory = context_.processor(yaml);
    if (!factory) {
      ADD_FAILURE() << factory.error().message();
      return {};
    }
    Batch batch = batch_of(messages);
    for (Message& message : batch) message.set_metadata("kept", Value::string("yes"));
    bool done = false;
    add_receipts(batch, [&](const TransactionResult& result) {
      EXPECT_TRUE(result.ok());
      EXPECT_EQ(result.records, messages.size());
      done = true;
    });
    std::vector<Batch> out;
    EXPECT_TRUE((*factory)()->process(std::move(batch), out));
    EXPECT_FALSE(done && !out.empty()) << "settled before it was delivered";
    for (Batch& each : out) each.resolve(Outcome::delivered);
    EXPECT_TRUE(done);
    return out;
  }

  static std::string metadata(const Message& message, std::string_view key) {
    const Value* value = message.metadata(key);
    if (!value) return "(none)";
    return value->is_text() ? std::string(value->as_text()) : std::to_string(value->as_int64());
  }

  Server server_;
  HttpClient client_;
  TimerQueue timers_;
  TestBuildContext context_;
};

TEST_F(HttpProcessorTest, TheResponseReplacesTheMessage) {
  for (const std::string_view parallel : {"false", "true"}) {
    auto out = run(fmt::format("http: {{url: '{}', parallel: {}, extract_headers: "
                               "{{include_prefixes: [x-]}}}}", server_.url(200), parallel),
                   {"a", "b"});
    ASSERT_EQ(out.size(), 1u);
    ASSERT_EQ(out[0].size(), 2u);
    EXPECT_EQ(out[0][0].bytes(), "POST a");
    EXPECT_EQ(out[0][1].bytes(), "POST b");
    EXPECT_EQ(out[0][1].error(), nullptr);
    EXPECT_EQ(metadata(out[0][1], "kept"), "yes");
    EXPECT_EQ(metadata(out[0][1], "http_status_code"), "200");
    EXPECT_EQ(metadata(out[0][1], "x-plan"), "gold");
  }
}

TEST_F(HttpProcessorTest, AFailureFlagsTheMessageAndKeepsItsPayload) {
  auto out = run(fmt::format("http: {{url: '{}', verb: PUT, retries: 1, retry_period: 1ms, "
                             "extract_headers: {{include_prefixes: [x-]}}}}", server_.url(500)),
                 {"a"});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0][0].bytes(), "a");
  ASSERT_NE(out[0][0].error(), nullptr);
  EXPECT_EQ(out[0][0].error()->text,
            server_.url(500) + ": HTTP request returned unexpected response code (500): 500 "
                               "Internal Server Error, Error: PUT a");
  EXPECT_EQ(metadata(out[0][0], "http_status_code"), "500");
  EXPECT_EQ(metadata(out[0][0], "x-plan"), "gold");
  EXPECT_EQ(server_.requests(), 2u);
}

TEST_F(HttpProcessorTest, AMultipartBatchIsOneRequest) {
  auto out = run(fmt::format("http: {{url: '{}', batch_as_multipart: true}}", server_.url(200)),
                 {"a", "b", "c"});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].size(), 1u) << "one response, one message that stands for all";
  EXPECT_EQ(server_.requests(), 1u);
}

TEST_F(HttpProcessorTest, AUrlThatCannotBeToldFlagsTheMessage) {
  auto out = run("http: {url: 'http://127.0.0.1:1/${! json(\"a\").uppercase() }'}", {"{}"});
  ASSERT_EQ(out.size(), 1u);
  ASSERT_NE(out[0][0].error(), nullptr);
  EXPECT_EQ(server_.requests(), 0u);
}

}  // namespace
}  // namespace tollgate
