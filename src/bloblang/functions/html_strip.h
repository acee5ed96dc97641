#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tollgate::bloblang {

/// `html` without its tags, comments, scripts and styles, its text escaped anew. Elements whose names
/// are in `kept` (lower case) keep their tags, without attributes, where they make sense without any.
std::string strip_html(std::string_view html, std::span<const std::string> kept);

}  // namespace tollgate::bloblang
