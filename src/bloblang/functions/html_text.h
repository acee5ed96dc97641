#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tollgate::bloblang {

/// `<`, `>`, `&` and quotes as character references.
void append_html_escaped(std::string& out, std::string_view text);
/// Go's html package leaves a reference to a single digit alone (`&#5`), browsers do not.
enum class HtmlRules : std::uint8_t { go, standard };

/// Replaces HTML 5 character references, also those without a semicolon that browsers accept.
std::string html_unescaped(std::string_view text, HtmlRules rules = HtmlRules::go);

}  // namespace tollgate::bloblang
