#include "component/http_config.h"

#include <algorithm>

#include <fmt/format.h>

namespace tollgate {
namespace {

const Schema<OAuthConfig>& oauth_schema() {
  using Config = OAuthConfig;
  static const Schema<Config> fields{
      field("enabled", &Config::enabled, "Whether to sign requests with OAuth 1.").advanced(),
      field("consumer_key", &Config::consumer_key, "Identifies the client.").advanced(),
      field("consumer_secret", &Config::consumer_secret, "Proves the client's identity.")
          .advanced()
          .secret(),
      field("access_token", &Config::access_token, "Grants access to the resources.").advanced(),
      field("access_token_secret", &Config::access_token_secret, "Proves ownership of the token.")
          .advanced()
          .secret(),
  };
  return fields;
}

const Schema<OAuth2Config>& oauth2_schema() {
  using Config = OAuth2Config;
  static const Schema<Config> fields{
      field("enabled", &Config::enabled,
            "Whether to fetch a bearer token with the client credentials flow. It is kept until "
            "shortly before it expires.")
          .advanced(),
      field("client_key", &Config::client_key, "Identifies the client.").advanced(),
      field("client_secret", &Config::client_secret, "Proves the client's identity.")
          .advanced()
          .secret(),
      field("token_url", &Config::token_url, "Where tokens are issued.").advanced(),
      field("scopes", &Config::scopes, "Permissions to ask for.").advanced(),
      field("endpoint_params", &Config::endpoint_params,
            "More parameters of the token request, each a list of strings.")
          .advanced(),
  };
  return fields;
}

const Schema<BasicAuthConfig>& basic_auth_schema() {
  using Config = BasicAuthConfig;
  static const Schema<Config> fields{
      field("enabled", &Config::enabled, "Whether to send a user name and password.").advanced(),
      field("username", &Config::username, "The user name.").advanced(),
      field("password", &Config::password, "The password.").advanced().secret(),
  };
  return fields;
}

const Schema<JwtConfig>& jwt_schema() {
  using Config = JwtConfig;
  static const Schema<Config> fields{
      field("enabled", &Config::enabled, "Whether to send a bearer token that is signed here.")
          .advanced(),
      field("private_key_file", &Config::private_key_file, "The private key, PEM.").advanced(),
      field("signing_method", &Config::signing_method, "RS256, RS384, RS512 or EdDSA.").advanced(),
      field("claims", &Config::claims, "What the token asserts.").advanced(),
      field("headers", &Config::headers, "More keys for the token's header.").advanced(),
  };
  return fields;
}

const Schema<TlsClientCert>& client_cert_schema() {
  using Config = TlsClientCert;
  static const Schema<Config> fields{
      field("cert", &Config::cert, "The certificate, PEM text.").advanced(),
      field("key", &Config::key, "Its private key, PEM text.").advanced().secret(),
      field("cert_file", &Config::cert_file, "A file with the certificate.").advanced(),
      field("key_file", &Config::key_file, "A file with its private key.").advanced(),
      field("password", &Config::password, "The key's password, if it is encrypted.")
          .advanced()
          .secret(),
  };
  return fields;
}

Schema<HttpAuthConfig> auth_fields() {
  using Config = HttpAuthConfig;
  return {
      section("oauth", &Config::oauth, oauth_schema(), "OAuth 1 request signing (RFC 5849).")
          .advanced(),
      section("oauth2", &Config::oauth2, oauth2_schema(), "OAuth 2 client credentials.").advanced(),
      section("basic_auth", &Config::basic_auth, basic_auth_schema(), "HTTP basic authentication.")
          .advanced(),
      section("jwt", &Config::jwt, jwt_schema(), "Locally signed bearer tokens.").advanced(),
  };
}

Schema<HttpClientConfig> make_schema(std::string_view default_verb) {
  using Config = HttpClientConfig;
  static const Schema<HttpAuthConfig> auth = auth_fields();
  Schema<Config> fields{
      required("url", &Config::url, "Where requests go."),
      field("verb", &Config::verb, "The request's method."),
      field("headers", &Config::headers, "Headers to send. `Host` names the host to ask for."),
      section("metadata", &Config::metadata, metadata_filter_schema(),
              "Metadata of the message to send as headers.")
          .advanced(),
      field("dump_request_log_level", &Config::dump_request_log_level,
            "Logs every exchange at this level. Headers that hold credentials are not shown.")
          .advanced()
          .options({"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", ""}),
  };
  include(fields, &Config::auth, auth);
  Schema<Config> rest{
      section("tls", &Config::tls, tls_client_schema(), "TLS settings.").advanced(),
      section("extract_headers", &Config::extract_headers, metadata_filter_schema(),
              "Headers of the response to keep as metadata, by their lower-case names.")
          .advanced(),
      field("rate_limit", &Config::rate_limit, "A `rate_limit` resource asked before each attempt."),
      field("timeout", &Config::timeout, "For one attempt, body included; 0 waits for ever."),
      field("retry_period", &Config::retry_period, "How long to wait before the first retry.")
          .advanced(),
      field("max_retry_backoff", &Config::max_retry_backoff, "The longest wait between attempts.")
          .advanced(),
      field("retries", &Config::retries, "Attempts after the first.").advanced(),
      field("follow_redirects", &Config::follow_redirects,
            "Whether to follow redirects; otherwise a 3xx status is a success.")
          .advanced(),
      field("backoff_on", &Config::backoff_on,
            "Statuses that double the wait before the next attempt.")
          .advanced(),
      field("drop_on", &Config::drop_on,
            "Statuses that end the attempts at once. The message is still rejected; see the "
            "`drop_on` output for giving it up.")
          .advanced(),
      field("successful_on", &Config::successful_on, "More statuses that count as a success.")
          .advanced(),
      field("proxy_url", &Config::proxy_url,
            "A proxy; if unset the environment's `HTTP_PROXY` and the like apply.")
          .advanced(),
      field("disable_http2", &Config::disable_http2, "Whether to speak HTTP/1.1 only.").advanced(),
  };
  std::ranges::move(rest, std::back_inserter(fields));
  fields[1].spec.default_value = Node::of(std::string(default_verb));
  return fields;
}

void check_statuses(const std::vector<int>& statuses, std::string_view key, const Node& body,
                    ReadContext& context) {
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i] >= 100 && statuses[i] <= 599) continue;
    const auto& items = body[key].items();
    context.error(i < items.size() ? items[i].position() : body.position(),
                  fmt::format("{}: {} is no HTTP status", key, statuses[i]));
  }
}

}  // namespace

