#include "net/http_server.h"

#include <filesystem>
#include <future>

#include "net/http_client.h"
#include "net/http_routes.h"
#include "net/test_support.h"

namespace tollgate {
namespace {

using namespace std::chrono_literals;
using net_test::eventually;
using net_test::RawSocket;

void echo(ServerRequest request, Responder responder) {
  responder.respond(ServerResponse::text(200, request.method + " " + request.path + " " + request.body));
}

TEST(HttpRoutes, MatchesLikeMux) {
  HttpRoutes routes;
  for (const char* path : {"/a/{id}", "/a/{id:[0-9]+}/x", "/files/", "/a/literal", "/"}) {
    ASSERT_TRUE(routes.set(path, HttpRoute{nullptr, nullptr, std::string_view(path).size()})) << path;
  }
  struct Row {
    const char* path;
    const char* route;
    const char* capture;
  };
  for (Row row : {Row{"/a/7", "/a/{id}", "7"}, {"/a/7/x", "/a/{id:[0-9]+}/x", "7"}, {"/a/b/x", "/", ""},
                  {"/a/literal", "/a/literal", ""}, {"/files/x/y", "/files/", ""}, {"/zzz", "/", ""}}) {
    HttpRoutes::Captures captures;
    auto route = routes.find(row.path, captures);
    ASSERT_TRUE(route) << row.path;
    EXPECT_EQ(route->max_message_bytes, std::string_view(row.route).size()) << row.path;
    EXPECT_EQ(captures.empty() ? "" : captures[0].second, row.capture) << row.path;
  }
  for (const char* path : {"no-slash", "/{", "/{:x}", "/{a:(}", "/{a:(x)}"}) {
    EXPECT_FALSE(routes.set(path, {})) << path;
  }
  routes.remove("/");
  HttpRoutes::Captures captures;
  EXPECT_FALSE(routes.find("/zzz", captures));
}

class HttpServerTest : public ::testing::Test {
 protected:
  void start(HttpServer::Options options = {}) {
    options.address = "127.0.0.1:0";
    server_ = std::make_unique<HttpServer>(std::move(options));
    ASSERT_TRUE(server_->handle("/echo", echo));
    ASSERT_TRUE(server_->handle("/hold", [this](ServerRequest, Responder responder) {
      responder.on_cancel([this] { ++gone_; });
      std::lock_guard lock(mutex_);
      held_.push_back(std::move(responder));
    }));
    ASSERT_TRUE(server_->start());
  }
  std::size_t held() {
    std::lock_guard lock(mutex_);
    return held_.size();
  }
  std::string talk(std::string_view text) {
    RawSocket socket(server_->port());
    socket.send(text);
    return socket.read_all();
  }

