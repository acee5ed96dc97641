#include "net/grpc_server.h"

#include <nghttp2/nghttp2.h>

#include <future>

#include "net/grpc_client.h"
#include "net/test_support.h"

namespace tollgate {
namespace {

using namespace std::chrono_literals;
using net_test::eventually;
using net_test::frame;
using net_test::headers;
using net_test::RawSocket;

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const std::string settings = frame(4, 0, 0, "");
const std::string settings_ack = frame(4, 1, 0, "");

class GrpcServerTest : public ::testing::Test {
 protected:
  void start(GrpcServerOptions options = {}) {
    options.address = "127.0.0.1:0";
    options.on_misuse = [this](std::string text) {
      std::lock_guard lock(mutex_);
      misuse_ += text + "\n";
    };
    server_ = std::make_unique<GrpcServer>(std::move(options));
    server_->add_method("/t.T/Echo", [](GrpcCall call) {
      auto bytes = inflate_message(call.request, call.encoding, call.max_message_bytes);
      if (!bytes) return call.reply.fail(std::move(bytes).error());
      call.reply.ok(std::move(*bytes));
    });
    server_->add_method("/t.T/Busy", [](GrpcCall call) {
      call.reply.fail(GrpcStatus::resource_exhausted, "full: 100% büsy", 1500ms);
    });
    server_->add_method("/t.T/Token", [](GrpcCall call) {
      call.reply.ok(std::string(call.metadata.find("authorization").value_or("none")));
    });
    server_->add_method("/t.T/Hold", [this](GrpcCall call) {
      call.reply.on_cancel([this] { ++cancelled_; });
      std::lock_guard lock(mutex_);
      held_.push_back(std::move(call));
    });
    auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message();
  }
  void TearDown() override {
    server_.reset();
    held_.clear();
  }

  GrpcRequest request(const std::string& method, std::string message = {}) {
    GrpcRequest made;
    made.target = "127.0.0.1:" + std::to_string(server_->port());
    made.method = method;
    made.message = std::move(message);
    made.timeout = 20s;
    made.max_response_bytes = 64 << 20;
    return made;
  }
  std::size_t held() {
    std::lock_guard lock(mutex_);
    return held_.size();
  }
  std::string misuse() {
    std::lock_guard lock(mutex_);
    return misuse_;
  }
  /// A connection that has exchanged settings.
  RawSocket connect() {
    RawSocket socket(server_->port());
    socket.send(std::string(preface) + settings);
    return socket;
  }
  bool usable() { return client_.invoke(request("/t.T/Echo", "x")).has_value(); }

