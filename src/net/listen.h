#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/wakeup.h"

struct sockaddr_storage;

namespace tollgate {

/// A non-blocking TCP listener on "host:port". An empty host means every address of both families.
/// `setting` is the configuration field that an error points at.
Result<FileDescriptor> listen_tcp(std::string_view address, std::string_view setting,
                                  bool reuse_port = false);

/// The port a listener got; 0 when it cannot be told.
int bound_port(int listener);

/// Accepts one connection, non-blocking and without Nagle's delay. -1 and errno when there is none.
int accept_tcp(int listener, sockaddr_storage& peer);

/// "10.0.0.1:5555"; IPv4 addresses mapped into IPv6 are shown as IPv4.
std::string peer_name(const sockaddr_storage& peer);

}  // namespace tollgate