  std::mutex mutex_;
  std::vector<Responder> held_;
  std::atomic<int> gone_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersInOrderOnOneConnection) {
  start();
  auto seen = talk("GET /echo?x=1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\n"
                   "Content-Length: 3\r\n\r\nabcPOST /echo HTTP/1.1\r\nConnection: close\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  auto first = seen.find("GET /echo "), second = seen.find("POST /echo abc"), third = seen.find("POST /echo hi");
  EXPECT_TRUE(first < second && second < third && third != std::string::npos) << seen;
}

TEST_F(HttpServerTest, Refuses) {
  start({.max_header_bytes = 2000, .max_body_bytes = 10});
  EXPECT_TRUE(talk("garbage\r\n\r\n").starts_with("HTTP/1.1 400 Bad Request"));
  EXPECT_TRUE(talk("GET /none HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 404 Not Found"));
  EXPECT_TRUE(talk("GET /echo HTTP/1.1\r\nX: " + std::string(5000, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(talk("POST /echo HTTP/1.1\r\nContent-Length: 11\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(talk("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")
                  .starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(talk("HEAD /echo HTTP/1.1\r\nConnection: close\r\n\r\n").ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, ClosesSlowAndIdleConnections) {
  start({.idle_timeout = 150ms, .read_timeout = 150ms});
  EXPECT_EQ(talk(""), "");
  EXPECT_EQ(talk("GET /ec"), "");
  EXPECT_EQ(talk("POST /echo HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf"), "");
}

TEST_F(HttpServerTest, AnswersFromOtherThreadsAndNoticesWhoLeft) {
  start();
  auto client = std::make_unique<HttpClient>();
  std::promise<Result<HttpResponse>> answered;
  std::string address = "http://127.0.0.1:" + std::to_string(server_->port()) + "/hold";
  client->send({.url = address}, [&](Result<HttpResponse> result) { answered.set_value(std::move(result)); });
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  std::thread([&] { held_[0].respond(ServerResponse::text(202, "later")); }).join();
  EXPECT_EQ(answered.get_future().get()->status_line(), "202 Accepted");
  client->send({.url = address}, [](Result<HttpResponse>) {});
  ASSERT_TRUE(eventually([&] { return held() == 2; }));
  EXPECT_FALSE(held_[1].cancelled());
  client.reset();
  EXPECT_TRUE(eventually([&] { return gone_ == 1; }));
  EXPECT_TRUE(held_[1].cancelled());
  held_.clear();
}

TEST_F(HttpServerTest, UnansweredIs500) {
  start();
  RawSocket socket(server_->port());
  socket.send("GET /hold HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  held_.clear();
  EXPECT_TRUE(socket.read_until("\r\n\r\n").starts_with("HTTP/1.1 500"));
}

TEST_F(HttpServerTest, Streams) {
  start();
  std::promise<ResponseStream> opened;
  ASSERT_TRUE(server_->handle("/events", [&](ServerRequest, Responder responder) {
    opened.set_value(responder.stream(200, {{"Content-Type", "text/event-stream"}}));
  }));
  auto socket = std::make_unique<RawSocket>(server_->port());
  socket->send("GET /events HTTP/1.1\r\n\r\n");
  auto stream = opened.get_future().get();
  EXPECT_TRUE(stream.write("data: 1\n\n"));
  auto seen = socket->read_until("data: 1");
  EXPECT_NE(seen.find("Transfer-Encoding: chunked"), std::string::npos) << seen;
  EXPECT_TRUE(stream.write("data: 2\n\n"));
  socket->read_until("data: 2");
  stream.close();
  EXPECT_NE(socket->read_until("0\r\n\r\n").find("0\r\n\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, StreamEndsWhenTheClientLeaves) {
  start();
  std::promise<ResponseStream> opened;
  ASSERT_TRUE(server_->handle("/events", [&](ServerRequest, Responder responder) {
    opened.set_value(responder.stream(200, {}));
  }));
  auto socket = std::make_unique<RawSocket>(server_->port());
  socket->send("GET /events HTTP/1.1\r\n\r\n");
  auto stream = opened.get_future().get();
  socket->read_until("\r\n\r\n");
  socket.reset();
  EXPECT_TRUE(eventually([&] { return !stream.write("x"); }));
}

TEST_F(HttpServerTest, AuthorizationAndCors) {
  start({.authorize = [](const ServerRequest& request) -> std::optional<ServerResponse> {
           auto credentials = basic_credentials(request);
           if (credentials && *credentials == std::pair<std::string, std::string>("me", "pw")) return std::nullopt;
           return ServerResponse::text(401, "no");
         },
         .cors_origins = {"https://app.example"}});
  EXPECT_TRUE(talk("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 401"));
  auto good = talk("GET /echo HTTP/1.1\r\nAuthorization: Basic bWU6cHc=\r\nOrigin: https://app.example\r\n"
                   "Connection: close\r\n\r\n");
  EXPECT_TRUE(good.starts_with("HTTP/1.1 200")) << good;
  EXPECT_NE(good.find("Access-Control-Allow-Origin: https://app.example"), std::string::npos);
  auto preflight = talk("OPTIONS /echo HTTP/1.1\r\nOrigin: https://app.example\r\n"
                        "Access-Control-Request-Method: PUT\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(preflight.starts_with("HTTP/1.1 200")) << preflight;
  EXPECT_NE(preflight.find("GET, HEAD, POST, PUT, PATCH, DELETE"), std::string::npos);
}

TEST_F(HttpServerTest, Websockets) {
  start();
  auto closed = std::make_shared<std::atomic<int>>(0);
  struct Echo : std::enable_shared_from_this<Echo> {
    std::shared_ptr<WebSocket> socket;
    std::shared_ptr<std::atomic<int>> closed;
    void next() {
      socket->receive([self = shared_from_this()](Result<WebSocketMessage> message) {
        if (!message) {
          ++*self->closed;
          return;
        }
        self->socket->send(std::move(*message));
        self->next();
      });
    }
  };
  ASSERT_TRUE(server_->handle_websocket("/ws/{who}", [closed](ServerRequest request, std::shared_ptr<WebSocket> socket) {
    socket->send({"welcome " + request.path_params[0].second, true});
    auto session = std::make_shared<Echo>();
    session->socket = std::move(socket);
    session->closed = closed;
    session->next();
  }));
  RawSocket socket(server_->port());
  socket.send("GET /ws/you HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  auto seen = socket.read_until("welcome you");
  EXPECT_NE(seen.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos) << seen;
  // A masked text frame with an all-zero mask: "ping!".
  socket.send(std::string_view("\x81\x85\0\0\0\0ping!", 11));
  EXPECT_NE(socket.read_until("ping!").find("\x81\x05ping!"), std::string::npos);
  socket.send(std::string_view("\x88\x80\0\0\0\0", 6));
  EXPECT_TRUE(socket.read_until("\x88").find('\x88') != std::string::npos);
  socket.close();
  EXPECT_TRUE(eventually([&] { return *closed == 1; }));
  EXPECT_TRUE(talk("GET /ws/x HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, NamesStrangers) {
  std::string misuse;
  std::mutex lock;
  start({.on_misuse = [&](std::string text) {
    std::lock_guard held(lock);
    misuse += text;
  }});
  const auto told = [&](std::string_view words) {
    return eventually([&] {
      std::lock_guard held(lock);
      return misuse.find(words) != std::string::npos;
    });
  };
  EXPECT_EQ(talk("\x16\x03\x01\x02 and so on"), "");
  EXPECT_TRUE(told("TLS handshake from 127.0.0.1 on the plaintext HTTP port"));
  std::this_thread::sleep_for(1100ms);  // the reporter speaks once a second
  EXPECT_EQ(talk("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "");
  EXPECT_TRUE(told("point OTLP/gRPC senders to the gRPC port"));
  server_.reset();  // it uses what this function has
}

TEST_F(HttpServerTest, BoundsTheBodiesOfAllRequests) {
  start({.max_buffered_bytes = 300'000});
  const std::string body(100'000, 'x');
  const std::string request = "POST /hold HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + body;
  std::vector<RawSocket> sockets;
  for (std::size_t i = 1; i <= 2; ++i) {
    sockets.emplace_back(server_->port());
    sockets.back().send(request);
    ASSERT_TRUE(eventually([&] { return held() == i; }));
  }
  for (int i = 0; i < 3; ++i) {
    RawSocket late(server_->port());
    late.send(request);
    const std::string answer = late.read_until("at once");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
    EXPECT_NE(answer.find("Retry-After: 1"), std::string::npos) << answer;
  }
  EXPECT_EQ(held(), 2u);
  for (auto& each : held_) each.respond(ServerResponse::text(200, ""));
  for (auto& each : sockets) each.read_until("\r\n\r\n");
  RawSocket next(server_->port());
  next.send(request);
  EXPECT_TRUE(eventually([&] { return held() == 3; }));
  held_.clear();
}

TEST_F(HttpServerTest, FollowsItsCertificateFiles) {
  net_test::Certificates first, second;
  ASSERT_TRUE(first.usable() && second.usable());
  std::atomic<int> failed{0}, reloaded{0};
  start({.tls = {.cert_file = first.file("server.pem"), .key_file = first.file("server.key")},
         .on_misuse = [&](std::string text) { failed += text.find("former ones") != text.npos; },
         .on_reload = [&](std::string) { ++reloaded; }});
  const auto trusts = [&](const net_test::Certificates& authority) {
    HttpClient client;
    HttpRequest request{.method = "POST",
                        .url = "https://127.0.0.1:" + std::to_string(server_->port()) + "/echo",
                        .timeout = 10s};
    request.tls = *load_tls_client({.enabled = true, .root_cas_file = authority.file("ca.pem")});
    return client.fetch(std::move(request)).has_value();
  };
  EXPECT_TRUE(trusts(first));
  EXPECT_FALSE(trusts(second));
  const auto replace = [&](const char* name) {
    std::filesystem::copy_file(second.file(name), first.file(name),
                               std::filesystem::copy_options::overwrite_existing);
  };
  replace("server.pem");
  EXPECT_TRUE(eventually([&] { return trusts(first) && failed == 1; })) << "half a change";
  replace("server.key");
  EXPECT_TRUE(eventually([&] { return trusts(second); }));
  EXPECT_EQ(reloaded, 1);
  EXPECT_EQ(failed, 1);
  server_.reset();  // it uses what this function has
}

TEST_F(HttpServerTest, SaysWhenTheAddressIsTaken) {
  start();
  HttpServer second({.address = "127.0.0.1:" + std::to_string(server_->port())});
  auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message().find("address already in use: 127.0.0.1:"), std::string::npos);
  EXPECT_NE(started.error().message().find("set http.address"), std::string::npos);
}

TEST_F(HttpServerTest, StopsWhenAnswersAreOut) {
  start();
  RawSocket idle(server_->port()), busy(server_->port());
  busy.send("GET /hold HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  std::thread stopper([&] { server_->stop(10s); });
  EXPECT_EQ(idle.read_all(), "");
  held_[0].respond(ServerResponse::text(200, "last words"));
  auto seen = busy.read_all();
  EXPECT_NE(seen.find("Connection: close"), std::string::npos) << seen;
  EXPECT_TRUE(seen.ends_with("last words"));
  stopper.join();
}

}  // namespace
}  // namespace tollgate
