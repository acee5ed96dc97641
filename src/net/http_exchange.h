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

/// One HttpRequest on its way through libcurl, redirects included. Internal to HttpClient.
///
/// Stays at one address while it is in flight: libcurl holds pointers into it.
class HttpExchange {
 public:
  using Clock = std::chrono::steady_clock;

  HttpExchange(HttpRequest request, HttpClient::Done done);
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  /// Checks the request. An error here means that it must not be sent.
  Result<> check();

  /// Sets `easy`, fresh or reset, up for the next hop.
  Result<> configure(CURL* easy, const HttpClient::Options& options, const ProxyEnvironment& proxies);

  /// Called when libcurl is done with a hop. True: configure() and send again (a redirect).
  bool finish_hop(CURL* easy, CURLcode code);
  bool answered_whole() const;

  /// Hands the outcome to the callback.
  void complete();
  void fail(Error error);

  CURL* easy = nullptr;
  std::size_t index = 0;  ///< in the client's list of exchanges in flight

 private:
  void set_method(CURL* easy);
  Result<> set_headers(CURL* easy, const HttpClient::Options& options);
  void set_tls(CURL* easy);
  void set_proxy(CURL* easy, const ProxyEnvironment& proxies);
  Result<bool> redirect(CURL* easy);
  void forget_secrets(const Url& next);
  std::string about() const;
  Error failure(CURL* easy, CURLcode code) const;
  void read_header(std::string_view line);

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
  bool decoded_ = false;  ///< libcurl was asked to decompress
  bool too_large_ = false;
  bool abandoned_ = false;
  std::array<char, CURL_ERROR_SIZE> detail_{};
};

}  // namespace tollgate
