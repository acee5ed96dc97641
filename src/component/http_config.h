#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "component/metadata_filter.h"
#include "config/schema.h"
#include "net/tls.h"

namespace tollgate {

// The configuration groups that everything speaking HTTP as a client shares: the `http_client`
// components, the `http` processor, `openmeter`.

/// RFC 5849 request signing.
struct OAuthConfig {
  bool enabled = false;
  std::string consumer_key;
  std::string consumer_secret;
  std::string access_token;
  std::string access_token_secret;
};

/// RFC 6749 client credentials.
struct OAuth2Config {
  bool enabled = false;
  std::string client_key;
  std::string client_secret;
  std::string token_url;
  std::vector<std::string> scopes;
  std::map<std::string, Node> endpoint_params;  ///< each a list of strings
};

struct BasicAuthConfig {
  bool enabled = false;
  std::string username;
  std::string password;
};

/// A bearer token signed here.
struct JwtConfig {
  bool enabled = false;
  std::string private_key_file;
  std::string signing_method;
  std::map<std::string, Node> claims;
  std::map<std::string, Node> headers;
};

/// `oauth`, `basic_auth`, `jwt` and, for HTTP clients, `oauth2`.
struct HttpAuthConfig {
  OAuthConfig oauth;
  OAuth2Config oauth2;
  BasicAuthConfig basic_auth;
  JwtConfig jwt;
};

/// The `tls` group of clients.
const Schema<TlsClientOptions>& tls_client_schema();

/// Says at the start that certificates are not checked, so that it is not forgotten.
void warn_of_unchecked_server(const TlsClient* tls, const Logger& logger);

/// Everything about a request but its body, and how often to try.
struct HttpClientConfig {
  InterpolatedText url;
  std::string verb = "POST";
  std::map<std::string, InterpolatedText> headers;
  MetadataFilterConfig metadata;
  std::string dump_request_log_level;
  HttpAuthConfig auth;
  TlsClientOptions tls;
  MetadataFilterConfig extract_headers;
  std::optional<std::string> rate_limit;
  Duration timeout = "5s";
  Duration retry_period = "1s";
  Duration max_retry_backoff = "300s";
  int retries = 3;  ///< attempts after the first
  bool follow_redirects = true;
  std::vector<int> backoff_on{429};
  std::vector<int> drop_on;
  std::vector<int> successful_on;
  std::optional<std::string> proxy_url;
  bool disable_http2 = false;
};

/// The group with the given default of `verb`, which is "POST" or "GET".
/// A struct that includes it for GET initialises its member with `.verb = "GET"`.
const Schema<HttpClientConfig>& http_client_schema(std::string_view default_verb = "POST");

/// Rules across the fields of the group.
void check_http_client(const HttpClientConfig& config, const Node& body, ReadContext& context);

}  // namespace tollgate
