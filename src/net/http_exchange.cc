#include "net/http_exchange.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"
#include "net/http_response_reader.h"
#include "net/redact.h"
#include "value/compression.h"

namespace tollgate {
namespace {

constexpr int max_redirects = 10;

std::string environment(const char* upper, const char* lower) {
  const char* value = std::getenv(upper);
  if (value == nullptr || *value == '\0') value = std::getenv(lower);
  return value == nullptr ? std::string() : std::string(value);
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// Bytes that a URL may not hold are escaped, as browsers and Go do.
std::string escape_illegal(std::string_view url) {
  std::string out;
  for (char c : url) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) {
      out += escape_url(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  return out;
}

std::string in_seconds(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + "s";
  return std::to_string(time.count()) + "ms";
}

bool token(std::string_view text) { return valid_header(text, {}); }

curl_blob blob(const std::string& text) {
  return curl_blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
}

/// libcurl 7.88 starts HTTP/2 anew on a reused connection of this kind, which breaks it (its change
/// 10643); every request then gets a connection of its own.
bool prior_knowledge_is_reusable() {
  static const unsigned number = curl_version_info(CURLVERSION_NOW)->version_num;
  return number >> 8 != 0x0758;
}

/// OpenSSL's verdict in the usual words, with libcurl's behind it.
std::string explain_certificate(CURL* handle, const std::string& detail) {
  long verdict = X509_V_OK;
  curl_easy_getinfo(handle, CURLINFO_SSL_VERIFYRESULT, &verdict);
  switch (verdict) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "certificate signed by unknown authority (" + detail + ")";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "certificate has expired or is not yet valid (" + detail + ")";
    default: return detail;
  }
}

CURLcode forbid_renegotiation(CURL*, void* context, void*) {
  SSL_CTX_set_options(static_cast<SSL_CTX*>(context), SSL_OP_NO_RENEGOTIATION);
  return CURLE_OK;
}

}  // namespace

ProxyEnvironment ProxyEnvironment::read() {
  ProxyEnvironment found;
  // A CGI server sets HTTP_PROXY from a request header named "Proxy".
  if (std::getenv("REQUEST_METHOD") == nullptr) found.http = environment("HTTP_PROXY", "http_proxy");
  found.https = environment("HTTPS_PROXY", "https_proxy");
  found.exempt = environment("NO_PROXY", "no_proxy");
  return found;
}

HttpExchange::HttpExchange(HttpRequest request, HttpClient::Done done)
    : request_(std::move(request)), done_(std::move(done)) {
  if (request_.timeout.count() > 0) deadline_ = Clock::now() + request_.timeout;
}

HttpExchange::~HttpExchange() { curl_slist_free_all(header_list_); }

Result<> HttpExchange::check() {
  if (checked_) return {};
  if (!token(request_.method)) return invalid("invalid method \"" + request_.method + "\"");
  url_ = TRY(parse_url(request_.url));
  if (url_.scheme != "http" && url_.scheme != "https") {
    return invalid(about() + "unsupported protocol scheme \"" + url_.scheme + "\"");
  }
  request_.url = escape_illegal(request_.url);
  for (const auto& [name, value] : request_.headers) {
    if (!valid_header(name, value)) {
      return invalid("invalid header \"" + name + "\": a name or value that HTTP cannot carry");
    }
  }
  checked_ = true;
  return {};
}

bool HttpExchange::is_plain(const ProxyEnvironment& proxies) const {
  const bool direct = request_.proxy_url ? request_.proxy_url->empty()
                                         : proxies.http.empty() || is_loopback(url_.host);
  return url_.scheme == "http" && direct && url_.userinfo.empty() &&
         request_.version != HttpVersion::prior_knowledge && !request_.on_body;
}

Result<> HttpExchange::configure(CURL* handle, const HttpClient::Options& options,
                                 const ProxyEnvironment& proxies) {
  curl_easy_setopt(handle, CURLOPT_PRIVATE, this);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 64L << 10);
  curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, static_cast<long>(options.idle_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail_.data());
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &HttpExchange::on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &HttpExchange::on_data);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request_.connect_timeout.count()));
  if (deadline_ != Clock::time_point()) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, std::max(static_cast<long>(left.count()), 1L));
  }
  bool may_share = request_.version != HttpVersion::http1 && url_.scheme == "https";
  long version = CURL_HTTP_VERSION_2TLS;
  if (request_.version == HttpVersion::http1) version = CURL_HTTP_VERSION_1_1;
  if (request_.version == HttpVersion::prior_knowledge && url_.scheme == "http") {
    version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    may_share = prior_knowledge_is_reusable();
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, may_share ? 0L : 1L);
    curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, may_share ? 0L : 1L);
  }
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, version);
  // Rather share a connection that turns out to be HTTP/2 than open one for every request.
  if (may_share) curl_easy_setopt(handle, CURLOPT_PIPEWAIT, 1L);
  plain_ = is_plain(proxies);
  if (plain_) {
    curl_easy_setopt(handle, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
  } else {
    set_method(handle);
    TRY(set_headers(handle, options));
  }
  if (url_.scheme == "https") set_tls(handle);
  set_proxy(handle, proxies);
  detail_[0] = '\0';
  response_ = HttpResponse();
  headers_ended_ = false;
  return {};
}

