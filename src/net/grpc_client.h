#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/grpc.h"
#include "net/http.h"
#include "net/tls.h"

namespace tollgate {

/// One unary call.
struct GrpcRequest {
  std::string target;  ///< "host:port"
  std::string method;  ///< "/package.Service/Method"
  std::string message;
  HttpHeaders metadata;                  ///< lower-case names
  std::chrono::milliseconds timeout{0};  ///< also sent as the deadline; 0 = none
  GrpcEncoding encoding = GrpcEncoding::identity;
  bool secure = false;                   ///< TLS
  std::shared_ptr<const TlsClient> tls;  ///< null: the defaults
  std::size_t max_response_bytes = std::size_t{4} << 20;
};

struct GrpcResponse {
  std::string message;
};

/// Why a call failed. `error` has the fault class and a sentence with the status name; `failure`
/// the status, the server's own message and the wait it asked for.
struct GrpcCallError {
  Error error;
  GrpcFailure failure;
};

/// Unary gRPC calls: HTTP/2 by nghttp2 over epoll, with prior knowledge in plain text and by ALPN
/// with TLS.
///
/// All calls to one target share one connection. It is made when it is first needed; after a failed
/// attempt calls fail at once until the next one is due (100 ms at first, 5 s at most). Calls that
/// the server says it did not look at (GOAWAY, REFUSED_STREAM) are sent again without the caller
/// noticing; a call that was under way when its connection broke is UNAVAILABLE, as nobody knows
/// what became of it.
///
/// Threads: any thread may call. Callbacks run on the client's own thread, or inside call() once
/// the client is closed; they must not block, nor close or destroy the client.
class GrpcClient {
 public:
  using Clock = std::chrono::steady_clock;
  using Done = std::move_only_function<void(std::expected<GrpcResponse, GrpcCallError>)>;

  GrpcClient();
  ~GrpcClient();  ///< close() without waiting
  GrpcClient(const GrpcClient&) = delete;
  GrpcClient& operator=(const GrpcClient&) = delete;

  void call(GrpcRequest request, Done done);
  /// call() and wait. Not from a callback.
  std::expected<GrpcResponse, GrpcCallError> invoke(GrpcRequest request);

  /// Lets calls under way end until `deadline`, then answers the rest, and all later calls, as
  /// cancelled. A name look-up that hangs is waited for.
  void close(Clock::time_point deadline);

  struct Stats {
    std::size_t calls_under_way = 0;
    std::uint64_t connections = 0;  ///< opened since the start
  };
  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a client may send the same call again: the codes OTLP lists as retryable.
/// RESOURCE_EXHAUSTED only with a retry delay.
bool grpc_retryable(const GrpcFailure& failure);

}  // namespace tollgate
