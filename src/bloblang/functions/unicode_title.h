#pragma once

#include <string_view>

#include "base/arena.h"

namespace tollgate::bloblang {

/// English title case by Unicode's rules: of each word the first cased letter in title case, what
/// follows in lower case. Built in `arena`.
std::string_view title_text(std::string_view text, Arena& arena);

}  // namespace tollgate::bloblang
