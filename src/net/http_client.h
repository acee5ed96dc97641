#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "net/tls.h"

namespace tollgate {

enum class HttpVersion : unsigned char {
  automatic,        ///< HTTP/2 when TLS negotiates it, else HTTP/1.1
  http1,            ///< never HTTP/2
  prior_knowledge,  ///< HTTP/2 from the first byte, also without TLS
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< http or https
  /// Sent in this order. "Host" replaces the host named in the request; an "Accept-Encoding" given
  /// here turns automatic decompression off.
  HttpHeaders headers;
  HttpBody body;
  /// Whole exchange with redirects and body; 0 = none.
  std::chrono::milliseconds timeout{0};
  std::chrono::milliseconds connect_timeout{30'000};
  bool follow_redirects = true;          ///< at most 10
  std::optional<std::string> proxy_url;  ///< unset: the environment's; "": none
  std::shared_ptr<const TlsClient> tls;  ///< null: the defaults
  HttpVersion version = HttpVersion::automatic;
  std::size_t max_response_bytes = std::size_t{64} << 20;  ///< after decompression
  /// When set, the body of a 2xx response goes here in pieces instead of into HttpResponse::body
  /// and has no size limit. Runs on the network thread; false abandons the exchange.
  std::move_only_function<bool(std::string_view)> on_body;
};

struct HttpResponse {
  int status = 0;
  std::string reason;  ///< the standard phrase where the server sent none
  HttpHeaders headers;
  HttpHeaders trailers;
  std::string body;

  /// "400 Bad Request"
  std::string status_line() const;
  const std::string* header(std::string_view name) const { return find_header(headers, name); }
};

/// Runs HTTP exchanges, thousands at once, on one network thread of its own.
///
/// Connections are kept and reused per host; a request that meets a connection which the server
/// closed while idle is resent on a new one. There are no other retries: a status of any kind is a
/// response, an Error means that no complete response arrived. Faults: `invalid` for a request
/// that can never be sent (URL, header), `cancelled` after close(), else `transient`.
///
/// Any thread may call any member; the last owner destroys it from another thread than the network
/// thread. Callbacks run on the network thread and must not block it.
class HttpClient {
 public:
  using Done = std::move_only_function<void(Result<HttpResponse>)>;

  struct Options {
    std::string user_agent = "tollgate";  ///< where a request names none
    std::size_t max_idle_connections = 512;
    std::chrono::seconds idle_timeout{90};  ///< an older idle connection is not reused
  };

  struct Stats {
    std::size_t in_flight = 0;
    std::size_t finished = 0;
    std::size_t connections_opened = 0;
  };

  HttpClient() : HttpClient(Options()) {}
  explicit HttpClient(Options options);
  /// close()
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// `done` is called exactly once, never before send() returns unless the network thread is faster.
  void send(HttpRequest request, Done done);

  /// send() and wait. Not from the network thread.
  Result<HttpResponse> fetch(HttpRequest request);

  /// Cancels everything in flight and whatever is sent later. Returns after the last callback.
  void close();

  Stats stats() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace tollgate
