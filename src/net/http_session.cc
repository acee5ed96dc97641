// The HTTP/1.1 connections of HttpServer; with the headers it includes the only file that knows
// Boost.Beast.

#include "net/http_session.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "base/thread_name.h"
#include "net/http_websocket.h"

namespace tollgate::http_server_detail {
namespace {

constexpr std::size_t read_size = 64 << 10;

using Plain = tcp::socket;
using Secure = asio::ssl::stream<tcp::socket>;

/// One connection. Requests are taken one after the other; while one is being answered a read is
/// kept pending, so that a client that goes is noticed.
template <typename Stream>
class Session final : public SessionBase, public std::enable_shared_from_this<Session<Stream>> {
 public:
  static constexpr bool secure = std::is_same_v<Stream, Secure>;

  Session(LoopPtr loop, Stream stream, std::string remote_ip)
      : loop_(std::move(loop)), core_(*loop_->core), stream_(std::move(stream)),
        remote_ip_(std::move(remote_ip)) {
    loop_->sessions.insert(this);
    loop_->schedule_sweep();
  }
  ~Session() override {
    loop_->sessions.erase(this);
    core_.connections.fetch_sub(1);
    end_exchange();
  }

  void start() override {
    expire_after(core_.options.read_timeout);
    if constexpr (secure) {
      stream_.async_handshake(asio::ssl::stream_base::server, [self = self()](error_code error) {
        if (!error) return self->next_request();
        if (error.category() != asio::error::get_ssl_category()) return;
        self->core_.misuse.report(explain_failed_handshake("HTTP", self->remote_ip_, error.message()));
      });
    } else {
      next_request();
    }
  }

  void abort() override {
    error_code ignored;
    lowest().close(ignored);
    if (exchange_) exchange_->set_gone();
  }

  void cut_off() override {
    abort();
    end_exchange();
  }

  bool idle() const override { return phase_ == Phase::waiting && buffer_.size() == 0; }

 private:
  enum class Phase : unsigned char { waiting, reading, handling, upgraded };
  class ExchangeImpl;
  using Parser = http::request_parser<GrowingBody>;

  std::shared_ptr<Session> self() { return this->shared_from_this(); }
  tcp::socket& lowest() {
    if constexpr (secure) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  void expire_after(std::chrono::milliseconds time) { deadline = Clock::now() + time; }

  // Reading -----------------------------------------------------------------

  void next_request() {
    phase_ = Phase::waiting;
    if (core_.stopping.load() && buffer_.size() == 0) return;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(core_.options.max_header_bytes));
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());  // on_head() says it better
    parser_->eager(true);
    if (buffer_.size() > 0) return read_head();
    expire_after(core_.options.idle_timeout);
    read_more();
  }

  /// Keeps one read pending. What it brings stays in the buffer until it is wanted.
  void read_more() {
    if (std::exchange(read_pending_, true)) return;
    stream_.async_read_some(buffer_.prepare(4096), [self = self()](error_code error, std::size_t size) {
      self->read_pending_ = false;
      self->buffer_.commit(size);
      if (error) {
        self->eof_ = true;
        if (self->exchange_) self->exchange_->set_gone();
        return;
      }
      if (self->phase_ == Phase::waiting) self->read_head();
    });
  }

  void read_head() {
    if (explain_strangers()) return;
    phase_ = Phase::reading;
    expire_after(core_.options.read_timeout);
    http::async_read_header(stream_, buffer_, *parser_, [self = self()](error_code error, std::size_t) {
      if (!error) return self->on_head();
      if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        return self->reject(ServerResponse::text(431, "the request's header is too large\n"));
      }
      // Anything of Beast's own is malformed input, the rest a broken connection.
      if (error.category() == make_error_code(http::error::bad_method).category() &&
          error != http::error::end_of_stream && error != http::error::partial_message) {
        self->reject(ServerResponse::text(400, "malformed HTTP request: " + error.message() + "\n"));
      }
    });
  }