/// Whether the request tells how long its body is, be it empty.
bool HttpExchange::sends_length() const {
  const auto& method = request_.method;
  if (method == "HEAD") return false;
  return !request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
}

bool HttpExchange::wants_decompression() const {
  return request_.method != "HEAD" && find_header(request_.headers, "Accept-Encoding") == nullptr;
}

void HttpExchange::set_method(CURL* handle) {
  const auto& method = request_.method;
  auto body = request_.body.view();
  if (method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    return;
  }
  if (sends_length()) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
    if (method != "POST") curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method.c_str());
  } else if (method != "GET") {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
}

Result<> HttpExchange::set_headers(CURL* handle, const HttpClient::Options& options) {
  curl_slist_free_all(std::exchange(header_list_, nullptr));
  curl_slist* last = nullptr;
  bool complete = true;
  std::string line;
  auto append = [&](const std::string& text) {
    // Appending at the tail keeps this linear.
    auto* grown = curl_slist_append(last, text.c_str());
    if (grown == nullptr) {
      complete = false;
      return;
    }
    if (header_list_ == nullptr) header_list_ = grown;
    last = last == nullptr ? grown : last->next;
  };
  for (const auto& [name, value] : request_.headers) {
    if (same_header(name, "Content-Length") || same_header(name, "Transfer-Encoding")) continue;
    auto text = trim(value);
    line.assign(name);
    // libcurl takes "Name:" as the wish to leave a header out.
    if (text.empty()) {
      line += ';';
    } else {
      line.append(": ").append(text);
    }
    append(line);
  }
  auto absent = [&](std::string_view name) { return find_header(request_.headers, name) == nullptr; };
  if (absent("User-Agent")) append("User-Agent: " + options.user_agent);
  for (const char* name : {"Accept", "Expect", "Content-Type"}) {
    if (absent(name)) append(std::string(name) + ":");
  }
  if (!complete) return transient("out of memory");
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, header_list_);
  if (wants_decompression()) curl_easy_setopt(handle, CURLOPT_ACCEPT_ENCODING, "gzip");
  return {};
}

std::string HttpExchange::plain_target() const {
  return join_host_port(url_.host, url_.effective_port());
}

std::string_view HttpExchange::plain_body() const {
  return is_head() ? std::string_view() : request_.body.view();
}

bool HttpExchange::asks_to_close() const {
  const auto* connection = find_header(request_.headers, "Connection");
  return connection != nullptr && same_header(*connection, "close");
}

