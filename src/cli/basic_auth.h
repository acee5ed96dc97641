#pragma once

#include <functional>
#include <optional>

#include "base/result.h"
#include "config/service_config.h"
#include "net/http_server.h"

namespace tollgate {

/// The check of `http.basic_auth`: gives an answer for requests that must be refused. Passwords are
/// compared as hashes (md5, sha256, bcrypt, scrypt) in constant time.
/// Errors: a missing user name or hash, an unknown algorithm, a hash or salt that is no base64.
Result<std::function<std::optional<ServerResponse>(const ServerRequest&)>> basic_auth_check(
    const ServiceConfig::BasicAuth& config);

}  // namespace tollgate
