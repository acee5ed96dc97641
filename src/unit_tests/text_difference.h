#pragma once

#include <string>
#include <string_view>

namespace tollgate {

/// The lines in which two texts differ ("\n  - expected\n  + received"), with those they share left
/// out, for texts of several lines; "" for one-line texts, whose difference the eye finds.
std::string line_difference(std::string_view expected, std::string_view received);

}  // namespace tollgate