  /// Whether the first bytes are of another protocol, which has then been told to the owner; the
  /// connection ends.
  bool explain_strangers() {
    const std::string_view bytes(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    if (!secure && looks_like_tls(bytes)) {
      core_.misuse.report("TLS handshake from " + remote_ip_ +
                          " on the plaintext HTTP port: set cert_file and key_file here, or make the "
                          "client use http://");
      return true;
    }
    if (!bytes.starts_with("PRI * HTTP/2")) return false;
    core_.misuse.report("HTTP/2 without negotiation from " + remote_ip_ +
                        " on the HTTP port: point OTLP/gRPC senders to the gRPC port (4317 by default)");
    return true;
  }

  void on_head() {
    const auto& head = parser_->get();
    request_ = ServerRequest();
    request_.method = std::string_view(head.method_string().data(), head.method_string().size());
    request_.target = std::string_view(head.target().data(), head.target().size());
    for (const auto& header : head) {
      request_.headers.emplace_back(std::string(header.name_string()), std::string(header.value()));
    }
    request_.remote_ip = remote_ip_;
    describe_tls();
    keep_alive_ = head.keep_alive();
    head_only_ = head.method() == http::verb::head;
    http10_ = head.version() < 11;
    gzip_ok_ = accepts_gzip(request_);
    origin_ = core_.allowed_origin(request_);
    if (!read_target(request_)) return reject(ServerResponse::text(400, "malformed request target\n"));
    if (auto length = parser_->content_length(); length && *length > core_.options.max_body_bytes) {
      return reject(ServerResponse::text(413, "the request's body is larger than " +
                                                  std::to_string(core_.options.max_body_bytes) + " bytes\n"));
    }
    parser_->body_limit(core_.options.max_body_bytes);
    if (auto answer = core_.preflight(request_)) return reject(std::move(*answer));
    if (core_.options.authorize) {
      if (auto refusal = core_.options.authorize(request_)) return reject(std::move(*refusal));
    }
    route_ = core_.routes.find(request_.path, request_.path_params);
    if (!route_) return reject(ServerResponse::text(404, "404 page not found\n"));
    if (route_->websocket) return upgrade();
    if (beast::iequals(head[http::field::expect], "100-continue")) return send_continue();
    read_body();
  }

  void describe_tls() {
    if constexpr (secure) {
      auto* ssl = stream_.native_handle();
      std::string_view version = SSL_get_version(ssl);
      request_.tls_version = version.starts_with("TLSv") ? "TLS " + std::string(version.substr(4)) : version;
      if (const auto* cipher = SSL_get_current_cipher(ssl)) {
        request_.tls_cipher_suite = SSL_CIPHER_standard_name(cipher);
      }
      request_.tls_subject = peer_subject(ssl);
    }
  }

  void send_continue() {
    static constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(line.data(), line.size()),
                      [self = self()](error_code error, std::size_t) {
                        if (!error) self->read_body();
                      });
  }

  void read_body() {
    if (parser_->is_done()) return dispatch();
    // The limit on time is renewed with every 64 KiB.
    if (body_seen_ >= parser_->get().body().size() >> 16) {
      expire_after(core_.options.read_timeout);
      body_seen_ = (parser_->get().body().size() >> 16) + 1;
    }
    buffer_.reserve(read_size);
    http::async_read_some(stream_, buffer_, *parser_, [self = self()](error_code error, std::size_t) {
      if (!error) {
        if (self->charge_body()) return self->read_body();
        ServerResponse full = ServerResponse::text(503, "too many requests are arriving at once\n");
        full.headers.emplace_back("Retry-After", "1");
        return self->reject(std::move(full));
      }
      if (error == http::error::body_limit) {
        return self->reject(ServerResponse::text(413, "the request's body is too large\n"));
      }
      if (error.category() == make_error_code(http::error::bad_chunk).category() &&
          error != http::error::partial_message && error != http::error::end_of_stream) {
        self->reject(ServerResponse::text(400, "malformed HTTP request: " + error.message() + "\n"));
      }
    });
  }

  /// False when the bodies of all requests together are more than the server may hold.
  bool charge_body() {
    const std::size_t held = parser_->get().body().capacity();
    if (held > charged_) core_.buffered.fetch_add(held - std::exchange(charged_, held));
    return core_.buffered.load(std::memory_order_relaxed) <= core_.options.max_buffered_bytes;
  }
  void release_body() { core_.buffered.fetch_sub(std::exchange(charged_, 0)); }

  // Answering ---------------------------------------------------------------

