#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <string>

#include "net/http_client.h"
#include "net/url.h"

namespace tollgate {

/// The proxies named by the environment, read once.
struct ProxyEnvironment {
  std::string http;
  std::string https;
  std::string exempt;  ///< NO_PROXY

  static ProxyEnvironment read();
};

/// One HttpRequest on its way, redirects included. Internal to HttpClient.
///
/// A hop that needs no more than HTTP/1.1 in the clear is written to a PlainConnection; libcurl then
/// only connects it. All others are libcurl's. It stays at one address while it is in flight: libcurl
/// holds pointers into it.
class HttpExchange {
 public:
  using Clock = std::chrono::steady_clock;

  HttpExchange(HttpRequest request, HttpClient::Done done);
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  /// Checks the request, once. An error here means that it must not be sent.
  Result<> check();

  /// Whether the next hop is for a PlainConnection.
  bool is_plain(const ProxyEnvironment& proxies) const;

  /// Sets `easy`, fresh or reset, up for the next hop; of a plain one, to connect only.
  Result<> configure(CURL* easy, const HttpClient::Options& options, const ProxyEnvironment& proxies);

  /// Called when libcurl is done with a hop. True: send again (a redirect).
  bool finish_hop(CURL* easy, CURLcode code);

  /// The same for a plain hop, with the response or why there is none.
  bool finish_plain_hop(Result<HttpResponse> response);
  std::string explain_timeout(bool within_body) const;

  std::string plain_target() const;  ///< host and port
  std::string plain_head(const HttpClient::Options& options) const;
  std::string_view plain_body() const;
  bool asks_to_close() const;  ///< the connection, by a header of the request's
  bool has_deadline() const { return deadline_ != Clock::time_point(); }
  Clock::time_point deadline() const { return has_deadline() ? deadline_ : Clock::time_point::max(); }
  bool is_head() const { return request_.method == "HEAD"; }
  std::size_t max_response_bytes() const { return request_.max_response_bytes; }

  /// Hands the outcome to the callback.
  void complete();
  void fail(Error error);

  bool plain() const { return plain_; }  ///< as configured

  /// A connection that had rested ended under it before.
  bool wants_new_connection = false;
  CURL* easy = nullptr;
  std::size_t index = 0;  ///< in the client's list of exchanges in flight

 private:
  void set_method(CURL* easy);
  Result<> set_headers(CURL* easy, const HttpClient::Options& options);
  void set_tls(CURL* easy);
  void set_proxy(CURL* easy, const ProxyEnvironment& proxies);
  bool finish_response();
  bool decompresses() const;
  bool answered_whole() const;
  Result<bool> redirect();
  void forget_secrets(const Url& next);
  Result<> decompress_plain();
  bool wants_decompression() const;
  bool sends_length() const;
  std::string about() const;
  Error failed(std::string_view text) const;
  Error failure(CURL* easy, CURLcode code) const;

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_data(char* data, std::size_t size, std::size_t count, void* self);

  HttpRequest request_;
  HttpClient::Done done_;
  Url url_;
  Clock::time_point deadline_{};
  curl_slist* header_list_ = nullptr;
  HttpResponse response_;
  Result<HttpResponse> outcome_{HttpResponse()};
  int redirects_ = 0;
  bool headers_ended_ = false;
  bool checked_ = false;
  bool plain_ = false;  ///< the hop under way is
  bool too_large_ = false;
  bool abandoned_ = false;
  std::array<char, CURL_ERROR_SIZE> detail_{};
};

}  // namespace tollgate