const Schema<TlsClientOptions>& tls_client_schema() {
  using Config = TlsClientOptions;
  static const Schema<Config> fields{
      field("enabled", &Config::enabled,
            "Whether to apply these settings; `https` addresses use TLS in any case.")
          .advanced(),
      field("skip_cert_verify", &Config::skip_cert_verify,
            "Whether to accept any certificate of the server.")
          .advanced(),
      field("enable_renegotiation", &Config::enable_renegotiation,
            "Whether the server may renegotiate.")
          .advanced(),
      field("root_cas", &Config::root_cas, "Certificate authorities, PEM text.")
          .advanced()
          .secret(),
      field("root_cas_file", &Config::root_cas_file, "A file of certificate authorities.")
          .advanced(),
      sections("client_certs", &Config::client_certs, client_cert_schema(),
               "Certificates to show: each `cert` and `key`, or `cert_file` and `key_file`.")
          .advanced(),
  };
  return fields;
}

void warn_of_unchecked_server(const TlsClient* tls, const Logger& logger) {
  if (tls == nullptr || !tls->skip_cert_verify) return;
  logger.warn("tls.skip_cert_verify is on: whoever answers is taken for the server; trust its "
              "authority with tls.root_cas_file instead");
}

const Schema<HttpClientConfig>& http_client_schema(std::string_view default_verb) {
  static const Schema<HttpClientConfig> post = make_schema("POST");
  static const Schema<HttpClientConfig> get = make_schema("GET");
  return default_verb == "GET" ? get : post;
}

void check_http_client(const HttpClientConfig& config, const Node& body, ReadContext& context) {
  check_statuses(config.backoff_on, "backoff_on", body, context);
  check_statuses(config.drop_on, "drop_on", body, context);
  check_statuses(config.successful_on, "successful_on", body, context);
  for (const auto& [key, value] : config.auth.oauth2.endpoint_params) {
    const bool texts = value.is(Node::Kind::list) &&
                       std::ranges::all_of(value.items(), [](const Node& item) {
                         return item.is(Node::Kind::string);
                       });
    if (!texts) {
      context.error(value.position(),
                    fmt::format("endpoint_params.{} must be a list of strings", key));
    }
  }
  const JwtConfig& jwt = config.auth.jwt;
  if (jwt.enabled && jwt.signing_method != "RS256" && jwt.signing_method != "RS384" &&
      jwt.signing_method != "RS512" && jwt.signing_method != "EdDSA") {
    context.error(body["jwt"].position(),
                  fmt::format("jwt.signing_method `{}` is none of RS256, RS384, RS512, EdDSA",
                              jwt.signing_method));
  }
}

}  // namespace tollgate