  void dispatch() {
    begin_exchange();
    request_.body = std::move(parser_->get().body());
    body_seen_ = 0;
    if (buffer_.size() == 0) {
      buffer_.shrink_to_fit();
      read_more();
    }
    auto route = std::exchange(route_, nullptr);
    route->handler(std::move(request_), Responder(exchange_));
  }

  void begin_exchange() {
    phase_ = Phase::handling;
    deadline = Clock::time_point::max();
    exchange_ = std::make_shared<ExchangeImpl>(self());
    core_.exchanges.fetch_add(1);
    if (eof_) exchange_->set_gone();
  }

  void end_exchange() {
    release_body();
    if (auto exchange = std::exchange(exchange_, nullptr)) {
      exchange->finish();
      core_.exchanges.fetch_sub(1);
    }
  }

  /// Answers without a handler. Unless the request had no body the connection ends here, because
  /// what follows cannot be told from the next request.
  void reject(ServerResponse response) {
    keep_alive_ = keep_alive_ && parser_->is_done();
    begin_exchange();
    exchange_->claim();
    write(std::move(response));
  }

  bool bodiless(int status) const { return status / 100 == 1 || status == 204 || status == 304; }

  std::string head(int status, const HttpHeaders& headers) {
    std::string text = http10_ ? "HTTP/1.0 " : "HTTP/1.1 ";
    text += std::to_string(status) + " " + std::string(http_reason(status)) + "\r\n";
    for (const auto& [name, value] : headers) {
      bool ours = same_header(name, "Content-Length") || same_header(name, "Transfer-Encoding") ||
                  same_header(name, "Connection");
      if (!ours && valid_header(name, value)) text.append(name).append(": ").append(value).append("\r\n");
    }
    if (!origin_.empty()) {
      text.append("Access-Control-Allow-Origin: ").append(origin_).append("\r\nVary: Origin\r\n");
    }
    text.append("Date: ").append(http_date(std::time(nullptr))).append("\r\n");
    if (!keep_alive_) text += "Connection: close\r\n";
    if (keep_alive_ && http10_) text += "Connection: keep-alive\r\n";
    return text;
  }

  void write(ServerResponse response) {
    if (core_.stopping.load()) keep_alive_ = false;
    if (response.status < 200 || response.status > 999) response.status = 500;
    output_ = head(response.status, response.headers);
    if (!bodiless(response.status)) output_ += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    output_ += "\r\n";
    body_ = head_only_ || bodiless(response.status) ? std::string() : std::move(response.body);
    expire_after(core_.options.write_timeout);
    std::array<asio::const_buffer, 2> parts = {asio::buffer(output_), asio::buffer(body_)};
    asio::async_write(stream_, parts, [self = self()](error_code error, std::size_t) { self->written(error); });
  }

  void written(error_code error) {
    end_exchange();
    body_ = std::string();
    if (error) return;
    if (eof_ && buffer_.size() == 0) return;
    if (keep_alive_) return next_request();
    finish();
  }

  /// Ends the connection so that the client gets to read the answer.
  void finish() {
    phase_ = Phase::handling;
    expire_after(std::chrono::seconds(2));
    if constexpr (secure) {
      if (read_pending_) {
        error_code ignored;
        lowest().cancel(ignored);
      }
      stream_.async_shutdown([self = self()](error_code) {});
    } else {
      error_code ignored;
      lowest().shutdown(tcp::socket::shutdown_send, ignored);
      drain_input();
    }
  }

  /// Closing with unread input would reset the connection under the answer.
  void drain_input() {
    if (read_pending_ || eof_) return;
    buffer_.consume(buffer_.size());
    stream_.async_read_some(buffer_.prepare(read_size), [self = self()](error_code error, std::size_t) {
      if (!error) self->drain_input();
    });
  }

  // Streaming ---------------------------------------------------------------

  void begin_stream(int status, const HttpHeaders& headers) {
    chunked_ = !http10_;
    if (!chunked_ || core_.stopping.load()) keep_alive_ = false;
    output_ = head(status, headers);
    if (chunked_) output_ += "Transfer-Encoding: chunked\r\n";
    output_ += "\r\n";
    stream_writing_ = true;
    expire_after(core_.options.write_timeout);
    write_stream_output();
  }

