#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "net/wakeup.h"

struct ssl_ctx_st;
struct ssl_st;

namespace tollgate::grpc_detail {

/// A non-blocking connected socket, with or without TLS. One thread.
class Transport {
 public:
  /// What a read or write came to: a number of bytes, or one of these.
  static constexpr std::ptrdiff_t would_block = -1;
  static constexpr std::ptrdiff_t closed = -2;  ///< end of stream or a broken connection

  /// The server's side. `context` is null for plain text.
  Transport(FileDescriptor fd, ssl_ctx_st* context);
  /// The client's side of a connection to `host`, which the server's certificate must name; offers
  /// HTTP/2 by ALPN. `context` is null for plain text.
  Transport(FileDescriptor fd, ssl_ctx_st* context, const std::string& host);
  ~Transport();

  int fd() const { return fd_.get(); }

  /// Moves a TLS handshake on: 0 when it is complete, else would_block or closed.
  std::ptrdiff_t handshake();
  std::ptrdiff_t read(char* data, std::size_t size);
  std::ptrdiff_t write(const char* data, std::size_t size);
  /// Tells the peer that nothing more will come.
  void finish_writing();

  bool wants_write() const { return wants_write_; }  ///< of the last handshake() or read()
  bool has_buffered_input() const;  ///< decrypted bytes that epoll knows nothing of
  /// Why TLS or the socket failed; "" when the peer just closed.
  std::string take_error() { return std::exchange(error_, std::string()); }
  /// Whether the two sides agreed on HTTP/2. TLS only.
  bool agreed_on_http2() const;
  /// Subject of the client's certificate, "" without one.
  std::string subject() const;

 private:
  std::ptrdiff_t tls_result(int code);
  std::ptrdiff_t socket_result();

  FileDescriptor fd_;
  ssl_st* ssl_ = nullptr;
  bool wants_write_ = false;
  bool broken_ = false;
  std::string error_;
};

}  // namespace tollgate::grpc_detail
