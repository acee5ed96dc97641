#include "net/http_client.h"

#include <future>

#include "net/http_server.h"
#include "net/test_support.h"
#include "net/url.h"

namespace tollgate {
namespace {

using namespace std::chrono_literals;
using net_test::eventually;
using net_test::RawListener;

std::string url(int port, const std::string& path = "/") {
  return "http://127.0.0.1:" + std::to_string(port) + path;
}

/// A server that answers with what it was asked, and with redirects.
class HttpClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.handle("/echo", [](ServerRequest request, Responder responder) {
      ServerResponse response = ServerResponse::text(200, request.method + "\n");
      for (const auto& [name, value] : request.headers) response.body += name + ": " + value + "\n";
      response.body += "\n" + request.body;
      responder.respond(std::move(response));
    }));
    ASSERT_TRUE(server_.handle("/to/{code}", [](ServerRequest request, Responder responder) {
      ServerResponse response;
      response.status = std::stoi(request.path_params[0].second);
      response.headers.emplace_back("Location", *request.query_value("at"));
      responder.respond(std::move(response));
    }));
    ASSERT_TRUE(server_.handle("/big", [](ServerRequest, Responder responder) {
      responder.respond({200, {}, std::string(100'000, 'x'), true});
    }));
    ASSERT_TRUE(server_.start());
  }

  HttpRequest request(const std::string& path) {
    HttpRequest made;
    made.url = url(server_.port(), path);
    made.timeout = 10s;
    return made;
  }

  HttpServer server_{{.address = "127.0.0.1:0"}};
  HttpClient client_;
};

TEST_F(HttpClientTest, SendsWhatItWasGiven) {
  auto post = request("/echo");
  post.method = "POST";
  post.headers = {{"X-B", "2"}, {"X-A", "1"}, {"X-Empty", ""}, {"Host", "elsewhere.example"}};
  post.body = std::string("hello");
  auto response = client_.fetch(std::move(post));
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status_line(), "200 OK");
  const auto& body = response->body;
  EXPECT_TRUE(body.starts_with("POST\n")) << body;
  EXPECT_TRUE(body.ends_with("\n\nhello")) << body;
  EXPECT_LT(body.find("X-B: 2"), body.find("X-A: 1"));
  EXPECT_NE(body.find("X-Empty: \n"), std::string::npos) << body;
  EXPECT_NE(body.find("Host: elsewhere.example\n"), std::string::npos);
  EXPECT_NE(body.find("User-Agent: tollgate\n"), std::string::npos);
  for (const char* unwanted : {"Expect", "Accept:", "Content-Type"}) {
    EXPECT_EQ(body.find(unwanted), std::string::npos) << unwanted;
  }
}

TEST_F(HttpClientTest, ReusesConnections) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(client_.fetch(request("/echo")));
  EXPECT_EQ(client_.stats().connections_opened, 1u);
  EXPECT_EQ(client_.stats().finished, 50u);
}

TEST_F(HttpClientTest, RunsManyAtOnce) {
  std::atomic<int> good{0}, done{0};
  for (int i = 0; i < 500; ++i) {
    client_.send(request("/echo"), [&](Result<HttpResponse> response) {
      good += response && response->status == 200;
      ++done;
    });
  }
  EXPECT_TRUE(eventually([&] { return done == 500; }));
  EXPECT_EQ(good, 500);
}

TEST_F(HttpClientTest, FollowsRedirectsLikeGo) {
  struct Row {
    int status;
    const char* method;
    const char* seen;
    bool keeps_body;
  };
  for (Row row : {Row{301, "POST", "GET", false}, {302, "PUT", "GET", false}, {303, "PATCH", "GET", false},
                  {307, "POST", "POST", true}, {308, "PUT", "PUT", true}}) {
    auto sent = request("/to/" + std::to_string(row.status) + "?at=%2Fecho");
    sent.method = row.method;
    sent.body = std::string("payload");
    sent.headers = {{"Authorization", "secret"}};
    auto response = client_.fetch(std::move(sent));
    ASSERT_TRUE(response);
    EXPECT_TRUE(response->body.starts_with(std::string(row.seen) + "\n")) << row.status;
    EXPECT_EQ(response->body.ends_with("payload"), row.keeps_body) << row.status;
    EXPECT_NE(response->body.find("secret"), std::string::npos);
  }
  auto kept = request("/to/302?at=%2Fecho");
  kept.follow_redirects = false;
  EXPECT_EQ(client_.fetch(std::move(kept))->status_line(), "302 Found");
  auto loop = client_.fetch(request("/to/302?at=%2Fto%2F302%3Fat%3D%252Fecho"));
  EXPECT_TRUE(loop);
}

