#pragma once

// What the tests of this room share: sockets without any protocol, certificates, waiting.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "net/http.h"
#include "net/listen.h"
#include "net/wakeup.h"

namespace tollgate::net_test {

/// Waits for a condition, for 10 s at most.
inline bool eventually(const std::function<bool()>& condition) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// A TCP connection that sends and shows bytes.
class RawSocket {
 public:
  explicit RawSocket(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd_.reset();
  }
  explicit RawSocket(FileDescriptor fd) : fd_(std::move(fd)) {}

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// Reads until `text` has come, the peer has closed or 10 s have passed; returns everything.
  std::string read_until(std::string_view text) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    closed_ = closed_ || !fd_;
    while (!closed_ && (text.empty() || seen_.find(text) == std::string::npos)) {
      pollfd watched{fd_.get(), POLLIN, 0};
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      if (left.count() <= 0 || ::poll(&watched, 1, static_cast<int>(left.count())) <= 0) break;
      char buffer[4096];
      auto count = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (count <= 0) {
        closed_ = true;
        break;
      }
      seen_.append(buffer, static_cast<std::size_t>(count));
    }
    return std::exchange(seen_, std::string());
  }
  std::string read_all() { return read_until({}); }
  /// Whether the peer has closed, as far as reading has shown.
  bool closed() const { return closed_; }
  void close() { fd_.reset(); }

 private:
  FileDescriptor fd_;
  std::string seen_;
  bool closed_ = false;
};

/// A listener on a free port whose connections a test serves by hand.
class RawListener {
 public:
  RawListener() : fd_(std::move(*listen_tcp("127.0.0.1:0", "port"))) {}
  int port() const { return bound_port(fd_.get()); }
  RawSocket accept() {
    pollfd watched{fd_.get(), POLLIN, 0};
    ::poll(&watched, 1, 10'000);
    return RawSocket(FileDescriptor(::accept(fd_.get(), nullptr, nullptr)));
  }

 private:
  FileDescriptor fd_;
};

/// An HTTP/2 frame.
inline std::string frame(unsigned char type, unsigned char flags, std::uint32_t stream,
                         std::string_view payload) {
  std::string out = {static_cast<char>(payload.size() >> 16), static_cast<char>(payload.size() >> 8),
                     static_cast<char>(payload.size()), static_cast<char>(type),
                     static_cast<char>(flags), static_cast<char>(stream >> 24),
                     static_cast<char>(stream >> 16), static_cast<char>(stream >> 8),
                     static_cast<char>(stream)};
  return out.append(payload);
}

/// Header fields as HPACK literals without indexing, so that no state is shared.
inline std::string literals(const HttpHeaders& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\0';
    block += static_cast<char>(name.size());
    block += name;
    block += static_cast<char>(value.size());
    block += value;
  }
  return block;
}

/// A request's header block.
inline std::string headers(std::uint32_t stream, const std::string& path, bool end = false,
                           const HttpHeaders& more = {{"content-type", "application/grpc"}}) {
  auto block =
      literals({{":method", "POST"}, {":scheme", "http"}, {":authority", "h"}, {":path", path}});
  return frame(1, end ? 5 : 4, stream, block + literals(more));
}

/// An authority with a server and a client certificate, made by the openssl program.
class Certificates {
 public:
  Certificates() {
    char name[] = "/tmp/tollgate_certs_XXXXXX";
    folder_ = ::mkdtemp(name);
    std::string script =
        "cd " + folder_ +
        " && exec >/dev/null 2>&1"
        " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key"
        " -out ca.pem -days 2 -subj /CN=authority"
        " && for who in server client; do"
        " openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $who.key"
        " -out $who.csr -subj /CN=$who"
        " && printf 'subjectAltName=IP:127.0.0.1,DNS:localhost' > $who.ext"
        " && openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
        " -out $who.pem -extfile $who.ext; done";
    usable_ = std::system(script.c_str()) == 0;
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }

  bool usable() const { return usable_; }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
  bool usable_ = false;
};

}  // namespace tollgate::net_test
