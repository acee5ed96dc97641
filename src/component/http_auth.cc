#include "component/http_auth.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <mutex>
#include <sstream>

#include <fmt/format.h>

#include "base/strings.h"
#include "message/message.h"
#include "net/redact.h"
#include "net/url.h"
#include "value/encoding.h"
#include "value/json.h"

namespace tollgate {
namespace {

using Clock = std::chrono::steady_clock;

std::string base64(std::string_view bytes, Base64 form = {}) {
  std::string text;
  append_base64(text, bytes, form);
  return text;
}

// Signed tokens -----------------------------------------------------------------------------------

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

Result<Key> read_private_key(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return invalid(fmt::format("failed to read private key: {}", file));
  std::stringstream text;
  text << in.rdbuf();
  const std::string pem = std::move(text).str();
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) {
    return invalid(fmt::format("failed to parse private key {}: {}", file,
                               take_tls_errors("not a PEM private key")));
  }
  return key;
}

/// Makes JSON web tokens (RFC 7519) with constant claims. The signature is made anew each time, as
/// keys may be random.
class JwtSigner {
 public:
  static Result<JwtSigner> build(const JwtConfig& config) {
    JwtSigner signer;
    signer.key_ = TRY(read_private_key(config.private_key_file));
    signer.digest_ = config.signing_method == "RS256"   ? EVP_sha256()
                     : config.signing_method == "RS384" ? EVP_sha384()
                     : config.signing_method == "RS512" ? EVP_sha512()
                                                        : nullptr;
    const int wanted = signer.digest_ ? EVP_PKEY_RSA : EVP_PKEY_ED25519;
    if (EVP_PKEY_base_id(signer.key_.get()) != wanted) {
      return invalid(fmt::format("jwt.private_key_file holds no key for {}",
                                 config.signing_method));
    }
    std::map<std::string, Node> header = config.headers;
    header["alg"] = Node::of(config.signing_method);
    header.try_emplace("typ", Node::of("JWT"));
    const Base64 form{.url = true, .padded = false};
    signer.unsigned_ = base64(as_json(header), form) + "." + base64(as_json(config.claims), form);
    return signer;
  }

  Result<std::string> sign() const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    const auto* text = reinterpret_cast<const unsigned char*>(unsigned_.data());
    std::size_t size = 0;
    if (EVP_DigestSignInit(context.get(), nullptr, digest_, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, text, unsigned_.size()) != 1) {
      return invalid("failed to sign jwt: " + take_tls_errors("unknown reason"));
    }
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       text, unsigned_.size()) != 1) {
      return invalid("failed to sign jwt: " + take_tls_errors("unknown reason"));
    }
    signature.resize(size);
    return unsigned_ + "." + base64(signature, {.url = true, .padded = false});
  }

 private:
  static std::string as_json(const std::map<std::string, Node>& members) {
    std::vector<Node::Entry> entries;
    for (const auto& [key, value] : members) entries.push_back({key, {}, value});
    return print_json(Node::map(std::move(entries)));
  }

  Key key_;
  const EVP_MD* digest_ = nullptr;  // null for EdDSA
  std::string unsigned_;
};

// Tokens of an authorization server ---------------------------------------------------------------

/// Fetches and keeps one OAuth 2 token. Requests that come while it is being fetched wait for it.
class TokenSource : public std::enable_shared_from_this<TokenSource> {
 public:
  using Done = std::move_only_function<void(Result<std::string>)>;

  TokenSource(OAuth2Config config, HttpClient& client, std::shared_ptr<const TlsClient> tls,
              std::optional<std::string> proxy_url)
      : config_(std::move(config)),
        client_(client),
        tls_(std::move(tls)),
        proxy_url_(std::move(proxy_url)) {}

  /// The value of the Authorization header.
  void get(Done done) {
    std::unique_lock lock(lock_);
    if (!value_.empty() && Clock::now() < expiry_) {
      std::string value = value_;
      lock.unlock();
      done(std::move(value));
      return;
    }
    waiting_.push_back(std::move(done));
    if (waiting_.size() > 1) return;
    lock.unlock();
    fetch(!credentials_in_body_);
  }

  void forget(std::string_view value) {
    std::lock_guard lock(lock_);
    if (value_ == value) value_.clear();
  }

 private:
  static constexpr std::chrono::seconds margin{10};  // a token about to expire is not used any more

