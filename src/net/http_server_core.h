#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/http_routes.h"
#include "net/http_server.h"
#include "net/misuse.h"

namespace tollgate::http_server_detail {

using Clock = std::chrono::steady_clock;

/// One request and its answer, as Responder and ResponseStream see them. Any thread; the
/// implementation passes everything on to the connection's io thread.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// True for the first caller only.
  bool claim() { return !claimed_.exchange(true); }
  virtual void respond(ServerResponse response) = 0;
  virtual void begin_stream(int status, HttpHeaders headers) = 0;
  virtual bool write(std::string chunk) = 0;
  virtual void end_stream() = 0;

  std::size_t pending() const { return gone_.load() ? 0 : pending_.load(); }
  bool gone() const { return gone_.load(std::memory_order_relaxed); }
  void on_gone(std::move_only_function<void()> wanted);
  /// By the io thread: the client has closed the connection.
  void set_gone();
  /// By the io thread: the answer is complete.
  void finish();

 protected:
  std::atomic<std::size_t> pending_{0};  ///< streamed bytes not yet written

 private:
  std::atomic<bool> claimed_{false};
  std::atomic<bool> gone_{false};
  std::mutex mutex_;
  bool finished_ = false;                  // guarded by mutex_
  std::move_only_function<void()> wanted_;  // guarded by mutex_
};

/// An accepted WebSocket, as WebSocket sees it. Any thread.
class Socket {
 public:
  virtual ~Socket() = default;
  virtual void receive(std::move_only_function<void(Result<WebSocketMessage>)> done) = 0;
  virtual bool send(WebSocketMessage message, std::move_only_function<void(Result<>)> done) = 0;
  virtual void close(std::string reason) = 0;
};

/// What the connections of a server share.
struct Core {
  explicit Core(HttpServer::Options wanted)
      : options(std::move(wanted)), misuse(options.on_misuse) {}

  const HttpServer::Options options;
  MisuseReporter misuse;
  HttpRoutes routes;
  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> exchanges{0};  ///< requests whose answer is not complete
  std::atomic<std::size_t> buffered{0};   ///< bytes of bodies of requests not answered yet

  /// The Access-Control-Allow-Origin for a request, "" when it gets none.
  std::string allowed_origin(const ServerRequest& request) const;
  /// The answer to a CORS preflight; nullopt for any other request.
  std::optional<ServerResponse> preflight(const ServerRequest& request) const;
};

/// "Sun, 06 Nov 1994 08:49:37 GMT", as the Date header wants it.
std::string http_date(std::time_t when);

/// Fills in path, query and what else follows from the target. False when it is malformed.
bool read_target(ServerRequest& request);

/// Compresses the body if the response wants it, the client accepts it and it pays.
void compress(ServerResponse& response, bool client_accepts);

/// Whether an Accept-Encoding header admits gzip.
bool accepts_gzip(const ServerRequest& request);

}  // namespace tollgate::http_server_detail
