#include "net/grpc_client.h"

#include <dlfcn.h>
#include <netdb.h>

#include <future>

#include "net/grpc_server.h"
#include "net/test_support.h"

namespace {
/// While set, this machine's resolver knows no names, as one without a file of hosts.
std::atomic<bool> no_names{false};
}  // namespace

// In place of the C library's.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  static auto* const original =
      reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  in6_addr address{};
  const bool is_name = name != nullptr && ::inet_pton(AF_INET, name, &address) != 1 &&
                       ::inet_pton(AF_INET6, name, &address) != 1;
  return no_names && is_name ? EAI_NONAME : original(name, service, hints, found);
}

namespace tollgate {
namespace {

using namespace std::chrono_literals;
using net_test::eventually;
using net_test::frame;
using net_test::literals;

std::chrono::steady_clock::time_point in(std::chrono::milliseconds delay) {
  return std::chrono::steady_clock::now() + delay;
}

class GrpcClientTest : public ::testing::Test {
 protected:
  void start(GrpcServerOptions options = {}) {
    if (options.address == GrpcServerOptions().address) options.address = "127.0.0.1:0";
    server_ = std::make_unique<GrpcServer>(std::move(options));
    server_->add_method("/t.T/Echo", [](GrpcCall call) {
      auto bytes = inflate_message(call.request, call.encoding, call.max_message_bytes);
      if (!bytes) return call.reply.fail(std::move(bytes).error());
      call.reply.ok(std::move(*bytes));
    });
    server_->add_method("/t.T/Hold", [this](GrpcCall call) {
      std::lock_guard lock(mutex_);
      held_.push_back(std::move(call));
    });
    auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message();
    port_ = server_->port();
  }
  void TearDown() override {
    server_.reset();
    held_.clear();
  }

  GrpcRequest request(const std::string& method, std::string message = "x") const {
    GrpcRequest made;
    made.target = "127.0.0.1:" + std::to_string(port_);
    made.method = method;
    made.message = std::move(message);
    made.timeout = 20s;
    return made;
  }
  /// The message of an echo, or why it failed.
  std::string echo(const std::string& text) {
    return text_of(client_.invoke(request("/t.T/Echo", text)));
  }
  static std::string text_of(const std::expected<GrpcResponse, GrpcCallError>& response) {
    return response ? response->message : std::string(response.error().error.message());
  }
  bool holds(std::size_t count) {
    return eventually([&] {
      std::lock_guard lock(mutex_);
      return held_.size() == count;
    });
  }