  std::string form(bool basic) const {
    std::vector<std::pair<std::string, std::string>> fields;
    if (!config_.endpoint_params.contains("grant_type")) {
      fields.emplace_back("grant_type", "client_credentials");
    }
    if (!config_.scopes.empty()) fields.emplace_back("scope", join(config_.scopes, " "));
    for (const auto& [name, values] : config_.endpoint_params) {
      for (const Node& value : values.items()) {
        const bool renewed = name == "refresh_token" && !refresh_token_.empty();
        fields.emplace_back(name, renewed ? refresh_token_ : std::string(value.text()));
      }
    }
    if (!basic) {
      fields.emplace_back("client_id", config_.client_key);
      if (!config_.client_secret.empty()) {
        fields.emplace_back("client_secret", config_.client_secret);
      }
    }
    std::string text;
    for (const auto& [name, value] : fields) {
      if (!text.empty()) text += '&';
      text += escape_url(name) + "=" + escape_url(value);
    }
    return text;
  }

  // Servers take the credentials as basic authentication or in the form; which one is tried out.
  void fetch(bool basic) {
    HttpRequest request;
    request.method = "POST";
    request.url = config_.token_url;
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                       {"Accept", "application/json"}};
    if (basic) {
      request.headers.emplace_back(
          "Authorization", "Basic " + base64(escape_url(config_.client_key) + ":" +
                                             escape_url(config_.client_secret)));
    }
    request.body = HttpBody(form(basic));
    request.timeout = std::chrono::seconds(30);
    request.tls = tls_;
    request.proxy_url = proxy_url_;
    request.max_response_bytes = std::size_t{1} << 20;
    client_.send(std::move(request), [self = shared_from_this(), basic](auto response) {
      self->received(std::move(response), basic);
    });
  }

  void received(Result<HttpResponse> response, bool basic) {
    if (response && response->status >= 400 && response->status < 500 &&
        response->status != 429 && basic) {
      return fetch(false);
    }
    Result<std::string> value = response ? read(*response) : failed(response.error().message());
    std::vector<Done> waiting;
    {
      std::lock_guard lock(lock_);
      if (value) {
        value_ = *value;
        credentials_in_body_ = !basic;
      }
      waiting.swap(waiting_);
    }
    for (Done& done : waiting) done(value);
  }

  static Result<std::string> failed(std::string_view why) {
    return transient(fmt::format("oauth2: cannot fetch token: {}", why));
  }

  Result<std::string> read(const HttpResponse& response) {
    if (response.status < 200 || response.status > 299) {
      auto secrets = credentials_of(proxy_url_.value_or(""), {});
      std::string as_basic;
      append_base64(as_basic, config_.client_key + ":" + config_.client_secret);
      secrets.insert(secrets.end(),
                     {config_.client_secret, escape_url(config_.client_secret), as_basic});
      return failed(fmt::format("{}, Response: {}", response.status_line(),
                                without_credentials(response.body.substr(0, 1024), secrets)));
    }
    Arena arena;
    const Value document = parse_json(response.body, arena);
    if (!document.is(Kind::object)) return failed("the response is no JSON object");
    const auto text = [&](std::string_view key) -> std::string_view {
      const Value* found = document.as_object().find(key, arena);
      return found && (found->is_text() || found->is(Kind::number_text)) ? found->as_text()
                                                                         : std::string_view();
    };
    if (text("access_token").empty()) return failed("server response missing access_token");
    std::string type(text("token_type").empty() ? "Bearer" : text("token_type"));
    if (equal_ignoring_case(type, "bearer")) type = "Bearer";
    const std::int64_t seconds = std::clamp<std::int64_t>(
        std::strtoll(std::string(text("expires_in")).c_str(), nullptr, 10), 0, 1'000'000'000);
    std::lock_guard lock(lock_);
    // A token without an end is kept until the destination refuses it.
    expiry_ = seconds == 0 ? Clock::time_point::max()
                           : Clock::now() + std::max(std::chrono::seconds(seconds) - margin,
                                                     std::chrono::seconds(1));
    if (!text("refresh_token").empty()) refresh_token_ = text("refresh_token");
    return type + " " + std::string(text("access_token"));
  }

  const OAuth2Config config_;
  HttpClient& client_;
  const std::shared_ptr<const TlsClient> tls_;
  const std::optional<std::string> proxy_url_;
  std::mutex lock_;
  std::vector<Done> waiting_;             // guarded by lock_; not empty while fetching
  std::string value_;                     // guarded by lock_
  Clock::time_point expiry_;              // guarded by lock_
  std::string refresh_token_;             // guarded by lock_; read by the one who fetches
  bool credentials_in_body_ = false;      // written while fetching, read before
};

// All together ------------------------------------------------------------------------------------

