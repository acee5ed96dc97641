#pragma once

#include <string_view>

#include "bloblang/functions/text_builder.h"

namespace tollgate::bloblang {

/// Simple case mappings of Unicode 15.0, as Go's unicode package has them.
char32_t upper_rune(char32_t code);
char32_t lower_rune(char32_t code);
char32_t title_rune(char32_t code);
/// What Go's unicode.IsSpace takes.
bool is_space_rune(char32_t code);

/// Each rune mapped; invalid bytes become U+FFFD. A text that the mapping leaves as it is is returned
/// itself, everything else is built in `arena`.
std::string_view upper_text(std::string_view text, Arena& arena);
std::string_view lower_text(std::string_view text, Arena& arena);

}  // namespace tollgate::bloblang
