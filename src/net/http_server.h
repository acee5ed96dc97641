#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/http.h"
#include "net/tls.h"

namespace tollgate {

/// A request as the server received it, complete with its body.
struct ServerRequest {
  std::string method;
  std::string target;  ///< path and query as sent
  std::string path;    ///< decoded
  std::vector<std::pair<std::string, std::string>> query;        ///< decoded, in order
  std::vector<std::pair<std::string, std::string>> path_params;  ///< {name} captures, decoded
  HttpHeaders headers;
  std::string body;
  std::string remote_ip;
  std::string tls_version;  ///< "TLS 1.3"; the three are "" without TLS
  std::string tls_cipher_suite;
  std::string tls_subject;  ///< of the client's certificate, "" when it sent none

  const std::string* header(std::string_view name) const { return find_header(headers, name); }
  /// The first value, or null.
  const std::string* query_value(std::string_view name) const;
};

struct ServerResponse {
  int status = 200;
  HttpHeaders headers;  ///< Content-Length and Date are added
  std::string body;
  bool gzip = false;  ///< compress when the client accepts it and it pays

  static ServerResponse text(int status, std::string body);
  static ServerResponse json(int status, std::string body);
};

namespace http_server_detail {
class Exchange;
class Socket;
}  // namespace http_server_detail

/// The rest of a streamed response. Movable; destroying it ends the response.
class ResponseStream {
 public:
  ResponseStream() = default;
  explicit ResponseStream(std::shared_ptr<http_server_detail::Exchange> exchange);
  ResponseStream(ResponseStream&&) = default;
  ResponseStream& operator=(ResponseStream&& other);
  ~ResponseStream();

  /// Queues a piece. False when the client has gone or reads so slowly that more than 4 MiB wait.
  bool write(std::string chunk);
  /// Bytes queued and not yet taken by the system; 0 when the client has gone.
  std::size_t pending() const;
  bool open() const;
  void close();

 private:
  std::shared_ptr<http_server_detail::Exchange> exchange_;
};

/// The obligation to answer one request, once, from any thread. Destroyed unanswered it answers
/// 500.
class Responder {
 public:
  explicit Responder(std::shared_ptr<http_server_detail::Exchange> exchange);
  Responder(Responder&&) = default;
  Responder& operator=(Responder&& other);
  ~Responder();

  void respond(ServerResponse response);
  /// Answers with a body of unknown length, sent as it is written (server-sent events).
  ResponseStream stream(int status, HttpHeaders headers);
  /// True once the client has closed the connection; an answer would go nowhere.
  bool cancelled() const;
  /// `callback` runs once on an io thread if the client goes before the answer.
  void on_cancel(std::move_only_function<void()> callback);

 private:
  std::shared_ptr<http_server_detail::Exchange> exchange_;
};

struct WebSocketMessage {
  std::string data;
  bool text = true;  ///< else binary
};

/// An accepted WebSocket. Any thread may call any member; dropping the last reference closes it.
class WebSocket {
 public:
  explicit WebSocket(std::shared_ptr<http_server_detail::Socket> socket);
  ~WebSocket();

  /// Delivers the next message, or an error once the socket is closed. One receive() at a time:
  /// the client is not read from between two, which is the backpressure.
  void receive(std::move_only_function<void(Result<WebSocketMessage>)> done);
  /// Queues a message; false when closed or when more than 4 MiB wait.
  bool send(WebSocketMessage message);
  /// Queues a message and reports when the system has taken it.
  void send(WebSocketMessage message, std::move_only_function<void(Result<>)> done);
  void close(std::string_view reason = {});

 private:
  std::shared_ptr<http_server_detail::Socket> socket_;
};

/// An embedded HTTP/1.1 server, with TLS when configured.
///
/// Handlers run on an io thread as soon as the request's body is complete, must not block, and
/// answer through the Responder, then or later. Routes may change at any time.
class HttpServer {
 public:
  using Handler = std::function<void(ServerRequest, Responder)>;
  using WebSocketHandler = std::function<void(ServerRequest, std::shared_ptr<WebSocket>)>;

  struct Options {
    std::string address = "0.0.0.0:4195";  ///< host:port; port 0 picks a free one
    TlsServerOptions tls;
    std::size_t max_header_bytes = 64 << 10;
    std::size_t max_body_bytes = std::size_t{64} << 20;  ///< more is answered with 413
    /// The bodies of all requests that are not answered yet. What goes beyond is answered with 503.
    std::size_t max_buffered_bytes = std::size_t{256} << 20;
    std::size_t max_connections = 10'000;
    std::chrono::milliseconds idle_timeout{120'000};  ///< between two requests
    /// For a whole header, and for every 64 KiB of a body: slower senders are disconnected.
    std::chrono::milliseconds read_timeout{30'000};
    std::chrono::milliseconds write_timeout{60'000};  ///< without the client taking a byte
    int io_threads = 1;
    bool reuse_port = false;
    /// The name of the setting to point at when the address is taken.
    std::string address_field = "http.address";
    /// Called with the head of each request, before its body is read: a response refuses it.
    std::function<std::optional<ServerResponse>(const ServerRequest&)> authorize;
    /// Non-empty turns CORS on; "*" allows every origin.
    std::vector<std::string> cors_origins;
    /// Told, at most once a second, what a peer that does not speak HTTP probably wanted.
    std::function<void(std::string explanation)> on_misuse;
    /// Told that changed certificate files are in use; on_misuse is told when they cannot be.
    std::function<void(std::string notice)> on_reload;
  };

  explicit HttpServer(Options options);
  /// stop() without waiting
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  Result<> start();
  /// The port bound; 0 before start().
  int port() const;

  /// `{name}` and `{name:regexp}` capture; a path ending in '/' also matches everything below.
  /// A literal path wins over patterns, then the earlier registration. Registering a path again
  /// replaces its handler. Errors: a pattern that cannot be compiled.
  Result<> handle(std::string_view path, Handler handler);
  Result<> handle_websocket(std::string_view path, WebSocketHandler handler,
                            std::size_t max_message_bytes = std::size_t{16} << 20);
  void remove(std::string_view path);
  /// The registered paths, in order of registration.
  std::vector<std::string> paths() const;

  /// Stops accepting, waits up to `grace` for answers under way, then disconnects everyone.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(0));

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

/// User and password of an "Authorization: Basic" header.
std::optional<std::pair<std::string, std::string>> basic_credentials(const ServerRequest& request);

}  // namespace tollgate
