// http_server: messages from HTTP requests and WebSockets, answered when they are settled.
//
// The io thread that received a request takes its body apart and hands it over; it never waits. A
// request that finds no room waits in a queue which a timer looks at, as long as `timeout` says.

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "base/strings.h"
#include "component/build_context.h"
#include "component/http_service.h"
#include "component/input.h"
#include "component/multipart.h"
#include "components/inputs/http_answer.h"
#include "net/secret.h"
#include "runtime/timer_queue.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct CorsConfig {
  bool enabled = false;
  std::vector<std::string> allowed_origins;
};

struct ListenerConfig {
  bool reuse_addr = false;
  bool reuse_port = false;
};

struct Config {
  std::string address;
  std::string path = "/post";
  std::string ws_path = "/post/ws";
  std::string ws_welcome_message;
  std::string ws_rate_limit_message;
  std::vector<std::string> allowed_verbs{"POST"};
  Duration timeout = "5s";
  std::string rate_limit;
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;
  std::string auth_token;
  std::int64_t max_body_bytes = std::int64_t{64} << 20;
  CorsConfig cors;
  ResponseConfig sync_response;
  ListenerConfig tcp;
};

const Schema<CorsConfig>& cors_schema() {
  static const Schema<CorsConfig> fields{
      field("enabled", &CorsConfig::enabled, "Whether to answer cross-origin requests.").advanced(),
      field("allowed_origins", &CorsConfig::allowed_origins, "Origins to allow; `*` allows all.")
          .advanced(),
  };
  return fields;
}

const Schema<ListenerConfig>& listener_schema() {
  static const Schema<ListenerConfig> fields{
      field("reuse_addr", &ListenerConfig::reuse_addr, "Whether to set SO_REUSEADDR.").advanced(),
      field("reuse_port", &ListenerConfig::reuse_port,
            "Whether other processes may listen on the same port.")
          .advanced(),
  };
  return fields;
}

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("address", &Config::address,
            "Where to listen. Empty: the paths are served by the service's own HTTP server."),
      field("path", &Config::path, "The path of requests; `{name}` captures a part as metadata."),
      field("ws_path", &Config::ws_path, "The path of WebSockets; empty turns them off."),
      field("ws_welcome_message", &Config::ws_welcome_message,
            "Sent to a WebSocket as it connects.")
          .advanced(),
      field("ws_rate_limit_message", &Config::ws_rate_limit_message,
            "Sent to a WebSocket for a message that the rate limit refuses.")
          .advanced(),
      field("allowed_verbs", &Config::allowed_verbs, "Methods to accept."),
      field("timeout", &Config::timeout,
            "How long a request may wait for room, and then to be settled, before it is answered "
            "with 408."),
      field("rate_limit", &Config::rate_limit,
            "A `rate_limit` resource. Requests over it are answered with 429."),
      field("cert_file", &Config::cert_file, "The certificate, with `address`.").advanced(),
      field("key_file", &Config::key_file, "Its private key.").advanced(),
      field("client_ca_file", &Config::client_ca_file,
            "PEM file of the authorities that client certificates must be signed by, with "
            "`address`; set it to require one of every client (mTLS).")
          .advanced()
          .foreign(),
      field("auth_token", &Config::auth_token,
            "When set, every request must carry `Authorization: Bearer` and this token.")
          .secret()
          .advanced(),
      field("max_body_bytes", &Config::max_body_bytes,
            "The largest body accepted, with `address`; all that are not answered yet take four "
            "times as much at most.")
          .advanced(),
      section("cors", &Config::cors, cors_schema(), "Cross-origin requests, with `address`.")
          .advanced(),
      section("sync_response", &Config::sync_response, response_schema(),
              "How answers look that a `sync_response` made.")
          .advanced(),
      section("tcp", &Config::tcp, listener_schema(), "The listener, with `address`.").advanced(),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.allowed_verbs.empty()) {
    context.error(body["allowed_verbs"].position(), "must specify at least one allowed verb");
  }
  if (config.path.empty() && config.ws_path.empty()) {
    context.error(body.position(), "path and ws_path cannot both be empty");
  }
  if (!config.client_ca_file.empty() && config.cert_file.empty()) {
    context.error(body["client_ca_file"].position(), "client_ca_file needs cert_file and key_file");
  }
  if (config.max_body_bytes < 1) {
    context.error(body["max_body_bytes"].position(), "max_body_bytes must be at least 1");
  }
}

