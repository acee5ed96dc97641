#pragma once

#include <string_view>

namespace tollgate {

/// Whether what a client gave is the secret expected, in a time that tells neither where they
/// differ nor how long the secret is. An empty `expected` equals nothing.
bool same_secret(std::string_view given, std::string_view expected);

/// Whether an Authorization header is "Bearer" and `token`, compared as above. The scheme has no
/// case.
bool carries_bearer(std::string_view authorization, std::string_view token);

}  // namespace tollgate
