#pragma once

#include <string>
#include <string_view>

namespace tollgate::bloblang {

/// The text that a Go literal stands for: "…" with escapes, `…` as it is, or one character in '…'.
/// False if it is none.
bool unquote_literal(std::string_view literal, std::string& out);

}  // namespace tollgate::bloblang