// Requests into messages --------------------------------------------------------------------------

void add_cookies(const ServerRequest& request, Message& message) {
  const std::string* header = request.header("Cookie");
  if (!header) return;
  for (const std::string_view each : split(*header, ";")) {
    const std::string_view pair = trim(each);
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos || equals == 0) continue;
    std::string_view value = pair.substr(equals + 1);
    if (value.size() > 1 && value.starts_with('"') && value.ends_with('"')) {
      value = value.substr(1, value.size() - 2);
    }
    message.set_metadata(pair.substr(0, equals), Value::string(value));
  }
}

// Later groups replace earlier ones; of repeated names within one, the first counts.
void annotate(const ServerRequest& request, Message& message) {
  const auto set = [&](std::string_view key, std::string_view value) {
    message.set_metadata(key, Value::string(value));
  };
  const auto set_firsts = [&](const auto& pairs) {
    for (auto it = pairs.rbegin(); it != pairs.rend(); ++it) set(it->first, it->second);
  };
  const std::string* agent = request.header("User-Agent");
  set("http_server_user_agent", agent ? std::string_view(*agent) : std::string_view());
  set("http_server_request_path", request.path);
  set("http_server_verb", request.method);
  set("http_server_remote_ip", request.remote_ip);
  if (!request.tls_version.empty()) {
    set("http_server_tls_version", request.tls_version);
    set("http_server_tls_subject", request.tls_subject);
    set("http_server_tls_cipher_suite", request.tls_cipher_suite);
  }
  for (auto it = request.headers.rbegin(); it != request.headers.rend(); ++it) {
    if (!same_header(it->first, "Host")) set(canonical_header(it->first), it->second);
  }
  set_firsts(request.query);
  set_firsts(request.path_params);
  add_cookies(request, message);
}

/// The bodies of a request's messages, which view it.
Result<std::vector<std::string_view>> bodies_of(const ServerRequest& request) {
  const std::string* type = request.header("Content-Type");
  if (!type || type->empty()) return std::vector<std::string_view>{request.body};
  const MediaType media = TRY(parse_media_type(*type));
  if (!media.is_multipart()) return std::vector<std::string_view>{request.body};
  std::vector<std::string_view> bodies;
  for (const MultipartPart& part :
       TRY(parse_multipart(request.body, media.parameter("boundary")))) {
    bodies.push_back(part.body);
  }
  return bodies;
}

/// Makes the batch on the worker that opens it; `request` keeps the bodies.
Delivery delivery_of(std::shared_ptr<const ServerRequest> request,
                     std::vector<std::string_view> bodies, std::shared_ptr<ResponseStore> store) {
  Delivery delivery;
  delivery.bytes = request->body.size() + 2048;
  delivery.open = [request, bodies = std::move(bodies), store]() -> Result<Batch> {
    Batch batch;
    batch.memory().retained.push_back(request);
    for (const std::string_view body : bodies) {
      Message& message = batch.add();
      message.set_bytes(body);
      message.response = store;
      annotate(*request, message);
    }
    return batch;
  };
  return delivery;
}

// The endpoint ------------------------------------------------------------------------------------

constexpr auto look_again = std::chrono::milliseconds(5);

/// Someone whose delivery waits for room: told whether it was taken in time.
struct Waiting {
  Delivery delivery;
  std::chrono::steady_clock::time_point deadline;
  std::move_only_function<void(bool taken)> told;
};