  void queue_chunk(std::string chunk) {
    stream_queue_ += std::move(chunk);
    flush_stream();
  }

  void flush_stream() {
    if (stream_writing_) return;
    if (stream_queue_.empty()) {
      if (stream_ended_) finish_stream();
      return;
    }
    auto chunk = std::exchange(stream_queue_, std::string());
    stream_size_ = chunk.size();
    if (head_only_) {
      output_.clear();
    } else if (chunked_) {
      char size[24];
      std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
      output_ = size + std::move(chunk) + "\r\n";
    } else {
      output_ = std::move(chunk);
    }
    stream_writing_ = true;
    expire_after(core_.options.write_timeout);
    write_stream_output();
  }

  void write_stream_output() {
    asio::async_write(stream_, asio::buffer(output_), [self = self()](error_code error, std::size_t) {
      self->stream_writing_ = false;
      self->deadline = Clock::time_point::max();
      if (self->exchange_) self->exchange_->sent(std::exchange(self->stream_size_, 0));
      if (error) {
        if (self->exchange_) self->exchange_->set_gone();
        return self->end_exchange();
      }
      self->flush_stream();
    });
  }

  void end_stream() {
    stream_ended_ = true;
    flush_stream();
  }

  void finish_stream() {
    stream_ended_ = false;
    output_ = chunked_ && !head_only_ ? "0\r\n\r\n" : "";
    expire_after(core_.options.write_timeout);
    asio::async_write(stream_, asio::buffer(output_),
                      [self = self()](error_code error, std::size_t) { self->written(error); });
  }

  // WebSocket ---------------------------------------------------------------

  void upgrade() {
    if (!websocket::is_upgrade(parser_->get())) {
      return reject(ServerResponse::text(400, "this path is for websockets\n"));
    }
    phase_ = Phase::upgraded;
    deadline = Clock::time_point::max();
    auto socket = std::make_shared<SocketImpl<Stream>>(loop_, websocket::stream<Stream>(std::move(stream_)));
    auto& ws = socket->stream();
    ws.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    ws.read_message_max(route_->max_message_bytes);
    upgrade_ = parser_->release();
    ws.async_accept(upgrade_, [self = self(), socket](error_code error) {
      if (error) return;
      self->route_->websocket(std::move(self->request_), std::make_shared<WebSocket>(socket));
    });
  }

  LoopPtr loop_;
  Core& core_;
  Stream stream_;
  std::string remote_ip_;
  beast::flat_buffer buffer_{std::size_t{1} << 20};
  std::optional<Parser> parser_;
  http::request<GrowingBody> upgrade_;
  ServerRequest request_;
  std::shared_ptr<const HttpRoute> route_;
  std::shared_ptr<ExchangeImpl> exchange_;
  Phase phase_ = Phase::waiting;
  bool read_pending_ = false;
  bool eof_ = false;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool http10_ = false;
  bool gzip_ok_ = false;
  bool chunked_ = false;
  bool stream_writing_ = false;
  bool stream_ended_ = false;
  std::size_t charged_ = 0;    ///< our part of Core::buffered
  std::size_t body_seen_ = 0;  ///< 64 KiB pieces of body for which the deadline was renewed
  std::size_t stream_size_ = 0;
  std::string origin_;
  std::string output_;
  std::string body_;
  std::string stream_queue_;
};

