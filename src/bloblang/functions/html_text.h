#pragma once

#include <string>
#include <string_view>

namespace tollgate::bloblang {

/// `<`, `>`, `&` and quotes as character references.
void append_html_escaped(std::string& out, std::string_view text);
/// Replaces HTML 5 character references, also those without a semicolon that browsers accept.
std::string html_unescaped(std::string_view text);

}  // namespace tollgate::bloblang