  std::mutex mutex_;
  std::string misuse_;
  std::vector<GrpcCall> held_;
  std::atomic<int> cancelled_{0};
  std::unique_ptr<GrpcServer> server_;
  GrpcClient client_;
};

TEST_F(GrpcServerTest, Echoes) {
  start();
  for (std::size_t size : {std::size_t{0}, std::size_t{5}, std::size_t{100'000}, std::size_t{8} << 20}) {
    std::string text(size, 'a');
    for (std::size_t i = 0; i < size; i += 7) text[i] = static_cast<char>(i);
    for (auto encoding : {GrpcEncoding::identity, GrpcEncoding::gzip, GrpcEncoding::deflate}) {
      auto sent = request("/t.T/Echo", text);
      sent.encoding = encoding;
      auto response = client_.invoke(std::move(sent));
      ASSERT_TRUE(response) << response.error().error.message();
      EXPECT_TRUE(response->message == text) << size;
    }
  }
  EXPECT_EQ(server_->stats().buffered_bytes, 0u);
  EXPECT_EQ(server_->stats().calls, 12u);
}

TEST_F(GrpcServerTest, AnswersManyFromOtherThreads) {
  start({.io_threads = 2});
  std::atomic<int> good{0}, done{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&] {
      while (!stop) {
        std::vector<GrpcCall> mine;
        {
          std::lock_guard lock(mutex_);
          mine.swap(held_);
        }
        for (auto& call : mine) call.reply.ok(std::move(call.request));
        std::this_thread::yield();
      }
    });
  }
  for (int i = 0; i < 2000; ++i) {
    client_.call(request("/t.T/Hold", std::to_string(i)), [&, i](auto response) {
      good += response && response->message == std::to_string(i);
      ++done;
    });
  }
  EXPECT_TRUE(eventually([&] { return done == 2000; }));
  stop = true;
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(good, 2000);
  EXPECT_EQ(server_->stats().calls_under_way, 0u);
}

TEST_F(GrpcServerTest, FailuresCarryTheirDetails) {
  start();
  auto busy = client_.invoke(request("/t.T/Busy"));
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().failure.status, GrpcStatus::resource_exhausted);
  EXPECT_EQ(busy.error().failure.message, "full: 100% büsy");
  EXPECT_EQ(busy.error().failure.retry_delay, 1500ms);
  EXPECT_EQ(busy.error().error.fault(), Fault::transient);
  auto unknown = client_.invoke(request("/t.T/Nope"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().failure.status, GrpcStatus::unimplemented);
  EXPECT_NE(unknown.error().failure.message.find("/t.T/Echo"), std::string::npos);
  EXPECT_EQ(unknown.error().error.fault(), Fault::invalid);
  auto with_token = request("/t.T/Token");
  with_token.metadata = {{"authorization", "Bearer x"}};
  EXPECT_EQ(client_.invoke(std::move(with_token))->message, "Bearer x");
}

TEST_F(GrpcServerTest, RefusesLargeMessagesAndStaysUsable) {
  start({.max_message_bytes = 20'000});
  auto large = client_.invoke(request("/t.T/Echo", std::string(3'000'000, 'x')));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().failure.status, GrpcStatus::resource_exhausted);
  EXPECT_EQ(large.error().failure.message, "grpc: received message larger than max (3000000 vs. 20000)");
  EXPECT_FALSE(large.error().failure.retry_delay);
  auto bomb = request("/t.T/Echo", std::string(10'000'000, 'x'));
  bomb.encoding = GrpcEncoding::gzip;
  auto refused = client_.invoke(std::move(bomb));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure.status, GrpcStatus::resource_exhausted);
  EXPECT_TRUE(usable());
}

TEST_F(GrpcServerTest, DeadlinesAndCancellation) {
  start();
  auto late = request("/t.T/Hold");
  late.timeout = 100ms;
  auto response = client_.invoke(std::move(late));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().failure.status, GrpcStatus::deadline_exceeded);
  EXPECT_TRUE(eventually([&] { return cancelled_ == 1; }));
  EXPECT_TRUE(held_[0].reply.cancelled());
  held_[0].reply.ok({});  // has no effect any more
  auto socket = connect();
  socket.send(headers(1, "/t.T/Hold") + frame(0, 1, 1, std::string(5, '\0')));
  ASSERT_TRUE(eventually([&] { return held() == 2; }));
  socket.send(frame(3, 0, 1, std::string("\0\0\0\x8", 4)));
  EXPECT_TRUE(eventually([&] { return cancelled_ == 2; }));
  EXPECT_EQ(server_->stats().calls_under_way, 0u);
}

TEST_F(GrpcServerTest, UnansweredIsUnavailable) {
  start();
  std::promise<GrpcStatus> status;
  client_.call(request("/t.T/Hold"), [&](auto response) { status.set_value(response.error().failure.status); });
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  held_.clear();
  EXPECT_EQ(status.get_future().get(), GrpcStatus::unavailable);
}

TEST_F(GrpcServerTest, ExplainsWrongProtocols) {
  struct Row {
    std::string sent;
    const char* answer;
    const char* explanation;
  };
  for (const Row& row :
       {Row{"POST /v1/logs HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request",
            "HTTP/1 request 'POST /v1/logs HTTP/1.1'"},
        Row{std::string("\x16\x03\x01\x02\x00\x01\x00", 7), "", "TLS handshake from 127.0.0.1"},
        Row{std::string("\0\1\2garbage", 10), "", "not HTTP/2"}}) {
    misuse_.clear();
    start();
    RawSocket socket(server_->port());
    socket.send(row.sent);
    auto answer = socket.read_all();
    EXPECT_TRUE(socket.closed());
    EXPECT_TRUE(row.answer[0] == '\0' ? answer.empty() : answer.starts_with(row.answer)) << answer;
    EXPECT_NE(misuse().find(row.explanation), std::string::npos) << misuse();
    EXPECT_TRUE(usable());
  }
}

TEST_F(GrpcServerTest, RefusesMalformedCalls) {
  start();
  struct Row {
    std::string frames;
    const char* expected;
  };
  const std::string end_of_message("\0\0\0\0\1x", 6);
  HttpHeaders text = {{"content-type", "text/plain"}};
  HttpHeaders snappy = {{"content-type", "application/grpc"}, {"grpc-encoding", "snappy"}};
  for (const Row& row :
       {Row{headers(1, "/t.T/Echo", true, text), "invalid gRPC request content-type"},
        Row{headers(1, "/t.T/Echo", false, snappy), "is not supported; use gzip"},
        Row{headers(1, "/t.T/Echo", true), "the call has no request message"},
        Row{headers(1, "/t.T/Echo") + frame(0, 1, 1, std::string("\0\0\0\0\5ab", 7)), "2 of 5 bytes"},
        Row{headers(1, "/t.T/Echo") + frame(0, 1, 1, std::string("\7\0\0\0\1x", 6)), "compression flag 7"},
        Row{headers(1, "/t.T/Echo") + frame(0, 1, 1, std::string("\1\0\0\0\1x", 6)), "without a grpc-encoding"},
        Row{headers(1, "/t.T/Echo") + frame(0, 1, 1, end_of_message + end_of_message), "more than one message"},
        Row{headers(1, "/t.T/Echo") + frame(0, 0, 1, std::string("\0\xff\xff\xff\xff", 5)), "larger than max"}}) {
    auto socket = connect();
    socket.send(row.frames);
    // The first trailer block is sent as literals that Huffman coding may hide, so the test asks the
    // library to decode it.
    nghttp2_hd_inflater* inflater = nullptr;
    nghttp2_hd_inflate_new(&inflater);
    std::string raw, shown;
    for (std::size_t at = 0; shown.empty();) {
      while (raw.size() < at + 9 && !socket.closed()) raw += socket.read_until(std::string_view("\0", 1));
      ASSERT_FALSE(socket.closed()) << row.expected;
      auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(raw[i])}; };
      auto size = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
      while (raw.size() < at + 9 + size && !socket.closed()) raw += socket.read_until(std::string_view("\0", 1));
      if (byte(at + 3) == 1) {
        const auto* in = reinterpret_cast<const std::uint8_t*>(raw.data()) + at + 9;
        for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
          nghttp2_nv nv;
          auto used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, in, size, 1);
          ASSERT_GE(used, 0);
          in += used;
          size -= static_cast<std::size_t>(used);
          if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            shown.append(reinterpret_cast<const char*>(nv.value), nv.valuelen).append("\n");
          }
        }
      } else {
        at += 9 + size;
      }
    }
    nghttp2_hd_inflate_del(inflater);
    EXPECT_NE(shown.find(row.expected), std::string::npos) << shown;
  }
  EXPECT_EQ(server_->stats().buffered_bytes, 0u);
  EXPECT_TRUE(usable());
}