TEST_F(HttpClientTest, KeepsSecretsFromOtherHosts) {
  HttpServer other({.address = "127.0.0.1:0"});
  std::promise<HttpHeaders> seen;
  ASSERT_TRUE(other.handle("/", [&](ServerRequest request, Responder responder) {
    seen.set_value(request.headers);
    responder.respond({});
  }));
  ASSERT_TRUE(other.start());
  auto sent = request("/to/307?at=" + escape_url(url(other.port())));
  sent.method = "POST";
  sent.headers = {{"authorization", "secret"}, {"Cookie", "secret"}, {"X-Kept", "yes"}};
  ASSERT_TRUE(client_.fetch(std::move(sent)));
  auto headers = seen.get_future().get();
  EXPECT_EQ(find_header(headers, "Authorization"), nullptr);
  EXPECT_EQ(find_header(headers, "Cookie"), nullptr);
  EXPECT_NE(find_header(headers, "X-Kept"), nullptr);
}

TEST_F(HttpClientTest, LimitsAndDecompressesResponses) {
  auto whole = client_.fetch(request("/big"));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->body.size(), 100'000u);
  EXPECT_EQ(whole->header("Content-Encoding"), nullptr);
  auto raw = request("/big");
  raw.headers = {{"Accept-Encoding", "gzip"}};
  EXPECT_LT(client_.fetch(std::move(raw))->body.size(), 1000u);
  auto limited = request("/big");
  limited.max_response_bytes = 99'999;
  auto refused = client_.fetch(std::move(limited));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("larger than 99999 bytes"), std::string::npos);
}

