#pragma once

#include <string>
#include <string_view>

namespace tollgate {

// `text` in a colour if stdout is a terminal that shows colours (and NO_COLOR is not set), else as
// it is.
std::string red(std::string_view text);
std::string green(std::string_view text);
std::string yellow(std::string_view text);
std::string blue(std::string_view text);

}  // namespace tollgate