class Authorizer final : public HttpAuthorizer {
 public:
  Authorizer(HttpAuthConfig config, std::optional<JwtSigner> jwt,
             std::shared_ptr<TokenSource> tokens)
      : config_(std::move(config)), jwt_(std::move(jwt)), tokens_(std::move(tokens)) {
    if (config_.basic_auth.enabled) {
      basic_ = "Basic " + base64(config_.basic_auth.username + ":" + config_.basic_auth.password);
    }
  }

  void authorize(HttpRequest request, Ready ready) override {
    if (!basic_.empty()) set_header(request.headers, "Authorization", basic_);
    if (config_.oauth.enabled) {
      std::string nonce;
      const Identity random = Identity::random();
      nonce = fmt::format("{:016x}{:016x}", random.high, random.low);
      const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count();
      set_header(request.headers, "Authorization",
                 http_auth_detail::oauth1_header(config_.oauth, request.method, request.url, nonce,
                                                 now));
    }
    if (jwt_) {
      auto token = jwt_->sign();
      if (!token) return ready(std::unexpected(std::move(token).error()));
      set_header(request.headers, "Authorization", "Bearer " + *token);
    }
    if (!tokens_) return ready(std::move(request));
    tokens_->get([request = std::move(request),
                  ready = std::move(ready)](Result<std::string> value) mutable {
      if (!value) return ready(std::unexpected(std::move(value).error()));
      set_header(request.headers, "Authorization", std::move(*value));
      ready(std::move(request));
    });
  }

  void refused(std::string_view authorization) override {
    if (tokens_) tokens_->forget(authorization);
  }

 private:
  const HttpAuthConfig config_;
  const std::optional<JwtSigner> jwt_;
  const std::shared_ptr<TokenSource> tokens_;
  std::string basic_;
};

}  // namespace

Result<std::shared_ptr<HttpAuthorizer>> HttpAuthorizer::build(const HttpAuthConfig& config,
                                                              HttpClient& client,
                                                              std::shared_ptr<const TlsClient> tls,
                                                              std::optional<std::string> proxy_url) {
  std::optional<JwtSigner> jwt;
  if (config.jwt.enabled) jwt = TRY(JwtSigner::build(config.jwt));
  std::shared_ptr<TokenSource> tokens;
  if (config.oauth2.enabled) {
    TRY(parse_url(config.oauth2.token_url));
    tokens = std::make_shared<TokenSource>(config.oauth2, client, std::move(tls),
                                           std::move(proxy_url));
  }
  return std::make_shared<Authorizer>(config, std::move(jwt), std::move(tokens));
}

std::string http_auth_detail::oauth1_header(const OAuthConfig& config, std::string_view method,
                                            std::string_view url, std::string_view nonce,
                                            std::int64_t unix_seconds) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  Pairs own{{"oauth_consumer_key", config.consumer_key},
            {"oauth_nonce", std::string(nonce)},
            {"oauth_signature_method", "HMAC-SHA1"},
            {"oauth_timestamp", std::to_string(unix_seconds)},
            {"oauth_token", config.access_token},
            {"oauth_version", "1.0"}};
  Pairs all;
  std::string base_url(url);
  if (const auto parsed = parse_url(url)) {
    const bool usual = (parsed->scheme == "http" && parsed->port == 80) ||
                       (parsed->scheme == "https" && parsed->port == 443);
    Url without = *parsed;
    if (usual) without.port = 0;
    base_url = without.scheme + "://" + without.authority() +
               (without.path.empty() ? "/" : without.path);
    all = parse_query(parsed->query);
  }
  for (const auto& each : own) all.push_back(each);
  for (auto& [name, value] : all) {
    name = escape_url(name);
    value = escape_url(value);
  }
  std::ranges::sort(all);
  std::string parameters;
  for (const auto& [name, value] : all) {
    if (!parameters.empty()) parameters += '&';
    parameters += name + "=" + value;
  }
  const std::string base = std::string(method) + "&" + escape_url(base_url) + "&" +
                           escape_url(parameters);
  const std::string key =
      escape_url(config.consumer_secret) + "&" + escape_url(config.access_token_secret);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(base.data()), base.size(), digest, &size);
  own.emplace_back("oauth_signature",
                   base64(std::string_view(reinterpret_cast<const char*>(digest), size)));
  std::string header = "OAuth ";
  for (const auto& [name, value] : own) {
    if (!header.ends_with(' ')) header += ',';
    header += name + "=\"" + escape_url(value) + "\"";
  }
  return header;
}

}  // namespace tollgate
