#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "component/http_config.h"
#include "net/http_client.h"

namespace tollgate {

/// Adds the configured credentials to requests: basic, OAuth 1 signature, signed JWT, OAuth 2
/// token. One is made for each component and shared by its requests; any thread.
class HttpAuthorizer {
 public:
  using Ready = std::move_only_function<void(Result<HttpRequest>)>;

  /// Errors: a private key that cannot be read. `tls` and `proxy_url` serve token requests.
  static Result<std::shared_ptr<HttpAuthorizer>> build(const HttpAuthConfig& config,
                                                       HttpClient& client,
                                                       std::shared_ptr<const TlsClient> tls,
                                                       std::optional<std::string> proxy_url);
  virtual ~HttpAuthorizer() = default;

  /// Calls `ready` with the completed request, at once or, when a token must be fetched first,
  /// later on the network thread. A failed fetch is a transient error for all who waited for it.
  virtual void authorize(HttpRequest request, Ready ready) = 0;

  /// The destination answered 401 to this Authorization header: if it is the cached token's, that is
  /// forgotten. (A newer one is not: many requests may have been under way with the old one.)
  virtual void refused(std::string_view authorization) = 0;
};

namespace http_auth_detail {
/// The Authorization header of RFC 5849 for a request, with the nonce and time given.
std::string oauth1_header(const OAuthConfig& config, std::string_view method, std::string_view url,
                          std::string_view nonce, std::int64_t unix_seconds);
}  // namespace http_auth_detail

}  // namespace tollgate
