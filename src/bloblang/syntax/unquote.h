#pragma once

#include <string>
#include <string_view>

namespace tollgate::bloblang {

/// The text that a double-quoted Go string literal (quotes included) means. False if it is none.
bool unquote(std::string_view literal, std::string& out);

}  // namespace tollgate::bloblang