TEST_F(GrpcServerTest, ALyingPrefixBuysLittleMemory) {
  start();
  auto socket = connect();
  socket.send(headers(1, "/t.T/Echo") + frame(0, 0, 1, std::string("\0\3\xff\xff\xff", 5) + "abc"));
  ASSERT_TRUE(eventually([&] { return server_->stats().buffered_bytes > 0; }));
  EXPECT_LE(server_->stats().buffered_bytes, 66u << 10);
  socket.close();
  EXPECT_TRUE(eventually([&] { return server_->stats().buffered_bytes == 0; }));
}

TEST_F(GrpcServerTest, BoundsWhatIsArriving) {
  start({.max_buffered_bytes = 200'000});
  // Every connection starts a message it does not finish; what does not fit is refused.
  std::vector<RawSocket> sockets;
  for (int i = 0; i < 20; ++i) {
    sockets.push_back(connect());
    std::string frames = headers(1, "/t.T/Echo") + frame(0, 0, 1, std::string("\0\0\3\xff\xff", 5));
    for (int k = 0; k < 3; ++k) frames += frame(0, 0, 1, std::string(15'000, 'x'));
    sockets.back().send(frames);
  }
  EXPECT_TRUE(eventually([&] { return server_->stats().refused >= 15; }));
  EXPECT_LE(server_->stats().buffered_bytes, 270'000u);
  sockets.clear();
  EXPECT_TRUE(eventually([&] { return server_->stats().buffered_bytes == 0; }));
  EXPECT_TRUE(usable());
}

TEST_F(GrpcServerTest, EndsSlowSendersAndSilentConnections) {
  start({.handshake_timeout = 100ms, .keepalive_time = 100ms, .keepalive_timeout = 100ms,
         .slow_sender_timeout = 100ms});
  RawSocket silent(server_->port());
  EXPECT_EQ(silent.read_all(), "");
  auto slow = connect();
  slow.send(headers(1, "/t.T/Echo") + frame(0, 0, 1, std::string("\0\0\0\0\5a", 6)));
  EXPECT_TRUE(eventually([&] { return server_->stats().buffered_bytes == 0; }));
  // It does not answer the ping either.
  slow.read_all();
  EXPECT_TRUE(slow.closed());
}

TEST_F(GrpcServerTest, DisconnectsFlooders) {
  start({.control_frame_budget = 100});
  std::string resets, pings;
  for (std::uint32_t i = 0; i < 400; ++i) {
    resets += headers(2 * i + 1, "/t.T/Hold") + frame(3, 0, 2 * i + 1, std::string("\0\0\0\x8", 4));
    pings += frame(6, 0, 0, "12345678");
  }
  for (const auto& flood : {resets, pings}) {
    auto socket = connect();
    socket.send(flood);
    socket.read_all();
    EXPECT_TRUE(socket.closed());
  }
  EXPECT_NE(misuse().find("floods"), std::string::npos);
  EXPECT_TRUE(usable());
}

TEST_F(GrpcServerTest, StopsGracefully) {
  start();
  auto socket = connect();
  socket.send(headers(1, "/t.T/Hold") + frame(0, 1, 1, std::string(5, '\0')));
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  int port = server_->port();
  server_->stop_accepting();
  EXPECT_TRUE(eventually([&] { return RawSocket(port).read_all().empty(); }));
  std::thread stopper([&] { server_->shutdown(std::chrono::steady_clock::now() + 10s); });
  std::string seen = socket.read_until(frame(6, 0, 0, std::string(8, '\0')));
  // Two notices: one that names no call, one that names the last.
  EXPECT_NE(seen.find(std::string("\7\0\0\0\0\0\x7f\xff\xff\xff", 10)), std::string::npos);
  socket.send(settings_ack + frame(6, 1, 0, std::string(8, '\0')));
  seen = socket.read_until(std::string("\7\0\0\0\0\0\0\0\0\1", 10));
  held_[0].reply.ok("done");
  seen += socket.read_all();
  EXPECT_NE(seen.find("done"), std::string::npos);
  EXPECT_TRUE(socket.closed());
  socket.close();
  stopper.join();
  EXPECT_EQ(server_->stats().connections, 0u);
}

TEST_F(GrpcServerTest, CancelsWhatIsLeftAtTheDeadline) {
  start();
  std::promise<bool> answered;
  client_.call(request("/t.T/Hold", "x"), [&](auto response) { answered.set_value(response.has_value()); });
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  server_->shutdown(std::chrono::steady_clock::now() + 20ms);
  EXPECT_EQ(cancelled_, 1);
  EXPECT_FALSE(answered.get_future().get());
  held_[0].reply.ok("too late");
}

TEST_F(GrpcServerTest, SpeaksTlsAndKnowsItsClients) {
  net_test::Certificates certificates;
  ASSERT_TRUE(certificates.usable());
  start({.tls = {.cert_file = certificates.file("server.pem"),
                 .key_file = certificates.file("server.key"),
                 .client_ca_file = certificates.file("ca.pem")}});
  auto secure = [&](bool with_cert) {
    TlsClientOptions options{.enabled = true, .root_cas_file = certificates.file("ca.pem")};
    if (with_cert) {
      options.client_certs = {{.cert_file = certificates.file("client.pem"), .key_file = certificates.file("client.key")}};
    }
    auto made = request("/t.T/Echo", std::string(1'000'000, 's'));
    made.secure = true;
    made.tls = *load_tls_client(options);
    return made;
  };
  auto known = client_.invoke(secure(true));
  ASSERT_TRUE(known) << known.error().error.message();
  EXPECT_EQ(known->message.size(), 1'000'000u);
  EXPECT_FALSE(client_.invoke(secure(false)));
  misuse_.clear();
  std::this_thread::sleep_for(1100ms);  // the reporter speaks once a second
  RawSocket plain(server_->port());
  plain.send(preface);
  plain.read_all();
  EXPECT_TRUE(plain.closed());
  EXPECT_NE(misuse().find("plain text"), std::string::npos) << misuse();
}

}  // namespace
}  // namespace tollgate
