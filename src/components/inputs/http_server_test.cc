#include <gmock/gmock.h>

#include "component/http_service.h"
#include "components/inputs/test_support.h"
#include "net/http_client.h"
#include "runtime/timer_queue.h"

namespace tollgate {
namespace {

using namespace inputs_test;

/// The service's server, on a port of its own.
class Service final : public HttpService {
 public:
  Service() : server_([] {
    HttpServer::Options options;
    options.address = "127.0.0.1:0";
    return options;
  }()) {
    EXPECT_TRUE(server_.start());
  }
  ~Service() override { server_.stop(); }

  void add(std::string path, std::string, HttpServer::Handler handler) override {
    EXPECT_TRUE(server_.handle(path, std::move(handler)));
  }
  void add_websocket(std::string path, std::string, HttpServer::WebSocketHandler handler) override {
    EXPECT_TRUE(server_.handle_websocket(path, std::move(handler)));
  }
  void remove(std::string_view path) override { server_.remove(path); }
  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + std::string(path);
  }

 private:
  HttpServer server_;
};

class HttpServerInputTest : public testing::Test {
 protected:
  HttpServerInputTest() {
    context_.use(service_);
    context_.use(timers_);
  }

  void start(const std::string& yaml, Intake& intake) {
    auto made = context_.input(yaml);
    ASSERT_TRUE(made) << made.error().message();
    input_ = std::move(*made);
    ASSERT_TRUE(input_->start(intake));
  }

  HttpResponse post(std::string_view path, std::string body, HttpHeaders headers = {},
                    std::string method = "POST") {
    HttpRequest request;
    request.method = std::move(method);
    request.url = service_.url(path);
    request.headers = std::move(headers);
    request.body = HttpBody(std::move(body));
    auto response = client_.fetch(std::move(request));
    EXPECT_TRUE(response) << response.error().message();
    return response ? std::move(*response) : HttpResponse{};
  }

  TimerQueue timers_;
  Service service_;
  HttpClient client_;
  TestBuildContext context_{all_components()};
  std::unique_ptr<Input> input_;
};

TEST_F(HttpServerInputTest, Answers) {
  Collector collector([](Message& message) -> std::optional<Error> {
    if (message.bytes() == "bad") return Error(Fault::invalid, "nope");
    if (message.bytes() == "echo") {
      Batch answer;
      answer.add().set_bytes("pong");
      message.response->add(answer);
    }
    return std::nullopt;
  });
  start("http_server: {path: /in, sync_response: {status: '201', headers: {X-A: b}}}", collector);

  EXPECT_EQ(post("/in?q=1", "plain").status, 200);
  EXPECT_EQ(collector.metadata("plain.q"), "1");
  const HttpResponse refused = post("/in", "bad");
  EXPECT_EQ(refused.status, 502);
  EXPECT_EQ(refused.body, "nope\n");
  const HttpResponse echoed = post("/in", "echo");
  EXPECT_EQ(echoed.status, 201);
  EXPECT_EQ(echoed.body, "pong");
  EXPECT_EQ(*echoed.header("X-A"), "b");
  EXPECT_EQ(post("/in", "", {}, "GET").status, 405);
  EXPECT_EQ(post("/in", "x", {{"Content-Type", ";;"}}).status, 400);
  EXPECT_EQ(post("/in", "x", {{"Content-Type", "multipart/mixed"}}).status, 400);
  EXPECT_EQ(post("/in", "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--",
                 {{"Content-Type", "multipart/mixed; boundary=b"}})
                .status,
            200);
  for (int i = 0; i < 100 && collector.batches().back().size() != 2; ++i) {
    // The answer may come before the collector notes the batch.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_THAT(collector.batches().back(), testing::ElementsAre("one", "two"));
  input_->stop();
  EXPECT_NE(post("/in", "late").status, 200);
}

TEST_F(HttpServerInputTest, WaitsForRoomAndTimesOut) {
  Collector collector;
  collector.full = true;
  start("http_server: {path: /in, timeout: 50ms}", collector);
  EXPECT_EQ(post("/in", "x").status, 408);
  collector.full = false;
  EXPECT_EQ(post("/in", "x").status, 200);
}

/// Takes deliveries and never settles them until it goes.
class Sink final : public Intake {
 public:
  Result<> submit(Delivery delivery) override {
    kept_.push_back(std::move(delivery));
    return {};
  }
  bool try_submit(Delivery& delivery) override { return submit(std::move(delivery)).has_value(); }
  void ended() override {}

 private:
  std::vector<Delivery> kept_;
};

TEST_F(HttpServerInputTest, TimesOutUnsettled) {
  Sink sink;
  start("http_server: {path: /in, timeout: 30ms}", sink);
  const HttpResponse response = post("/in", "x");
  EXPECT_EQ(response.status, 408);
  EXPECT_EQ(response.body, "Request timed out\n");
  input_->stop();
}

}  // namespace
}  // namespace tollgate