std::string HttpExchange::plain_head(const HttpClient::Options& options) const {
  // The URL without scheme, authority and fragment.
  std::string_view target = request_.url;
  target.remove_prefix(target.find("://") + 3);
  target.remove_prefix(std::min(target.find_first_of("/?#"), target.size()));
  target = target.substr(0, target.find('#'));

  std::string head;
  head.reserve(512);
  head.append(request_.method).append(target.starts_with('/') ? " " : " /").append(target);
  head += " HTTP/1.1\r\n";
  auto add = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(trim(value)).append("\r\n");
  };
  bool has_host = false, has_agent = false;
  for (const auto& [name, value] : request_.headers) {
    has_host |= same_header(name, "Host");
    has_agent |= same_header(name, "User-Agent");
  }
  if (!has_host) {
    const bool usual = url_.effective_port() == 80;
    const std::string host = join_host_port(url_.host, url_.effective_port());
    add("Host", usual ? std::string_view(host).substr(0, host.rfind(':')) : host);
  }
  if (!has_agent) add("User-Agent", options.user_agent);
  if (wants_decompression()) add("Accept-Encoding", "gzip");
  for (const auto& [name, value] : request_.headers) {
    if (!same_header(name, "Content-Length") && !same_header(name, "Transfer-Encoding")) add(name, value);
  }
  if (sends_length()) add("Content-Length", std::to_string(request_.body.view().size()));
  return head += "\r\n";
}

void HttpExchange::set_tls(CURL* handle) {
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  const auto* tls = request_.tls.get();
  if (tls == nullptr || !tls->enable_renegotiation) {
    curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, &forbid_renegotiation);
  }
  if (tls == nullptr) return;
  if (tls->skip_cert_verify) {
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  // Everything is given as a blob, because libcurl compares those when it picks a connection to
  // reuse: two settings never share one.
  if (!tls->root_cas.empty()) {
    auto authorities = blob(tls->root_cas);
    curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &authorities);
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (!tls->client_certs.empty()) {
    const auto& own = tls->client_certs.front();
    auto cert = blob(own.cert), key = blob(own.key);
    curl_easy_setopt(handle, CURLOPT_SSLCERT_BLOB, &cert);
    curl_easy_setopt(handle, CURLOPT_SSLKEY_BLOB, &key);
    if (!own.password.empty()) curl_easy_setopt(handle, CURLOPT_KEYPASSWD, own.password.c_str());
  }
}

void HttpExchange::set_proxy(CURL* handle, const ProxyEnvironment& proxies) {
  if (request_.proxy_url) {
    curl_easy_setopt(handle, CURLOPT_PROXY, request_.proxy_url->c_str());
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "");
    return;
  }
  const auto& proxy = url_.scheme == "https" ? proxies.https : proxies.http;
  // "" keeps libcurl from looking at the environment by its own rules.
  curl_easy_setopt(handle, CURLOPT_PROXY, is_loopback(url_.host) ? "" : proxy.c_str());
  curl_easy_setopt(handle, CURLOPT_NOPROXY, proxies.exempt.c_str());
}

std::size_t HttpExchange::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) exchange.headers_ended_ = false;
  add_response_line(exchange.response_, line, exchange.headers_ended_);
  if (trim(line).empty()) exchange.headers_ended_ = true;
  return size * count;
}