/// Carries calls from any thread to the session, which it keeps alive until it is answered.
template <typename Stream>
class Session<Stream>::ExchangeImpl final
    : public Exchange, public std::enable_shared_from_this<ExchangeImpl> {
 public:
  explicit ExchangeImpl(std::shared_ptr<Session> session)
      : loop_(session->loop_), session_(session), gzip_ok_(session->gzip_ok_) {}

  void respond(ServerResponse response) override {
    // Here and not on the io thread: compression is the caller's work.
    compress(response, gzip_ok_);
    on_session([response = std::move(response)](Session& session) mutable {
      session.write(std::move(response));
    });
  }

  void begin_stream(int status, HttpHeaders headers) override {
    on_session([status, headers = std::move(headers)](Session& session) {
      session.begin_stream(status, headers);
    });
  }

  bool write(std::string chunk) override {
    if (pending_.load() > max_unsent) return false;
    if (chunk.empty()) return true;
    pending_.fetch_add(chunk.size());
    on_session([chunk = std::move(chunk)](Session& session) mutable {
      session.queue_chunk(std::move(chunk));
    });
    return true;
  }

  void end_stream() override {
    on_session([](Session& session) { session.end_stream(); });
  }

  void sent(std::size_t size) { pending_.fetch_sub(size); }

 private:
  template <typename Work>
  void on_session(Work work) {
    // Nobody would run it, and it would keep the loop alive.
    if (loop_->stopped.load()) return;
    asio::dispatch(loop_->io, [self = this->shared_from_this(), work = std::move(work)]() mutable {
      // A session that was answered or aborted in the meantime has another exchange or none.
      if (self->session_->exchange_ == self) work(*self->session_);
    });
  }

  LoopPtr loop_;
  // The cycle with Session::exchange_ is broken by end_exchange().
  std::shared_ptr<Session> session_;
  bool gzip_ok_;
};

template <typename Stream>
void open_session(const LoopPtr& loop, Stream stream, std::string remote_ip) {
  std::make_shared<Session<Stream>>(loop, std::move(stream), std::move(remote_ip))->start();
}

}  // namespace

void IoLoop::Impl::schedule_sweep() {
  if (stopped.load()) return;  // a sweep queued before the stop must not arm the timer again
  if (std::exchange(sweeping, true)) return;
  timer.expires_after(std::chrono::milliseconds(100));
  timer.async_wait([self = shared_from_this()](error_code error) {
    self->sweeping = false;
    if (!error) self->sweep();
  });
}

void IoLoop::Impl::sweep() {
  auto now = Clock::now();
  bool stopping = core->stopping.load();
  // abort() may end a session and so change the set.
  std::vector<SessionBase*> late;
  for (auto* session : sessions) {
    if (session->deadline <= now || (stopping && session->idle())) late.push_back(session);
  }
  for (auto* session : late) {
    if (sessions.contains(session)) session->abort();
  }
  if (!sessions.empty()) schedule_sweep();
}

IoLoop::IoLoop(std::shared_ptr<Core> core, std::shared_ptr<TlsListener> tls)
    : impl_(std::make_shared<Impl>(std::move(core))) {
  impl_->tls = std::move(tls);
}

IoLoop::~IoLoop() { stop(); }

void IoLoop::start() {
  impl_->thread = std::thread([impl = impl_.get()] {
    name_thread("http server");
    block_sigpipe();
    impl->io.run();
  });
}

void IoLoop::adopt(FileDescriptor fd, std::string remote_ip, bool v6) {
  asio::post(impl_->io, [impl = impl_, fd = std::make_shared<FileDescriptor>(std::move(fd)),
                         remote_ip = std::move(remote_ip), v6]() mutable {
    error_code error;
    tcp::socket socket(impl->io);
    socket.assign(v6 ? tcp::v6() : tcp::v4(), fd->get(), error);
    if (error) {
      impl->core->connections.fetch_sub(1);
      return;
    }
    fd->release();
    if (impl->tls) {
      // asio frees what it is given; the connection itself holds on to the context in use.
      const auto current = impl->tls->context();
      SSL_CTX_up_ref(current.get());
      asio::ssl::context context(current.get());
      open_session<Secure>(impl, Secure(std::move(socket), context), std::move(remote_ip));
    } else {
      open_session<Plain>(impl, std::move(socket), std::move(remote_ip));
    }
  });
}

void IoLoop::drain() {
  asio::post(impl_->io, [impl = impl_] { impl->sweep(); });
}

void IoLoop::stop() {
  if (!impl_->thread.joinable()) return;
  asio::post(impl_->io, [impl = impl_] {
    impl->stopped.store(true);
    // Cutting one off may end others.
    auto all = impl->sessions;
    for (auto* session : all) {
      if (impl->sessions.contains(session)) session->cut_off();
    }
    impl->timer.cancel();
    impl->work.reset();
    impl->io.stop();
  });
  impl_->thread.join();
  // What the aborted operations leave behind runs here, so that sessions end before their loop.
  impl_->io.restart();
  impl_->io.poll();
}

}  // namespace tollgate::http_server_detail