  std::mutex mutex_;
  std::vector<GrpcCall> held_;
  std::unique_ptr<GrpcServer> server_;
  int port_ = 0;
  GrpcClient client_;
};

TEST_F(GrpcClientTest, SharesOneConnection) {
  start({.max_concurrent_streams = 50});
  EXPECT_EQ(echo("first"), "first");
  std::atomic<int> good{0}, done{0};
  for (int i = 0; i < 1000; ++i) {
    auto text = std::to_string(i);
    client_.call(request("/t.T/Echo", text), [&, text](auto response) {
      good += response && response->message == text;
      ++done;
    });
  }
  EXPECT_TRUE(eventually([&] { return done == 1000; }));
  EXPECT_EQ(good, 1000);
  EXPECT_EQ(client_.stats().connections, 1u);
  EXPECT_TRUE(eventually([&] { return client_.stats().calls_under_way == 0; }));
}

TEST_F(GrpcClientTest, AnEarlyRefusalIsAnAnswer) {
  start({.max_message_bytes = 20'000});
  for (int i = 0; i < 20; ++i) {
    auto refused = client_.invoke(request("/t.T/Echo", std::string(8 << 20, 'x')));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().failure.status, GrpcStatus::resource_exhausted) << text_of(refused);
    EXPECT_EQ(refused.error().error.fault(), Fault::invalid);
  }
  EXPECT_EQ(echo("small"), "small");
  EXPECT_EQ(client_.stats().connections, 1u);
}

TEST_F(GrpcClientTest, LimitsResponses) {
  start();
  auto large = request("/t.T/Echo", std::string(3 << 20, 'x'));
  large.max_response_bytes = 1000;
  auto refused = client_.invoke(std::move(large));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure.status, GrpcStatus::resource_exhausted);
  EXPECT_EQ(echo("small"), "small");
  EXPECT_EQ(client_.stats().connections, 1u);
}

TEST_F(GrpcClientTest, FollowsAServerThatSendsItAway) {
  start({.max_connection_age = 100ms});
  auto end = in(10s);
  while (client_.stats().connections < 4 && std::chrono::steady_clock::now() < end) {
    ASSERT_EQ(echo("on"), "on");
  }
  EXPECT_GE(client_.stats().connections, 4u);
}

TEST_F(GrpcClientTest, ComesBackAfterARestart) {
  start();
  EXPECT_EQ(echo("a"), "a");
  server_.reset();
  auto refused = client_.invoke(request("/t.T/Echo"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure.status, GrpcStatus::unavailable);
  EXPECT_EQ(refused.error().error.fault(), Fault::transient);
  start({.address = "127.0.0.1:" + std::to_string(port_)});
  EXPECT_TRUE(eventually([&] { return echo("b") == "b"; }));
}

/// Servers played by hand, to say what ours does not.
class GrpcClientByHandTest : public GrpcClientTest {
 protected:
  void SetUp() override { port_ = listener_.port(); }

  /// Accepts a connection, sends settings and waits for the request `message`.
  net_test::RawSocket accept_request(const std::string& message) {
    auto socket = listener_.accept();
    socket.send(frame(4, 0, 0, "") + frame(4, 1, 0, ""));
    EXPECT_NE(socket.read_until(message).find(message), std::string::npos);
    return socket;
  }
  static std::string answer(std::uint32_t stream, const std::string& message) {
    std::string prefixed = {0, 0, 0, 0, static_cast<char>(message.size())};
    auto head = literals({{":status", "200"}, {"content-type", "application/grpc"}});
    return frame(1, 4, stream, head) + frame(0, 0, stream, prefixed + message) +
           frame(1, 5, stream, literals({{"grpc-status", "0"}}));
  }
  std::future<std::string> echo_later(const std::string& text) {
    return std::async(std::launch::async, [this, text] { return echo(text); });
  }

  net_test::RawListener listener_;
};

TEST_F(GrpcClientByHandTest, SendsAgainWhatAGoawayLeftOut) {
  auto result = echo_later("payload");
  auto first = accept_request("payload");
  // The last stream looked at was 0.
  first.send(frame(7, 0, 0, std::string(8, '\0')));
  auto second = accept_request("payload");
  second.send(answer(1, "served"));
  EXPECT_EQ(result.get(), "served");
}

TEST_F(GrpcClientByHandTest, SendsRefusedStreamsAgainButNotForEver) {
  auto result = echo_later("payload");
  auto socket = accept_request("payload");
  socket.send(frame(3, 0, 1, std::string("\0\0\0\7", 4)));
  EXPECT_NE(socket.read_until("payload").find("payload"), std::string::npos);
  socket.send(answer(3, "served"));
  EXPECT_EQ(result.get(), "served");
  result = echo_later("stubborn");
  for (char stream : {5, 7, 9, 11}) {
    EXPECT_NE(socket.read_until("stubborn").find("stubborn"), std::string::npos);
    socket.send(frame(3, 0, static_cast<std::uint32_t>(stream), std::string("\0\0\0\7", 4)));
  }
  EXPECT_NE(result.get().find("UNAVAILABLE"), std::string::npos);
}

TEST_F(GrpcClientByHandTest, ReportsBrokenConnectionsAndStrangers) {
  struct Row {
    std::string sent;
    const char* expected;
  };
  const auto html = frame(1, 4, 1, literals({{":status", "503"}})) + frame(0, 1, 1, "<html>");
  for (const Row& row :
       {Row{"", "closed by the server"},
        Row{frame(3, 0, 1, std::string("\0\0\0\2", 4)), "the server reset the call: INTERNAL_ERROR"},
        Row{html, "HTTP 503 and no gRPC status"},
        Row{frame(1, 5, 1, literals({{":status", "200"}})), "no grpc-status"},
        Row{frame(0, 0, 0, "junk"), "UNAVAILABLE"}}) {
    GrpcClient client;  // with a connection of its own
    auto result = std::async(std::launch::async, [&] {
      return text_of(client.invoke(request("/t.T/Echo", "payload")));
    });
    auto socket = accept_request("payload");
    socket.send(row.sent);
    if (row.sent.empty()) socket.close();
    auto text = result.get();
    EXPECT_NE(text.find(row.expected), std::string::npos) << text;
  }
}

TEST_F(GrpcClientByHandTest, DeadlinesPassWhileConnecting) {
  auto sent = request("/t.T/Echo");
  sent.timeout = 50ms;
  auto late = client_.invoke(std::move(sent));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().failure.status, GrpcStatus::deadline_exceeded);
  EXPECT_EQ(late.error().error.fault(), Fault::transient);
}

TEST_F(GrpcClientByHandTest, ServersThatAreNotGrpcAreNamed) {
  auto result = echo_later("payload");
  auto socket = listener_.accept();
  socket.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  auto text = result.get();
  EXPECT_NE(text.find("does not speak HTTP/2 here"), std::string::npos) << text;
  // The next attempt is not due yet: no connection is made, the reason is the same.
  EXPECT_EQ(echo("again"), text);
}

TEST_F(GrpcClientTest, CloseLetsCallsEndAndThenCancels) {
  start();
  std::promise<std::string> first, second;
  client_.call(request("/t.T/Hold"), [&](auto response) { first.set_value(text_of(response)); });
  ASSERT_TRUE(holds(1));
  auto closing = std::async(std::launch::async, [&] { client_.close(in(10s)); });
  held_[0].reply.ok("in time");
  EXPECT_EQ(first.get_future().get(), "in time");
  closing.get();
  auto late = client_.invoke(request("/t.T/Echo"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().error.fault(), Fault::cancelled);

  GrpcClient other;
  other.call(request("/t.T/Hold"), [&](auto response) {
    EXPECT_EQ(response.error().error.fault(), Fault::cancelled);
    second.set_value(text_of(response));
  });
  ASSERT_TRUE(holds(2));
  other.close(in(10ms));
  EXPECT_NE(second.get_future().get().find("CANCELLED"), std::string::npos);
}

TEST_F(GrpcClientTest, UnknownHostsAreUnavailable) {
  auto sent = request("/t.T/Echo");
  for (const char* target : {"no-such-host.invalid:1", "nonsense", "127.0.0.1:1"}) {
    sent.target = target;
    auto failed = client_.invoke(sent);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().failure.status, GrpcStatus::unavailable);
    auto text = text_of(failed);
    EXPECT_NE(text.find("cannot connect to " + sent.target), std::string::npos) << text;
  }
}

TEST_F(GrpcClientTest, KnowsLocalhostWhereNoFileSaysSo) {
  start();
  no_names = true;
  auto local = request("/t.T/Echo"), other = request("/t.T/Echo");
  local.target = "localhost:" + std::to_string(port_);
  other.target = "ip6-localhost:" + std::to_string(port_);
  EXPECT_EQ(text_of(client_.invoke(local)), "x");
  const auto failed = client_.invoke(other);
  no_names = false;
  ASSERT_FALSE(failed) << "the resolver knows names after all";
  EXPECT_EQ(failed.error().failure.status, GrpcStatus::unavailable);
}

TEST_F(GrpcClientTest, ChecksTheServersCertificate) {
  net_test::Certificates ours, others;
  ASSERT_TRUE(ours.usable() && others.usable());
  start({.tls = {.cert_file = ours.file("server.pem"), .key_file = ours.file("server.key")}});
  struct Row {
    std::string host;
    const net_test::Certificates* authority;  ///< null: plain text
    const char* expected;
  };
  for (const Row& row : {Row{"127.0.0.1", &ours, "x"}, Row{"localhost", &ours, "x"},
                         Row{"127.0.0.1", &others, "certificate verify failed"},
                         Row{"127.1", &ours, "mismatch"},
                         Row{"127.0.0.1", nullptr, "cannot connect"}}) {
    auto sent = request("/t.T/Echo");
    sent.target = row.host + ":" + std::to_string(port_);
    sent.secure = row.authority != nullptr;
    if (sent.secure) {
      auto file = row.authority->file("ca.pem");
      sent.tls = *load_tls_client({.enabled = true, .root_cas_file = file});
    }
    auto text = text_of(client_.invoke(sent));
    EXPECT_NE(text.find(row.expected), std::string::npos) << row.host << ": " << text;
  }
}

}  // namespace
}  // namespace tollgate