std::size_t HttpExchange::on_data(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<HttpExchange*>(self);
  auto bytes = size * count;
  int status = exchange.response_.status;
  if (exchange.request_.on_body && status >= 200 && status < 300) {
    if (exchange.request_.on_body(std::string_view(data, bytes))) return bytes;
    exchange.abandoned_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  auto& body = exchange.response_.body;
  if (bytes > exchange.request_.max_response_bytes - std::min(body.size(), exchange.request_.max_response_bytes)) {
    exchange.too_large_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  body.append(data, bytes);
  return bytes;
}

/// Whether nothing of the response can be missing, though the stream did not end in order.
bool HttpExchange::answered_whole() const {
  if (response_.header("grpc-status") != nullptr) return true;
  const auto* length = response_.header("Content-Length");
  return response_.status >= 200 && length != nullptr &&
         response_.header("Content-Encoding") == nullptr &&
         *length == std::to_string(response_.body.size());
}

bool HttpExchange::finish_hop(CURL* handle, CURLcode code) {
  // A server may answer before it read all and then reset the upload (RFC 9113, 8.1): the answer
  // counts.
  if (code == CURLE_HTTP2_STREAM && answered_whole()) code = CURLE_OK;
  if (code != CURLE_OK) {
    outcome_ = std::unexpected(failure(handle, code));
    return false;
  }
  return finish_response();
}

bool HttpExchange::finish_plain_hop(Result<HttpResponse> response) {
  Result<> readable;
  if (response) {
    response_ = std::move(*response);
    readable = decompress_plain();
    if (readable) return finish_response();
  }
  outcome_ = std::unexpected(failed((response ? readable.error() : response.error()).message()));
  return false;
}

Result<> HttpExchange::decompress_plain() {
  if (response_.body.empty() || !decompresses()) return {};
  const auto inflater = Inflater::make(Compression::gzip);
  std::string plain;
  const auto keep = [&](std::string_view piece) -> Result<> {
    if (piece.size() > request_.max_response_bytes - plain.size()) {
      return response_too_large(request_.max_response_bytes);
    }
    plain += piece;
    return {};
  };
  Result<> whole = inflater->feed(response_.body, keep);
  if (whole) whole = inflater->finish(keep);
  response_.body = std::move(plain);
  return whole;
}

/// Whether the response is compressed and its reader does not want to know.
bool HttpExchange::decompresses() const {
  const auto* encoding = response_.header("Content-Encoding");
  return encoding != nullptr && same_header(*encoding, "gzip") && wants_decompression();
}

/// True: the response sends the request elsewhere. Else it is the outcome.
bool HttpExchange::finish_response() {
  if (request_.follow_redirects) {
    auto again = redirect();
    if (!again) {
      outcome_ = std::unexpected(std::move(again).error());
      return false;
    }
    if (*again) return true;
  }
  if (response_.reason.empty()) response_.reason = http_reason(response_.status);
  if (decompresses()) {
    // They describe bytes that the caller does not see.
    std::erase_if(response_.headers, [](const auto& header) {
      return same_header(header.first, "Content-Encoding") ||
             same_header(header.first, "Content-Length");
    });
  }
  outcome_ = std::move(response_);
  return false;
}

Result<bool> HttpExchange::redirect() {
  int status = response_.status;
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) return false;
  const auto* location = response_.header("Location");
  if (location == nullptr || location->empty()) return false;
  if (++redirects_ > max_redirects) {
    return transient(about() + "stopped after 10 redirects");
  }
  auto next_text = resolve_url(request_.url, escape_illegal(*location));
  if (!next_text) {
    return transient(about() + "the server redirected to \"" +
                     *location + "\", which is no valid address");
  }
  Url next = TRY(parse_url(*next_text));
  if (next.scheme != "http" && next.scheme != "https") {
    return transient(about() + "redirected to the unsupported scheme \"" +
                     next.scheme + "\"");
  }
  if (status != 307 && status != 308) {
    if (request_.method != "GET" && request_.method != "HEAD") request_.method = "GET";
    request_.body = HttpBody();
    std::erase_if(request_.headers, [](const auto& header) {
      return header.first.size() > 8 && same_header(header.first.substr(0, 8), "Content-");
    });
  }
  forget_secrets(next);
  request_.url = std::move(*next_text);
  url_ = std::move(next);
  return true;
}

void HttpExchange::forget_secrets(const Url& next) {
  bool upgrade = url_.scheme == "http" && url_.effective_port() == 80 && next.scheme == "https" &&
                 next.effective_port() == 443;
  bool same = url_.host == next.host &&
              ((url_.scheme == next.scheme && url_.effective_port() == next.effective_port()) || upgrade);
  if (same) return;
  std::erase_if(request_.headers, [](const auto& header) {
    for (const char* secret : {"Authorization", "Www-Authenticate", "Cookie", "Cookie2",
                               "Proxy-Authorization", "Host"}) {
      if (same_header(header.first, secret)) return true;
    }
    return false;
  });
}

/// How messages begin, in the words that patterns of existing configurations look for.
std::string HttpExchange::about() const {
  std::string verb = request_.method;
  std::transform(verb.begin() + 1, verb.end(), verb.begin() + 1,
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return verb + " \"" + shown_url(request_.url) + "\": ";
}

Error HttpExchange::failed(std::string_view text) const {
  return Error(Fault::transient, about().append(text));
}

std::string HttpExchange::explain_timeout(bool within_body) const {
  return std::string("context deadline exceeded (Client.Timeout ") +
         (within_body ? "or context cancellation while reading body"
                      : "exceeded while awaiting headers") +
         "): no complete response within " + in_seconds(request_.timeout);
}

Error HttpExchange::failure(CURL* handle, CURLcode code) const {
  const std::string where = about();
  std::string detail = detail_[0] != '\0' ? std::string(detail_.data()) : curl_easy_strerror(code);
  long os_error = 0;
  curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &os_error);
  curl_off_t connected = 0;
  curl_easy_getinfo(handle, CURLINFO_CONNECT_TIME_T, &connected);
  auto say = [&](std::string_view text) { return failed(text); };
  auto authority = join_host_port(url_.host, url_.effective_port());

  if (too_large_) {
    return say(response_too_large(request_.max_response_bytes).error().message());
  }
  if (abandoned_) return Error(Fault::cancelled, where + "abandoned by the reader of the body");
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return say("dial tcp: lookup " + url_.host + ": no such host");
    case CURLE_COULDNT_RESOLVE_PROXY: return say("lookup of the proxy failed: " + detail);
    case CURLE_COULDNT_CONNECT:
      return say("dial tcp " + authority + ": " +
                 (os_error != 0 ? "connect: " + system_error(static_cast<int>(os_error)) : detail));
    case CURLE_OPERATION_TIMEDOUT:
      if (connected == 0) {
        return say("dial tcp " + authority + ": i/o timeout (context deadline exceeded)");
      }
      return say(explain_timeout(response_.status != 0));
    case CURLE_PEER_FAILED_VERIFICATION:
      return say("tls: failed to verify certificate: x509: " + explain_certificate(handle, detail) +
                 "; trust its authority with tls.root_cas_file, or for trials only set "
                 "tls.skip_cert_verify");
    case CURLE_SSL_CONNECT_ERROR:
      if (detail.find("wrong version number") != std::string::npos) {
        return say("tls: first record does not look like a TLS handshake; is " + authority +
                   " an http:// address?");
      }
      return say("TLS handshake failed: " + detail);
    case CURLE_GOT_NOTHING: return say("EOF: the server closed the connection without a response");
    case CURLE_PARTIAL_FILE:
      return say("unexpected EOF: the server closed the connection within the response");
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return say((code == CURLE_SEND_ERROR ? "write: " : "read: ") +
                 (os_error != 0 ? system_error(static_cast<int>(os_error)) : detail));
    case CURLE_BAD_CONTENT_ENCODING: return say("the response cannot be decompressed: " + detail);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return Error(Fault::invalid, where + detail);
    default: return say(detail);
  }
}

void HttpExchange::complete() {
  if (auto done = std::exchange(done_, nullptr)) done(std::move(outcome_));
}

void HttpExchange::fail(Error error) {
  if (auto done = std::exchange(done_, nullptr)) done(std::unexpected(std::move(error)));
}

}  // namespace tollgate
