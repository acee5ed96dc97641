#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "net/http_server.h"
#include "net/wakeup.h"

namespace tollgate {

namespace http_server_detail {
class IoLoop;
struct Core;
}  // namespace http_server_detail

/// An HttpServer that can also hang up: the sandbox closes connections without an answer on
/// request, which no server offers. Built of the parts of HttpServer, so that everything else about
/// a connection is the same. Lifecycle: handle(), start(), stop().
class Door {
 public:
  /// A request's connection. Valid as long as its Responder has not answered.
  class Connection {
   public:
    explicit Connection(int fd) : fd_(fd) {}
    /// Closes it: the client sees the end of the stream instead of an answer.
    void hang_up() const;

   private:
    int fd_;
  };
  using Handler = std::function<void(ServerRequest, Responder, Connection)>;

  /// `setting` is the flag that an error about the address points at.
  Door(std::string address, std::string setting, int io_threads);
  ~Door();
  Door(const Door&) = delete;

  void handle(std::string_view path, Handler handler);
  Result<> start();
  int port() const { return port_; }
  /// Stops accepting, waits up to `grace` for answers under way, then disconnects everyone.
  void stop(std::chrono::milliseconds grace);

 private:
  void accept();

  const int io_threads_;
  std::shared_ptr<http_server_detail::Core> core_;
  FileDescriptor listener_;
  Wakeup wakeup_;
  int port_ = 0;
  std::vector<std::unique_ptr<http_server_detail::IoLoop>> loops_;
  std::thread acceptor_;
};

}  // namespace tollgate
