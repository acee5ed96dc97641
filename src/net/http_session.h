#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/http_server_core.h"
#include "net/tls_listener.h"
#include "net/wakeup.h"

namespace tollgate::http_server_detail {

/// A connection as its io thread keeps it: something with a deadline that can be cut off.
class SessionBase {
 public:
  virtual ~SessionBase() = default;
  virtual void start() = 0;
  /// Closes the socket; pending operations then end by themselves.
  virtual void abort() = 0;
  /// abort(), and forgets the request under way: nobody will carry its answer.
  virtual void cut_off() = 0;
  /// No request under way: may be closed when the server stops.
  virtual bool idle() const = 0;

  Clock::time_point deadline = Clock::time_point::max();
};

/// One thread of asio with its connections, kept apart from the other so that nothing needs a
/// strand. Hides asio from the rest of the server.
class IoLoop {
 public:
  /// `tls` is null for plain text.
  IoLoop(std::shared_ptr<Core> core, std::shared_ptr<TlsListener> tls);
  ~IoLoop();

  void start();
  /// Takes over an accepted socket, from any thread.
  void adopt(FileDescriptor fd, std::string remote_ip, bool v6);
  /// Closes idle connections now and the others when they have answered.
  void drain();
  /// Disconnects everyone and joins the thread.
  void stop();

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace tollgate::http_server_detail