/// What handlers and timers share; outlives the input by what is under way.
class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  Endpoint(Config config, Answerer answerer, std::shared_ptr<RateLimit> rate_limit,
           BuildContext& context)
      : config_(std::move(config)),
        answerer_(std::move(answerer)),
        rate_limit_(std::move(rate_limit)),
        timers_(context.timers()),
        logger_(context.logger()) {}

  void open(Intake& intake) {
    std::lock_guard lock(lock_);
    intake_ = &intake;
  }

  /// The answer to a request without the token that is asked for.
  std::optional<ServerResponse> refuse(const ServerRequest& request) const {
    if (config_.auth_token.empty()) return std::nullopt;
    const std::string* given = request.header("Authorization");
    if (carries_bearer(given ? std::string_view(*given) : "", config_.auth_token)) {
      return std::nullopt;
    }
    ServerResponse refused = error_response(401, "Unauthorized");
    refused.headers.emplace_back("WWW-Authenticate", "Bearer");
    return refused;
  }

  /// From here on nothing is submitted.
  void close() {
    std::deque<Waiting> left;
    {
      std::lock_guard lock(lock_);
      intake_ = nullptr;
      left.swap(waiting_);
    }
    for (Waiting& each : left) each.told(false);
  }

  void request(ServerRequest received, Responder responder) {
    if (is_closed()) return responder.respond(error_response(503, "Server closing"));
    if (auto refused = refuse(received)) return responder.respond(std::move(*refused));
    if (std::ranges::find(config_.allowed_verbs, received.method) == config_.allowed_verbs.end()) {
      return responder.respond(error_response(405, "Incorrect method"));
    }
    if (auto refused = limit()) return responder.respond(std::move(*refused));
    auto request = std::make_shared<const ServerRequest>(std::move(received));
    auto bodies = bodies_of(*request);
    if (!bodies) {
      logger_.warn("Request read failed: {}", bodies.error().message());
      return responder.respond(error_response(400, "Bad request"));
    }
    auto exchange = std::make_shared<Exchange>(std::move(responder));
    Delivery delivery = delivery_of(std::move(request), std::move(*bodies), exchange->store);
    delivery.done = [self = shared_from_this(), exchange](const TransactionResult& result) {
      if (!exchange->claim()) return;
      // Settled before the timer was set: start_timer() sees that and cancels it.
      if (const auto timer = exchange->timer.load(); timer != 0) self->timers_.cancel(timer);
      exchange->responder.respond(self->answerer_.answer(result, *exchange->store));
    };
    submit(std::move(delivery), [self = shared_from_this(), exchange](bool taken) {
      if (taken) return self->start_timer(exchange);
      if (!exchange->claim()) return;
      exchange->responder.respond(self->is_closed() ? error_response(503, "Server closing")
                                                    : error_response(408, "Request timed out"));
    }, config_.timeout.value);
  }

  void connect(ServerRequest received, std::shared_ptr<WebSocket> socket) {
    if (is_closed()) return socket->close("Server closing");
    if (refuse(received)) return socket->close("Unauthorized");
    if (!config_.ws_welcome_message.empty()) {
      socket->send({config_.ws_welcome_message, true});
    }
    receive(std::make_shared<const ServerRequest>(std::move(received)), std::move(socket));
  }

 private:
  struct Exchange {
    explicit Exchange(Responder to_answer) : responder(std::move(to_answer)) {}
    /// True for the one who may answer.
    bool claim() { return !answered.exchange(true); }

    Responder responder;
    std::shared_ptr<ResponseStore> store = std::make_shared<ResponseStore>();
    std::atomic<bool> answered{false};
    std::atomic<TimerQueue::Id> timer{0};
  };

  bool is_closed() {
    std::lock_guard lock(lock_);
    return intake_ == nullptr;
  }

  std::optional<ServerResponse> limit() {
    if (!rate_limit_) return std::nullopt;
    const auto wait = rate_limit_->access();
    if (!wait) return error_response(502, "Server error");
    if (wait->count() == 0) return std::nullopt;
    ServerResponse response = error_response(429, "Rate limit exceeded");
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait).count();
    set_header(response.headers, "Retry-After", std::to_string(seconds));
    return response;
  }

  void start_timer(const std::shared_ptr<Exchange>& exchange) {
    if (config_.timeout.value.count() <= 0) return;
    exchange->timer = timers_.after(config_.timeout.value, [exchange] {
      if (exchange->claim()) exchange->responder.respond(error_response(408, "Request timed out"));
    });
    // Settled meanwhile: nobody else cancels it.
    if (exchange->answered) timers_.cancel(exchange->timer.load());
  }

  // Hands over now, or in turn once there is room. `patience` 0: waits until the end.
  void submit(Delivery delivery, std::move_only_function<void(bool)> told,
              std::chrono::nanoseconds patience) {
    const auto now = std::chrono::steady_clock::now();
    const auto deadline = patience.count() > 0 ? now + patience
                                               : std::chrono::steady_clock::time_point::max();
    {
      std::lock_guard lock(lock_);
      if (intake_) waiting_.push_back({std::move(delivery), deadline, std::move(told)});
    }
    if (told) return told(false);
    pump();
  }

  void pump() {
    std::vector<std::pair<std::move_only_function<void(bool)>, bool>> finished;
    {
      std::lock_guard lock(lock_);
      while (intake_ && !waiting_.empty()) {
        if (!intake_->try_submit(waiting_.front().delivery)) break;
        finished.emplace_back(std::move(waiting_.front().told), true);
        waiting_.pop_front();
      }
      const auto now = std::chrono::steady_clock::now();
      std::erase_if(waiting_, [&](Waiting& each) {
        if (each.deadline > now) return false;
        finished.emplace_back(std::move(each.told), false);
        return true;
      });
      if (!waiting_.empty() && !scheduled_) {
        scheduled_ = true;
        timers_.after(look_again, [self = shared_from_this()] {
          {
            std::lock_guard held(self->lock_);
            self->scheduled_ = false;
          }
          self->pump();
        });
      }
    }
    for (auto& [told, taken] : finished) told(taken);
  }

  // WebSockets ------------------------------------------------------------------------------------

  // One message of a socket is settled before the next is received.
  void receive(std::shared_ptr<const ServerRequest> opening, std::shared_ptr<WebSocket> socket) {
    WebSocket& receiver = *socket;
    receiver.receive([self = shared_from_this(), opening = std::move(opening),
                      socket = std::move(socket)](Result<WebSocketMessage> message) mutable {
      if (!message) return;
      if (self->is_closed()) return socket->close("Server closing");
      if (self->rate_limit_) {
        const auto wait = self->rate_limit_->access();
        if (!wait || wait->count() > 0) {
          if (!self->config_.ws_rate_limit_message.empty()) {
            socket->send({self->config_.ws_rate_limit_message, true});
          }
          return self->receive(std::move(opening), std::move(socket));
        }
      }
      auto carried = std::make_shared<ServerRequest>(*opening);
      carried->body = std::move(message->data);
      self->offer(std::move(carried), std::move(opening), std::move(socket));
    });
  }

  // Hands a message over until it is accepted.
  void offer(std::shared_ptr<const ServerRequest> carried,
             std::shared_ptr<const ServerRequest> opening, std::shared_ptr<WebSocket> socket) {
    auto store = std::make_shared<ResponseStore>();
    Delivery delivery = delivery_of(carried, {carried->body}, store);
    delivery.done = [self = shared_from_this(), carried, opening, socket,
                     store](const TransactionResult& result) {
      if (!result.ok()) {
        self->timers_.after(std::chrono::milliseconds(100), [self, carried, opening, socket] {
          self->offer(carried, opening, socket);
        });
        return;
      }
      for (const auto& batch : store->take()) {
        for (const Message& message : *batch) {
          socket->send({std::string(message.bytes()), true});
        }
      }
      self->receive(opening, socket);
    };
    submit(std::move(delivery), [socket](bool taken) {
      if (!taken) socket->close("Server closing");
    }, {});
  }

  const Config config_;
  const Answerer answerer_;
  const std::shared_ptr<RateLimit> rate_limit_;
  TimerQueue& timers_;
  const Logger logger_;
  std::mutex lock_;
  Intake* intake_ = nullptr;      // guarded by lock_; null: closed
  std::deque<Waiting> waiting_;   // guarded by lock_
  bool scheduled_ = false;        // guarded by lock_
};

