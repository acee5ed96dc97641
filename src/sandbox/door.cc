#include "sandbox/door.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

#include "net/http_server_core.h"
#include "net/http_session.h"
#include "net/listen.h"

namespace tollgate {

using http_server_detail::Core;
using http_server_detail::IoLoop;

void Door::Connection::hang_up() const { ::shutdown(fd_, SHUT_RDWR); }

Door::Door(std::string address, std::string setting, int io_threads) : io_threads_(io_threads) {
  HttpServer::Options options;
  options.address = std::move(address);
  options.address_field = std::move(setting);
  core_ = std::make_shared<Core>(std::move(options));
}

Door::~Door() { stop(std::chrono::milliseconds(0)); }

void Door::handle(std::string_view path, Handler handler) {
  const auto wrapped = [handler = std::move(handler)](ServerRequest request, Responder responder) {
    // The place of the peer's address carries the socket: see accept().
    const Connection connection(std::atoi(request.remote_ip.c_str()));
    handler(std::move(request), std::move(responder), connection);
  };
  // The paths are constants of this room, so they are well-formed.
  if (auto set = core_->routes.set(path, {wrapped, nullptr, 0}); !set) std::abort();
}

Result<> Door::start() {
  const auto& options = core_->options;
  listener_ = TRY(listen_tcp(options.address, options.address_field));
  port_ = bound_port(listener_.get());
  for (int i = 0; i < io_threads_; ++i) {
    loops_.push_back(std::make_unique<IoLoop>(core_, nullptr));
    loops_.back()->start();
  }
  acceptor_ = std::thread([this] { accept(); });
  return {};
}

void Door::accept() {
  pollfd watched[2] = {{listener_.get(), POLLIN, 0}, {wakeup_.fd(), POLLIN, 0}};
  std::size_t next = 0;
  while (!core_->stopping.load()) {
    ::poll(watched, 2, -1);
    while (!core_->stopping.load()) {
      sockaddr_storage peer{};
      FileDescriptor fd(accept_tcp(listener_.get(), peer));
      if (!fd) {
        // Out of descriptors: the listener stays readable, so it is left alone for a moment.
        if (errno == EMFILE || errno == ENFILE) ::poll(&watched[1], 1, 100);
        break;
      }
      if (core_->connections.load() >= core_->options.max_connections) continue;
      core_->connections.fetch_add(1);
      auto name = std::to_string(fd.get());
      loops_[next++ % loops_.size()]->adopt(std::move(fd), std::move(name),
                                            peer.ss_family == AF_INET6);
    }
  }
}

void Door::stop(std::chrono::milliseconds grace) {
  core_->stopping.store(true);
  wakeup_.notify();
  if (acceptor_.joinable()) acceptor_.join();
  listener_.reset();
  for (auto& loop : loops_) loop->drain();
  const auto deadline = std::chrono::steady_clock::now() + grace;
  while (core_->exchanges.load() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  for (auto& loop : loops_) loop->stop();
  loops_.clear();
}

}  // namespace tollgate
