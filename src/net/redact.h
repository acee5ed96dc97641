#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace tollgate {

// What may be shown of an HTTP exchange, in logs and errors.

constexpr std::string_view redacted_text = "<redacted>";

/// Whether a header or query parameter of this name holds what nobody but the two sides may read.
bool holds_credentials(std::string_view name);

/// A URL without its user and password, and without the values of query parameters that hold
/// credentials. What is no URL is returned as it is.
std::string shown_url(std::string_view url);

/// The credentials that `headers` carry and, if any, the password of `url`: each as sent, and what
/// follows the scheme ("Bearer") on its own.
std::vector<std::string> credentials_of(std::string_view url, const HttpHeaders& headers);

/// `text` without any of `credentials`: servers echo what they are sent, in errors above all.
std::string without_credentials(std::string text, const std::vector<std::string>& credentials);

}  // namespace tollgate
