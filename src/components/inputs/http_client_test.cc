#include <fmt/format.h>
#include <gtest/gtest.h>

#include "components/inputs/test_support.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "runtime/timer_queue.h"

namespace tollgate {
namespace {

using namespace inputs_test;

class HttpClientInputTest : public testing::Test {
 protected:
  HttpClientInputTest() : context_(all_components()), server_([] {
    HttpServer::Options options;
    options.address = "127.0.0.1:0";
    return options;
  }()) {
    context_.use(client_);
    context_.use(timers_);
  }
  ~HttpClientInputTest() override { server_.stop(); }

  void serve(HttpServer::Handler handler) {
    ASSERT_TRUE(server_.handle("/", std::move(handler)));
    ASSERT_TRUE(server_.start());
  }
  std::unique_ptr<Input> input(std::string_view more) {
    auto made = context_.input(fmt::format("http_client: {{url: 'http://127.0.0.1:{}/{}}}",
                                           server_.port(), more));
    EXPECT_TRUE(made) << made.error().message();
    return made ? std::move(*made) : nullptr;
  }

  TestBuildContext context_;
  HttpServer server_;
  HttpClient client_;
  TimerQueue timers_;
};

TEST_F(HttpClientInputTest, AsksAgainWithWhatItGot) {
  std::atomic<int> asked{0};
  serve([&](ServerRequest request, Responder responder) {
    EXPECT_EQ(request.method, "GET");
    const int number = asked++;
    if (number == 1) return responder.respond(ServerResponse::text(200, ""));
    const std::string* after = request.query_value("after");
    responder.respond(ServerResponse::json(
        200, fmt::format(R"({{"next":"{}x"}})", after ? *after : "")));
  });
  auto made = input("?after=${! json(\"next\").or(\"\") }', retry_period: 1ms");
  ASSERT_TRUE(made);
  Collector collector;
  ASSERT_TRUE(made->start(collector));
  EXPECT_TRUE(collector.wait_batches(3));
  made->stop();
  const auto texts = collector.texts();
  ASSERT_GE(texts.size(), 3u);
  EXPECT_EQ(texts[0], R"({"next":"x"})");
  EXPECT_EQ(texts[1], R"({"next":"xx"})") << "the empty response is no message";
  EXPECT_EQ(texts[2], R"({"next":"xxx"})");
}

TEST_F(HttpClientInputTest, ReadsAStreamToItsEnd) {
  serve([](ServerRequest request, Responder responder) {
    EXPECT_EQ(request.body, "more");
    auto stream = responder.stream(200, {{"Content-Type", "text/plain"}});
    stream.write("one\ntw");
    stream.write("o\n\nthree");
  });
  auto made = input("', verb: POST, payload: more, stream: {enabled: true, reconnect: false}");
  ASSERT_TRUE(made);
  Collector collector;
  ASSERT_TRUE(made->start(collector));
  EXPECT_TRUE(collector.wait_ended());
  made->stop();
  EXPECT_EQ(collector.texts(), (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(HttpClientInputTest, StopsWhileItWaits) {
  std::vector<Responder> never;
  serve([&](ServerRequest, Responder responder) { never.push_back(std::move(responder)); });
  auto made = input("', timeout: 1h");
  ASSERT_TRUE(made);
  Collector collector;
  ASSERT_TRUE(made->start(collector));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  made->stop();
  EXPECT_TRUE(collector.texts().empty());
  made.reset();
}

}  // namespace
}  // namespace tollgate
