#include "net/grpc_transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "net/tls_listener.h"

namespace tollgate::grpc_detail {

Transport::Transport(FileDescriptor fd, ssl_ctx_st* context) : fd_(std::move(fd)) {
  if (context == nullptr) return;
  ssl_ = SSL_new(context);
  if (ssl_ != nullptr && SSL_set_fd(ssl_, fd_.get()) == 1) {
    SSL_set_accept_state(ssl_);
  } else {
    broken_ = true;
  }
}

Transport::Transport(FileDescriptor fd, ssl_ctx_st* context, const std::string& host)
    : fd_(std::move(fd)) {
  if (context == nullptr) return;
  static constexpr unsigned char protocols[] = {2, 'h', '2'};
  ssl_ = SSL_new(context);
  broken_ = ssl_ == nullptr || SSL_set_fd(ssl_, fd_.get()) != 1 ||
            SSL_set_alpn_protos(ssl_, protocols, sizeof protocols) != 0;
  if (broken_) return;
  SSL_set_connect_state(ssl_);
  // Names are sent in the handshake, addresses are not.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) != 1) {
    ERR_clear_error();
    broken_ = SSL_set1_host(ssl_, host.c_str()) != 1 ||
              SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                       const_cast<char*>(host.c_str())) != 1;
  }
}

Transport::~Transport() {
  if (ssl_ == nullptr) return;
  if (!broken_ && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
  SSL_free(ssl_);
  ERR_clear_error();
}

std::ptrdiff_t Transport::tls_result(int code) {
  int error = SSL_get_error(ssl_, code);
  wants_write_ = error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return would_block;
  // SSL_shutdown() must not follow these two.
  if (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL) broken_ = true;
  error_ = take_tls_errors("");
  if (auto verdict = SSL_get_verify_result(ssl_); verdict != X509_V_OK && !error_.empty()) {
    error_.append(" (").append(X509_verify_cert_error_string(verdict)).append(")");
  }
  return closed;
}

std::ptrdiff_t Transport::socket_result() {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return would_block;
  error_ = std::strerror(errno);
  return closed;
}

bool Transport::agreed_on_http2() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return size == 2 && name[0] == 'h' && name[1] == '2';
}

std::ptrdiff_t Transport::handshake() {
  if (ssl_ == nullptr) return broken_ ? closed : 0;
  if (broken_) return closed;
  ERR_clear_error();
  int code = SSL_do_handshake(ssl_);
  if (code == 1) {
    wants_write_ = false;
    return 0;
  }
  return tls_result(code);
}

std::ptrdiff_t Transport::read(char* data, std::size_t size) {
  if (broken_) return closed;
  if (ssl_ == nullptr) {
    for (;;) {
      auto count = ::recv(fd_.get(), data, size, 0);
      if (count > 0) return count;
      if (count == 0) return closed;
      if (errno == EINTR) continue;
      return socket_result();
    }
  }
  ERR_clear_error();
  int code = SSL_read(ssl_, data, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  wants_write_ = false;
  return code > 0 ? code : tls_result(code);
}

std::ptrdiff_t Transport::write(const char* data, std::size_t size) {
  if (broken_) return closed;
  if (ssl_ == nullptr) {
    for (;;) {
      auto count = ::send(fd_.get(), data, size, MSG_NOSIGNAL);
      if (count >= 0) return count;
      if (errno == EINTR) continue;
      return socket_result();
    }
  }
  ERR_clear_error();
  int code = SSL_write(ssl_, data, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  return code > 0 ? code : tls_result(code);
}

void Transport::finish_writing() {
  if (ssl_ != nullptr && !broken_ && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
  ::shutdown(fd_.get(), SHUT_WR);
}

bool Transport::has_buffered_input() const { return ssl_ != nullptr && SSL_has_pending(ssl_) == 1; }

std::string Transport::subject() const {
  return ssl_ == nullptr ? std::string() : peer_subject(ssl_);
}

}  // namespace tollgate::grpc_detail