class HttpServerInput final : public Input {
 public:
  HttpServerInput(const Config& config, std::shared_ptr<Endpoint> endpoint, HttpService& service,
                  const Logger& logger)
      : path_(config.path),
        ws_path_(config.ws_path),
        endpoint_(std::move(endpoint)),
        service_(service) {
    if (config.address.empty()) return;
    HttpServer::Options options;
    options.address = config.address;
    options.tls = {.cert_file = config.cert_file,
                   .key_file = config.key_file,
                   .client_ca_file = config.client_ca_file};
    options.reuse_port = config.tcp.reuse_port;
    options.address_field = "address";
    options.max_body_bytes = static_cast<std::size_t>(config.max_body_bytes);
    options.max_buffered_bytes = 4 * options.max_body_bytes;
    // Here as well, to refuse before the body is read.
    options.authorize = [endpoint = endpoint_](const ServerRequest& request) {
      return endpoint->refuse(request);
    };
    options.on_misuse = [logger](std::string explanation) { logger.warn("{}", explanation); };
    options.on_reload = [logger](std::string notice) { logger.info("{}", notice); };
    if (config.cors.enabled) options.cors_origins = config.cors.allowed_origins;
    server_ = std::make_unique<HttpServer>(std::move(options));
  }

  ~HttpServerInput() override {
    stop();
    if (server_) server_->stop(std::chrono::milliseconds(200));
  }

