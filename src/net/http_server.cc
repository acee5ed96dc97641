#include "net/http_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <thread>

#include "net/http_session.h"
#include "net/listen.h"
#include "net/url.h"

namespace tollgate {

using namespace http_server_detail;

/// The listener, its thread, and the io threads that serve what it accepts.
class HttpServer::Impl {
 public:
  explicit Impl(Options options) : core_(std::make_shared<Core>(std::move(options))) {}
  ~Impl() { stop(std::chrono::milliseconds(0)); }

  HttpRoutes& routes() { return core_->routes; }
  int port() const { return port_; }

  Result<> start() {
    const auto& options = core_->options;
    std::shared_ptr<TlsListener> tls;
    if (options.tls.enabled()) {
      tls = TRY(TlsListener::make(options.tls, {"http/1.1"}, options.on_misuse, options.on_reload));
    }
    listener_ = TRY(listen_tcp(options.address, options.address_field, options.reuse_port));
    port_ = bound_port(listener_.get());
    for (int i = 0; i < std::max(options.io_threads, 1); ++i) {
      loops_.push_back(std::make_unique<IoLoop>(core_, tls));
      loops_.back()->start();
    }
    acceptor_ = std::thread([this] { accept(); });
    return {};
  }

  void stop(std::chrono::milliseconds grace) {
    std::lock_guard lock(mutex_);
    core_->stopping.store(true);
    wakeup_.notify();
    if (acceptor_.joinable()) acceptor_.join();
    listener_.reset();
    for (auto& loop : loops_) loop->drain();
    auto deadline = Clock::now() + grace;
    while (core_->exchanges.load() > 0 && Clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    for (auto& loop : loops_) loop->stop();
    loops_.clear();
  }

 private:
  void accept() {
    pollfd watched[2] = {{listener_.get(), POLLIN, 0}, {wakeup_.fd(), POLLIN, 0}};
    std::size_t next = 0;
    while (!core_->stopping.load()) {
      ::poll(watched, 2, -1);
      while (!core_->stopping.load()) {
        sockaddr_storage peer{};
        FileDescriptor fd(accept_tcp(listener_.get(), peer));
        if (!fd) {
          // Out of descriptors: the listener stays readable, so it is left alone for a moment.
          if (errno == EMFILE || errno == ENFILE) {
            core_->misuse.report("out of file descriptors: new HTTP connections have to wait");
            ::poll(&watched[1], 1, 100);
          }
          break;
        }
        if (core_->connections.load() >= core_->options.max_connections) {
          core_->misuse.report("HTTP connection of " + peer_name(peer) + " refused: the limit of " +
                               std::to_string(core_->options.max_connections) + " is reached");
          continue;
        }
        core_->connections.fetch_add(1);
        auto name = split_host_port(peer_name(peer));
        loops_[next++ % loops_.size()]->adopt(std::move(fd), name ? name->first : std::string(),
                                              peer.ss_family == AF_INET6);
      }
    }
  }

  std::shared_ptr<Core> core_;
  FileDescriptor listener_;
  Wakeup wakeup_;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::thread acceptor_;
};

HttpServer::HttpServer(Options options) : impl_(std::make_shared<Impl>(std::move(options))) {}

HttpServer::~HttpServer() = default;

Result<> HttpServer::start() { return impl_->start(); }

int HttpServer::port() const { return impl_->port(); }

Result<> HttpServer::handle(std::string_view path, Handler handler) {
  return impl_->routes().set(path, HttpRoute{std::move(handler), nullptr, 0});
}

Result<> HttpServer::handle_websocket(std::string_view path, WebSocketHandler handler,
                                      std::size_t max_message_bytes) {
  return impl_->routes().set(path, HttpRoute{nullptr, std::move(handler), max_message_bytes});
}

void HttpServer::remove(std::string_view path) { impl_->routes().remove(path); }

std::vector<std::string> HttpServer::paths() const { return impl_->routes().paths(); }

void HttpServer::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }

}  // namespace tollgate
