#pragma once

#include <string_view>

namespace tollgate {

/// The directives that one stands for, without their %, and the characters between them: "H:M" for
/// 'R'. Empty if `letter` is no combination.
std::string_view strftime_composite(char letter);

}  // namespace tollgate