TEST_F(HttpClientTest, StreamsBodies) {
  auto streamed = request("/big");
  auto seen = std::make_shared<std::size_t>(0);
  streamed.on_body = [seen](std::string_view piece) {
    *seen += piece.size();
    return true;
  };
  auto response = client_.fetch(std::move(streamed));
  ASSERT_TRUE(response);
  EXPECT_EQ(*seen, 100'000u);
  EXPECT_TRUE(response->body.empty());
}

TEST(HttpClient, ResendsWhenAnIdleConnectionWasClosed) {
  RawListener listener;
  std::thread server([&] {
    const std::string answer = "HTTP/1.1 200 Fine by me\r\nContent-Length: 2\r\n\r\nok";
    {
      auto first = listener.accept();
      first.read_until("one");
      first.send(answer);
      // The second request arrives on this connection and dies with it.
      first.read_until("two");
    }
    auto second = listener.accept();
    second.read_until("two");
    second.send(answer);
    second.read_all();
  });
  {
    HttpClient client;
    for (const char* body : {"one", "two"}) {
      HttpRequest request;
      request.method = "POST";
      request.url = url(listener.port());
      request.timeout = 10s;
      request.body = std::string(body);
      auto response = client.fetch(std::move(request));
      ASSERT_TRUE(response) << response.error().message();
      EXPECT_EQ(response->status_line(), "200 Fine by me");
    }
  }
  server.join();
}

TEST(HttpClient, AWholeAnswerCountsThoughItsStreamWasReset) {
  struct Row {
    const char* what;
    HttpHeaders headers;
    const char* body;
    bool counts;
  };
  const Row rows[] = {
      {"as long as it was said to be", {{"content-length", "5"}}, "large", true},
      {"empty, as it was said to be", {{"content-length", "0"}}, "", true},
      {"a part of it", {{"content-length", "9"}}, "large", false},
      {"nobody knows its length", {}, "large", false},
      {"its length is of other bytes than were read",
       {{"content-length", "0"}, {"content-encoding", "gzip"}}, "", false},
      {"a gRPC answer that is over", {{"grpc-status", "8"}}, "", true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    RawListener listener;
    std::thread server([&] {
      auto socket = listener.accept();
      socket.read_until("the upload");
      HttpHeaders fields = {{":status", "413"}};
      fields.insert(fields.end(), row.headers.begin(), row.headers.end());
      std::string answer = net_test::frame(4, 0, 0, "") + net_test::frame(4, 1, 0, "");
      answer += net_test::frame(1, 4, 1, net_test::literals(fields));
      if (*row.body != '\0') answer += net_test::frame(0, 0, 1, row.body);
      // A ping that comes back tells that all before it was read.
      socket.send(answer + net_test::frame(6, 0, 0, "have all"));
      socket.read_until("have all");
      const std::string cancel("\0\0\0\x08", 4);
      socket.send(net_test::frame(3, 0, 1, cancel));
      socket.read_all();
    });
    {
      HttpClient client;
      HttpRequest request;
      request.method = "POST";
      request.url = url(listener.port());
      request.timeout = 10s;
      // More than the server lets it send: the answer comes in the middle of it.
      request.body = "the upload" + std::string(1 << 20, '.');
      request.version = HttpVersion::prior_knowledge;
      const auto response = client.fetch(std::move(request));
      EXPECT_EQ(response.has_value(), row.counts)
          << (response ? response->status_line() : std::string(response.error().message()));
      if (response && row.counts) {
        EXPECT_EQ(response->status, 413);
        EXPECT_EQ(response->body, row.body);
      } else if (!response) {
        EXPECT_EQ(response.error().fault(), Fault::transient);
      }
    }
    server.join();
  }
}

TEST(HttpClient, ReadsTrailersAndReasons) {
  RawListener listener;
  std::thread server([&] {
    auto socket = listener.accept();
    socket.read_until("\r\n\r\n");
    socket.send("HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"
                "2\r\nhi\r\n0\r\nX-End: yes\r\n\r\n");
    socket.read_all();
  });
  {
    HttpClient client;
    auto response = client.fetch({.url = url(listener.port()), .timeout = 10s});
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status_line(), "503 Service Unavailable");
    EXPECT_EQ(response->body, "hi");
    ASSERT_NE(find_header(response->trailers, "X-End"), nullptr);
  }
  server.join();
}

/// Answers with `answer` whatever comes on each of `connections` connections, one after the other.
struct ScriptedServer {
  ScriptedServer(std::string answer, int connections, std::string_view wanted, bool then_close)
      : thread([=, this] {
          for (int i = 0; i < connections; ++i) {
            auto socket = listener.accept();
            seen += socket.read_until(wanted);
            socket.send(answer);
            if (!then_close) seen += socket.read_all();
          }
        }) {}
  ~ScriptedServer() { thread.join(); }

  RawListener listener;
  std::string seen;
  std::thread thread;
};

TEST(HttpClient, OpensAnotherConnectionWhenOneIsNotKept) {
  struct Row {
    const char* what;
    const char* answer;
    bool closed_by_server;
  };
  const Row rows[] = {
      {"told to", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false},
      {"the end of the body is the end", "HTTP/1.1 200 OK\r\n\r\nok", true},
      {"more came than was asked for", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", false},
      {"of the old version", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
      {"it rested and was closed", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    ScriptedServer server(row.answer, 3, "\r\n\r\n", row.closed_by_server);
    HttpClient client;
    for (int i = 0; i < 3; ++i) {
      auto response = client.fetch({.url = url(server.listener.port()), .timeout = 10s});
      ASSERT_TRUE(response) << response.error().message();
      EXPECT_EQ(response->body, "ok");
    }
    EXPECT_EQ(client.stats().connections_opened, 3u);
  }
}

TEST(HttpClient, TakesAnAnswerThatComesBeforeTheUploadIsOver) {
  ScriptedServer server("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge", 1, "the upload", false);
  HttpClient client;
  HttpRequest request{.method = "POST", .url = url(server.listener.port()), .timeout = 10s};
  // More than the sockets hold.
  request.body = "the upload" + std::string(32 << 20, '.');
  const auto response = client.fetch(std::move(request));
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 413);
  EXPECT_EQ(response->body, "large");
}

TEST_F(HttpClientTest, SendsLargeBodies) {
  std::string body(3 << 20, '.');
  for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i / 1000 % 26);
  for (int i = 0; i < 3; ++i) {
    auto post = request("/echo");
    post.method = "POST";
    post.body = body;
    auto response = client_.fetch(std::move(post));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_TRUE(response->body.ends_with("\n\n" + body));
  }
  EXPECT_EQ(client_.stats().connections_opened, 1u);
}

TEST(HttpClient, GivesUpRestingConnections) {
  RawListener listener;
  std::promise<void> closed;
  std::thread server([&] {
    auto socket = listener.accept();
    socket.read_until("\r\n\r\n");
    socket.send("HTTP/1.1 204 No Content\r\n\r\n");
    socket.read_all();
    if (socket.closed()) closed.set_value();
  });
  HttpClient client({.idle_timeout = 1s});
  EXPECT_TRUE(client.fetch({.url = url(listener.port()), .timeout = 10s}));
  EXPECT_EQ(closed.get_future().wait_for(10s), std::future_status::ready);
  server.join();
}

TEST(HttpClient, ManyThreadsShareConnections) {
  HttpServer server({.address = "127.0.0.1:0"});
  ASSERT_TRUE(server.handle("/", [](ServerRequest request, Responder responder) {
    responder.respond(ServerResponse::text(200, request.body));
  }));
  ASSERT_TRUE(server.start());
  HttpClient client;
  std::atomic<int> wrong{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        HttpRequest request{.method = "POST", .url = url(server.port()), .timeout = 10s};
        if (i % 7 == 0) request.headers = {{"Connection", "close"}};
        const std::string body = std::to_string(t) + " " + std::to_string(i);
        request.body = body;
        const auto response = client.fetch(std::move(request));
        wrong += !response || response->body != body;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(client.stats().in_flight, 0u);
  EXPECT_EQ(client.stats().finished, 1200u);
}

TEST(HttpClient, ExplainsFailures) {
  HttpClient client;
  int free_port = RawListener().port();
  struct Row {
    std::string address;
    Fault fault;
    const char* text;
  };
  for (const Row& row :
       {Row{url(free_port), Fault::transient, "connection refused"},
        Row{"http://no-such-host.invalid/", Fault::transient, "no such host"},
        Row{"ftp://h/", Fault::invalid, "unsupported protocol scheme \"ftp\""},
        Row{"nonsense", Fault::invalid, "no scheme"}, Row{"http://h:port/", Fault::invalid, "invalid port"}}) {
    auto response = client.fetch({.url = row.address, .timeout = 20s});
    ASSERT_FALSE(response) << row.address;
    EXPECT_EQ(response.error().fault(), row.fault) << response.error().message();
    EXPECT_NE(response.error().message().find(row.text), std::string::npos) << response.error().message();
  }
  auto injected = client.fetch({.url = "http://h/", .headers = {{"X", "a\r\nY: b"}}});
  ASSERT_FALSE(injected);
  EXPECT_EQ(injected.error().fault(), Fault::invalid);
}

TEST(HttpClient, TimesOutAndCancels) {
  RawListener listener;
  HttpClient client;
  auto late = client.fetch({.url = url(listener.port()), .timeout = 100ms});
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().message().find("context deadline exceeded (Client.Timeout exceeded while "
                                        "awaiting headers): no complete response within 100ms"),
            std::string::npos)
      << late.error().message();
  {
    ScriptedServer server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", 1, "\r\n\r\n", false);
    late = client.fetch({.url = url(server.listener.port()), .timeout = 100ms});
    ASSERT_FALSE(late);
    EXPECT_NE(late.error().message().find("(Client.Timeout or context cancellation while reading body)"),
              std::string::npos)
        << late.error().message();
  }
  std::promise<Fault> fault;
  client.send({.url = url(listener.port())}, [&](Result<HttpResponse> result) {
    fault.set_value(result ? Fault::invalid : result.error().fault());
  });
  client.close();
  EXPECT_EQ(fault.get_future().get(), Fault::cancelled);
  auto closed = client.fetch({.url = url(listener.port())});
  EXPECT_EQ(closed.error().fault(), Fault::cancelled);
  EXPECT_EQ(client.stats().in_flight, 0u);
}

TEST(HttpClient, SpeaksTls) {
  net_test::Certificates certificates;
  ASSERT_TRUE(certificates.usable());
  HttpServer server({.address = "127.0.0.1:0",
                     .tls = {.cert_file = certificates.file("server.pem"),
                             .key_file = certificates.file("server.key"),
                             .client_ca_file = certificates.file("ca.pem"),
                             .client_auth = TlsClientAuth::verify_if_given}});
  ASSERT_TRUE(server.handle("/", [](ServerRequest request, Responder responder) {
    responder.respond(ServerResponse::text(200, request.tls_version + "|" + request.tls_subject));
  }));
  ASSERT_TRUE(server.start());
  HttpClient client;
  auto fetch = [&](TlsClientOptions options) {
    options.enabled = true;
    auto tls = load_tls_client(options);
    EXPECT_TRUE(tls) << tls.error().message();
    HttpRequest request{.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/", .timeout = 10s};
    request.tls = *tls;
    return client.fetch(std::move(request));
  };
  auto trusted = fetch({.root_cas_file = certificates.file("ca.pem")});
  ASSERT_TRUE(trusted) << trusted.error().message();
  EXPECT_EQ(trusted->body, "TLS 1.3|");
  // A connection that was trusted by other settings must not be shared.
  auto untrusted = fetch({});
  ASSERT_FALSE(untrusted);
  EXPECT_EQ(untrusted.error().fault(), Fault::transient);
  EXPECT_NE(untrusted.error().message().find("root_cas_file"), std::string::npos) << untrusted.error().message();
  EXPECT_TRUE(fetch({.skip_cert_verify = true}));
  auto known = fetch({.root_cas_file = certificates.file("ca.pem"),
                      .client_certs = {{.cert_file = certificates.file("client.pem"),
                                        .key_file = certificates.file("client.key")}}});
  ASSERT_TRUE(known) << known.error().message();
  EXPECT_EQ(known->body, "TLS 1.3|CN=client");
  auto mismatched = load_tls_client({.enabled = true,
                                     .client_certs = {{.cert_file = certificates.file("client.pem"),
                                                       .key_file = certificates.file("server.key")}}});
  EXPECT_FALSE(mismatched);
}

}  // namespace
}  // namespace tollgate
