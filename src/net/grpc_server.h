#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/grpc.h"
#include "net/tls.h"

namespace tollgate {

struct GrpcServerOptions {
  std::string address = "0.0.0.0:4317";  ///< host:port; port 0 picks a free one
  TlsServerOptions tls;
  std::size_t max_message_bytes = std::size_t{64} << 20;  ///< also of an inflated message
  /// All requests still arriving, together. Beyond it they are refused with RESOURCE_EXHAUSTED and
  /// a retry delay.
  std::size_t max_buffered_bytes = std::size_t{256} << 20;
  std::size_t max_header_bytes = 16 << 10;  ///< of one request, decoded
  std::uint32_t max_concurrent_streams = 1024;
  std::size_t max_connections = 10'000;
  /// What a connection may do besides calling: pings, settings, resets, empty frames. Each costs
  /// one, answered calls earn it back, and so do seconds (a 20th each). Spent: GOAWAY.
  int control_frame_budget = 1000;
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds idle_timeout{0};  ///< without a call; 0 = never
  std::chrono::milliseconds max_connection_age{0};  ///< 0 = no limit; then a graceful GOAWAY
  std::chrono::milliseconds keepalive_time{60'000};  ///< of silence before a ping; 0 = never
  std::chrono::milliseconds keepalive_timeout{20'000};
  /// For a request to arrive in full, plus one second for every 64 KiB of it that came.
  std::chrono::milliseconds slow_sender_timeout{30'000};
  std::chrono::milliseconds overload_retry_delay{1'000};
  int io_threads = 1;
  std::string address_field = "address";  ///< the setting to point at when the address is taken
  /// Told, at most once a second, what a peer that does not speak gRPC probably wanted.
  std::function<void(std::string explanation)> on_misuse;
  /// Told that changed certificate files are in use; on_misuse is told when they cannot be.
  std::function<void(std::string notice)> on_reload;
};

/// Request headers that have a meaning to handlers; gRPC's own are left out.
class GrpcMetadata {
 public:
  /// The first value of the lower-case `name`; nullopt when absent.
  std::optional<std::string_view> find(std::string_view name) const;
  void add(std::string_view name, std::string_view value);
  std::size_t size() const { return entries_.size(); }
  std::pair<std::string_view, std::string_view> at(std::size_t index) const;

 private:
  struct Entry {
    std::uint32_t name;   ///< offset in text_
    std::uint32_t value;  ///< offset in text_
    std::uint32_t end;
  };
  std::string text_;
  std::vector<Entry> entries_;
};

namespace grpc_server_detail {
struct CallState;
}

/// The obligation to answer one call, once, from any thread. Destroyed unanswered it fails the call
/// with UNAVAILABLE. Answering a cancelled call does nothing.
class GrpcReply {
 public:
  explicit GrpcReply(std::shared_ptr<grpc_server_detail::CallState> state);
  GrpcReply(GrpcReply&&) = default;
  GrpcReply& operator=(GrpcReply&& other);
  ~GrpcReply();

  /// `response` is the encoded message, not compressed.
  void ok(std::string response);
  void fail(GrpcFailure failure);
  void fail(GrpcStatus status, std::string message,
            std::optional<std::chrono::milliseconds> retry_delay = std::nullopt);

  /// True once the client has reset the call or gone, or its deadline has passed.
  bool cancelled() const;
  /// `callback` runs once, on the io thread, if the call is cancelled before it is answered; at
  /// once if it already is. It must not block.
  void on_cancel(std::move_only_function<void()> callback);

 private:
  std::shared_ptr<grpc_server_detail::CallState> state_;
};

struct GrpcCall {
  std::string_view method;  ///< "/package.Service/Method"; lives as long as the server
  std::string request;      ///< the message as sent, compressed or not
  GrpcEncoding encoding = GrpcEncoding::identity;  ///< identity when it came uncompressed
  std::size_t max_message_bytes = 0;               ///< the server's limit, for inflate_message()
  GrpcMetadata metadata;
  std::string peer;  ///< "10.0.0.1:5555"
  std::string tls_subject;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  GrpcReply reply;
};

/// A server for unary gRPC calls: HTTP/2 by nghttp2 over epoll, no generated code.
///
/// Handlers run on an io thread once a request has arrived in full; they hand it on and return.
/// Compressed requests are handed over compressed, so that a worker and not the io thread inflates
/// them.
///
/// Memory is bounded whatever clients send: requests by max_message_bytes each and
/// max_buffered_bytes together, answers by not reading from a client that does not read them.
class GrpcServer {
 public:
  using Handler = std::function<void(GrpcCall)>;

  explicit GrpcServer(GrpcServerOptions options);
  /// shutdown() without waiting
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  /// Before start(). `path` is "/package.Service/Method".
  void add_method(std::string path, Handler handler);

  Result<> start();
  /// The port bound; 0 before start().
  int port() const;

  /// Tells clients to go elsewhere and closes the listener. Calls under way are still answered.
  void stop_accepting();
  /// stop_accepting(), waits for calls under way until `deadline`, then disconnects everyone and
  /// joins the threads. Calls unanswered by then are cancelled.
  void shutdown(std::chrono::steady_clock::time_point deadline);

  struct Stats {
    std::size_t connections = 0;
    std::size_t calls_under_way = 0;  ///< dispatched and unanswered
    std::size_t buffered_bytes = 0;   ///< of requests still arriving
    std::uint64_t calls = 0;          ///< dispatched since the start
    std::uint64_t refused = 0;        ///< answered without a handler
  };
  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tollgate