  Result<> start(Intake& intake) override {
    endpoint_->open(intake);
    auto on_request = [endpoint = endpoint_](ServerRequest request, Responder responder) {
      endpoint->request(std::move(request), std::move(responder));
    };
    auto on_socket = [endpoint = endpoint_](ServerRequest request,
                                            std::shared_ptr<WebSocket> socket) {
      endpoint->connect(std::move(request), std::move(socket));
    };
    if (!server_) {
      if (!path_.empty()) service_.add(path_, "Post a message into the pipeline.", on_request);
      if (!ws_path_.empty()) {
        service_.add_websocket(ws_path_, "Post messages into the pipeline via a WebSocket.",
                               on_socket);
      }
      registered_ = true;
      return {};
    }
    if (!path_.empty()) TRY(server_->handle(path_, on_request));
    if (!ws_path_.empty()) TRY(server_->handle_websocket(ws_path_, on_socket));
    return server_->start();
  }

  void stop() override {
    endpoint_->close();
    if (!std::exchange(registered_, false)) return;
    if (!path_.empty()) service_.remove(path_);
    if (!ws_path_.empty()) service_.remove(ws_path_);
  }

 private:
  const std::string path_;
  const std::string ws_path_;
  const std::shared_ptr<Endpoint> endpoint_;
  HttpService& service_;
  std::unique_ptr<HttpServer> server_;  // null: the service's serves
  bool registered_ = false;
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  std::shared_ptr<RateLimit> rate_limit;
  if (!config.rate_limit.empty()) rate_limit = TRY(context.rate_limit(config.rate_limit));
  Answerer answerer = TRY(Answerer::build(config.sync_response, context.logger()));
  auto endpoint = std::make_shared<Endpoint>(config, std::move(answerer), std::move(rate_limit),
                                             context);
  return std::make_unique<HttpServerInput>(config, std::move(endpoint), context.http(),
                                           context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType http_server_input;
constinit const InputType http_server_input = component_type<schema, make, check>({
    .name = "http_server",
    .categories = "Network",
    .summary = "Receives messages over HTTP, and answers when they are settled.",
    .description = R"md(
A request becomes one message, a multipart request one for each part. It is answered with

- 200 and an empty body when all messages were accepted, or with what a `sync_response` left;
- 502 and the reason when one was rejected, 503 when the collector is stopping;
- 408 when `timeout` passed. The messages may still be delivered then;
- 400 for a body or content type that cannot be read, 401, 405, 413, 429.

Metadata: `http_server_user_agent`, `http_server_request_path`, `http_server_verb`,
`http_server_remote_ip`, `http_server_tls_version`, `http_server_tls_subject`,
`http_server_tls_cipher_suite`; then headers, query parameters, path parameters and cookies by their
names. A WebSocket's messages are offered again until they are accepted.
)md",
});

}  // namespace tollgate
