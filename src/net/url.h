#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tollgate {

/// The parts of an absolute URL, still escaped.
struct Url {
  std::string scheme;    ///< lower case
  std::string userinfo;  ///< "user:password" or ""
  std::string host;      ///< lower case, without the brackets of an IPv6 address
  int port = 0;          ///< 0 when not given
  std::string path;      ///< starts with '/', or ""
  std::string query;     ///< without the '?'
  std::string fragment;  ///< without the '#'

  /// The port given, or the scheme's (80, 443), or 0.
  int effective_port() const;
  /// "host" or "host:port", with brackets where needed.
  std::string authority() const;
  /// Scheme, authority and path: no credentials, no query. For messages.
  std::string redacted() const;
};

/// Requires a scheme and a host. Does not decode.
Result<Url> parse_url(std::string_view text);

/// `reference` as seen from the absolute URL `base` (RFC 3986, section 5).
Result<std::string> resolve_url(std::string_view base, std::string_view reference);

/// Escapes everything but letters, digits and "-_.~". A space becomes "%20".
std::string escape_url(std::string_view text);

/// Decodes %XX; with `plus_is_space` also '+'. A broken escape is kept as it stands.
std::string unescape_url(std::string_view text, bool plus_is_space = false);

/// Splits and decodes "a=1&b=2", in order. Fields without a name are kept.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

/// Host and port of "host:port", "[v6]:port" or ":port" (empty host). Port 0 is allowed.
Result<std::pair<std::string, int>> split_host_port(std::string_view address);
/// The reverse.
std::string join_host_port(std::string_view host, int port);

}  // namespace tollgate
