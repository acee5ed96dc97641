#include "net/http_server_core.h"

#include <algorithm>

#include "net/grpc.h"
#include "net/url.h"

namespace tollgate {
namespace http_server_detail {
namespace {

constexpr std::string_view cors_methods = "GET, HEAD, POST, PUT, PATCH, DELETE";

}  // namespace

void Exchange::on_gone(std::move_only_function<void()> wanted) {
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!gone_.load()) {
      wanted_ = std::move(wanted);
      return;
    }
  }
  wanted();
}

void Exchange::set_gone() {
  std::move_only_function<void()> wanted;
  {
    std::lock_guard lock(mutex_);
    if (finished_ || gone_.exchange(true)) return;
    wanted = std::exchange(wanted_, nullptr);
  }
  if (wanted) wanted();
}

void Exchange::finish() {
  std::move_only_function<void()> unused;
  std::lock_guard lock(mutex_);
  finished_ = true;
  unused = std::exchange(wanted_, nullptr);
}

std::string Core::allowed_origin(const ServerRequest& request) const {
  if (options.cors_origins.empty()) return {};
  const auto* origin = request.header("Origin");
  if (origin == nullptr) return {};
  for (const auto& allowed : options.cors_origins) {
    if (allowed == "*") return "*";
    if (same_header(allowed, *origin)) return *origin;
  }
  return {};
}

std::optional<ServerResponse> Core::preflight(const ServerRequest& request) const {
  if (options.cors_origins.empty() || request.method != "OPTIONS") return std::nullopt;
  const auto* method = request.header("Access-Control-Request-Method");
  if (method == nullptr) return std::nullopt;
  bool known = false;
  for (const auto item : listed(cors_methods)) known = known || item == *method;
  if (!known) return ServerResponse::text(405, "");
  if (allowed_origin(request).empty()) return ServerResponse::text(403, "");
  ServerResponse response;
  response.headers.emplace_back("Access-Control-Allow-Methods", cors_methods);
  if (const auto* headers = request.header("Access-Control-Request-Headers")) {
    response.headers.emplace_back("Access-Control-Allow-Headers", *headers);
  }
  return response;
}

std::string http_date(std::time_t when) {
  char text[64];
  std::tm parts{};
  ::gmtime_r(&when, &parts);
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

bool read_target(ServerRequest& request) {
  std::string_view target = request.target;
  if (target.starts_with("http://") || target.starts_with("https://")) {
    auto slash = target.find('/', target.find("//") + 2);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  if (!target.starts_with('/')) return target == "*" && request.method == "OPTIONS";
  auto mark = std::min(target.find('?'), target.size());
  request.path = unescape_url(target.substr(0, mark));
  if (mark < target.size()) request.query = parse_query(target.substr(mark + 1));
  return true;
}

bool accepts_gzip(const ServerRequest& request) {
  const auto* accepted = request.header("Accept-Encoding");
  if (accepted == nullptr) return false;
  bool found = false;
  for (const std::string_view item : listed(*accepted)) {
    auto name = item.substr(0, std::min(item.find(';'), item.size()));
    while (name.ends_with(' ')) name.remove_suffix(1);
    auto rest = item.substr(name.size());
    bool refused = rest.find("q=0") != std::string_view::npos &&
                   rest.find_first_of("123456789") == std::string_view::npos;
    found = found || ((same_header(name, "gzip") || name == "*") && !refused);
  }
  return found;
}

void compress(ServerResponse& response, bool client_accepts) {
  constexpr std::size_t worth_it = 512;
  if (!response.gzip || response.body.size() < worth_it ||
      find_header(response.headers, "Content-Encoding") != nullptr) {
    return;
  }
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!client_accepts) return;
  response.body = deflate_message(response.body, GrpcEncoding::gzip);
  response.headers.emplace_back("Content-Encoding", "gzip");
}

}  // namespace http_server_detail

// The public faces of an exchange and a socket ----------------------------------------------------

const std::string* ServerRequest::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

ServerResponse ServerResponse::text(int status, std::string body) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body), false};
}

ServerResponse ServerResponse::json(int status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body), false};
}

Responder::Responder(std::shared_ptr<http_server_detail::Exchange> exchange)
    : exchange_(std::move(exchange)) {}

Responder& Responder::operator=(Responder&& other) {
  if (this != &other) {
    Responder old(std::move(*this));
    exchange_ = std::move(other.exchange_);
  }
  return *this;
}

Responder::~Responder() {
  if (exchange_) respond(ServerResponse::text(500, "the request was not answered\n"));
}

void Responder::respond(ServerResponse response) {
  auto exchange = std::exchange(exchange_, nullptr);
  if (exchange && exchange->claim()) exchange->respond(std::move(response));
}

ResponseStream Responder::stream(int status, HttpHeaders headers) {
  auto exchange = std::exchange(exchange_, nullptr);
  if (!exchange || !exchange->claim()) return {};
  exchange->begin_stream(status, std::move(headers));
  return ResponseStream(std::move(exchange));
}

bool Responder::cancelled() const { return exchange_ && exchange_->gone(); }

void Responder::on_cancel(std::move_only_function<void()> callback) {
  if (exchange_) exchange_->on_gone(std::move(callback));
}

ResponseStream::ResponseStream(std::shared_ptr<http_server_detail::Exchange> exchange)
    : exchange_(std::move(exchange)) {}

ResponseStream& ResponseStream::operator=(ResponseStream&& other) {
  if (this != &other) {
    close();
    exchange_ = std::move(other.exchange_);
  }
  return *this;
}

ResponseStream::~ResponseStream() { close(); }

bool ResponseStream::write(std::string chunk) {
  return exchange_ && !exchange_->gone() && exchange_->write(std::move(chunk));
}

std::size_t ResponseStream::pending() const { return exchange_ ? exchange_->pending() : 0; }

bool ResponseStream::open() const { return exchange_ && !exchange_->gone(); }

void ResponseStream::close() {
  if (auto exchange = std::exchange(exchange_, nullptr)) exchange->end_stream();
}

WebSocket::WebSocket(std::shared_ptr<http_server_detail::Socket> socket) : socket_(std::move(socket)) {}

WebSocket::~WebSocket() { socket_->close({}); }

void WebSocket::receive(std::move_only_function<void(Result<WebSocketMessage>)> done) {
  socket_->receive(std::move(done));
}

bool WebSocket::send(WebSocketMessage message) { return socket_->send(std::move(message), nullptr); }

void WebSocket::send(WebSocketMessage message, std::move_only_function<void(Result<>)> done) {
  socket_->send(std::move(message), std::move(done));
}

void WebSocket::close(std::string_view reason) { socket_->close(std::string(reason)); }

std::optional<std::pair<std::string, std::string>> basic_credentials(const ServerRequest& request) {
  const auto* header = request.header("Authorization");
  if (header == nullptr || header->size() < 6 || !same_header(header->substr(0, 6), "Basic ")) {
    return std::nullopt;
  }
  auto decoded = decode_base64(std::string_view(*header).substr(6));
  if (!decoded) return std::nullopt;
  auto colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return std::pair(decoded->substr(0, colon), decoded->substr(colon + 1));
}

}  // namespace tollgate
