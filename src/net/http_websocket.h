#pragma once

// What the Boost.Beast side of HttpServer shares; included by http_session.cc only.

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>

#include <deque>
#include <set>
#include <thread>

#include "net/http_session.h"

namespace tollgate::http_server_detail {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

/// More than this many bytes waiting for a client means that it is too slow.
constexpr std::size_t max_unsent = std::size_t{4} << 20;

/// A body that grows with what arrives: string_body reserves whatever Content-Length claims.
struct GrowingBody {
  using value_type = std::string;
  struct reader {
    template <bool IsRequest, typename Fields>
    reader(http::header<IsRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, error_code& error) { error = {}; }
    template <typename Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      for (auto it = asio::buffer_sequence_begin(buffers); it != asio::buffer_sequence_end(buffers);
           ++it) {
        asio::const_buffer part = *it;
        body_.append(static_cast<const char*>(part.data()), part.size());
      }
      return beast::buffer_bytes(buffers);
    }
    void finish(error_code& error) { error = {}; }
    value_type& body_;
  };
};

struct IoLoop::Impl : std::enable_shared_from_this<IoLoop::Impl> {
  explicit Impl(std::shared_ptr<Core> shared) : core(std::move(shared)) {}

  void sweep();
  void schedule_sweep();

  std::shared_ptr<Core> core;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::shared_ptr<TlsListener> tls;  ///< null: plain text
  asio::steady_timer timer{io};
  bool sweeping = false;
  std::atomic<bool> stopped{false};
  std::set<SessionBase*> sessions;
  std::thread thread;
};

using LoopPtr = std::shared_ptr<IoLoop::Impl>;

/// A websocket of either kind of stream.
template <typename Stream>
class SocketImpl final : public Socket,
                         public SessionBase,
                         public std::enable_shared_from_this<SocketImpl<Stream>> {
 public:
  SocketImpl(LoopPtr loop, websocket::stream<Stream> stream)
      : loop_(std::move(loop)), stream_(std::move(stream)) {
    loop_->sessions.insert(this);
    loop_->core->connections.fetch_add(1);
  }
  ~SocketImpl() override {
    loop_->sessions.erase(this);
    loop_->core->connections.fetch_sub(1);
  }

  void start() override {}
  void abort() override {
    open_.store(false);
    beast::close_socket(beast::get_lowest_layer(stream_));
  }
  void cut_off() override { abort(); }
  bool idle() const override { return queue_.empty(); }

  websocket::stream<Stream>& stream() { return stream_; }

  void receive(std::move_only_function<void(Result<WebSocketMessage>)> done) override {
    if (loop_->stopped.load()) return done(cancelled("the server has stopped"));
    asio::post(loop_->io, [self = this->shared_from_this(), done = std::move(done)]() mutable {
      if (self->receiver_) return done(invalid("a receive() is already under way"));
      self->receiver_ = std::move(done);
      self->stream_.async_read(self->buffer_, [self](error_code error, std::size_t) {
        auto receiver = std::exchange(self->receiver_, nullptr);
        if (error) {
          self->open_.store(false);
          return receiver(transient("the websocket is closed: " + error.message()));
        }
        WebSocketMessage message{beast::buffers_to_string(self->buffer_.data()), self->stream_.got_text()};
        self->buffer_.consume(self->buffer_.size());
        receiver(std::move(message));
      });
    });
  }

  bool send(WebSocketMessage message, std::move_only_function<void(Result<>)> done) override {
    auto size = message.data.size();
    if (!open_.load() || unsent_.load() > max_unsent) {
      if (done) done(transient("the websocket is closed or its client too slow"));
      return false;
    }
    unsent_.fetch_add(size);
    asio::post(loop_->io, [self = this->shared_from_this(), message = std::move(message),
                           done = std::move(done)]() mutable {
      self->queue_.push_back({std::move(message), std::move(done)});
      if (self->queue_.size() == 1) self->write();
    });
    return true;
  }

  void close(std::string reason) override {
    if (!open_.exchange(false) || loop_->stopped.load()) return;
    asio::post(loop_->io, [self = this->shared_from_this(), reason = std::move(reason)]() mutable {
      self->closing_ = true;
      self->reason_ = std::move(reason);
      if (self->queue_.empty()) self->finish();
    });
  }

 private:
  struct Outgoing {
    WebSocketMessage message;
    std::move_only_function<void(Result<>)> done;
  };

  void write() {
    stream_.text(queue_.front().message.text);
    stream_.async_write(asio::buffer(queue_.front().message.data),
                        [self = this->shared_from_this()](error_code error, std::size_t) {
                          self->written(error);
                        });
  }

  void written(error_code error) {
    auto sent = std::move(queue_.front());
    queue_.pop_front();
    unsent_.fetch_sub(sent.message.data.size());
    if (sent.done) {
      sent.done(error ? Result<>(transient("the websocket is closed: " + error.message())) : Result<>());
    }
    if (error) {
      open_.store(false);
      auto rest = std::exchange(queue_, {});
      for (auto& each : rest) {
        if (each.done) each.done(transient("the websocket is closed: " + error.message()));
      }
      return;
    }
    if (!queue_.empty()) return write();
    if (closing_) finish();
  }

  void finish() {
    websocket::close_reason why(websocket::close_code::normal);
    why.reason = reason_.substr(0, 120);
    stream_.async_close(why, [self = this->shared_from_this()](error_code) {});
  }

  LoopPtr loop_;
  websocket::stream<Stream> stream_;
  beast::flat_buffer buffer_;
  std::deque<Outgoing> queue_;
  std::move_only_function<void(Result<WebSocketMessage>)> receiver_;
  bool closing_ = false;
  std::string reason_;
  std::atomic<bool> open_{true};
  std::atomic<std::size_t> unsent_{0};
};

}  // namespace tollgate::http_server_detail
