#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate::bloblang {

/// Which part of a URL a text is: each escapes other characters.
enum class UrlPart : std::uint8_t { query, path_segment, path, host, zone, user, fragment };

/// Whether `c` must be written as %XX in that part, as Go's net/url has it.
bool must_escape(char c, UrlPart part);
void append_escaped(std::string& out, std::string_view text, UrlPart part);
/// Errors: `invalid URL escape "%zz"`, `invalid character " " in host name`.
Result<std::string> unescape(std::string_view text, UrlPart part);

}  // namespace tollgate::bloblang
