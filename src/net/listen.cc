#include "net/listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "net/url.h"

namespace tollgate {
namespace {

Result<FileDescriptor> try_listen(const addrinfo& info, bool reuse_port) {
  FileDescriptor fd(::socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return transient(std::strerror(errno));
  int on = 1, off = 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (info.ai_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0 || ::listen(fd.get(), 4096) != 0) {
    int code = errno;
    fd.reset();
    errno = code;
    return transient(std::strerror(code));
  }
  return fd;
}

}  // namespace

Result<FileDescriptor> listen_tcp(std::string_view address, std::string_view setting,
                                  bool reuse_port) {
  auto [host, port] = TRY(split_host_port(address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  int code = ::getaddrinfo(host.empty() ? "::" : host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) {
    return invalid("cannot listen on " + std::string(address) + ": " + ::gai_strerror(code) +
                   "; check " + std::string(setting));
  }
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> infos(found, ::freeaddrinfo);
  int failed = EADDRNOTAVAIL;
  for (const auto* info = infos.get(); info != nullptr; info = info->ai_next) {
    if (auto fd = try_listen(*info, reuse_port)) return fd;
    failed = errno;
  }
  // A machine without IPv6 still has an "every address".
  if (host.empty() && failed != EADDRINUSE) {
    return listen_tcp(join_host_port("0.0.0.0", port), setting, reuse_port);
  }
  if (failed == EADDRINUSE) {
    return transient("address already in use: " + std::string(address) +
                     "; stop the other process or set " + std::string(setting));
  }
  if (failed == EACCES) {
    return invalid("permission denied to listen on " + std::string(address) +
                   "; ports below 1024 need a privilege, set " + std::string(setting));
  }
  return transient("cannot listen on " + std::string(address) + ": " + std::strerror(failed) +
                   "; check " + std::string(setting));
}

int bound_port(int listener) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
  if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6&>(name).sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in&>(name).sin_port);
}

int accept_tcp(int listener, sockaddr_storage& peer) {
  socklen_t size = sizeof peer;
  int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return fd;
}

std::string peer_name(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return join_host_port(text, ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  std::string_view shown = text;
  if (shown.starts_with("::ffff:") && shown.find('.') != std::string_view::npos) shown.remove_prefix(7);
  return join_host_port(shown, ntohs(v6.sin6_port));
}

}  // namespace tollgate
