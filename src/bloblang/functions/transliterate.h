#pragma once

#include <string>
#include <string_view>

namespace tollgate::bloblang {

/// `text` in ASCII: letters of alphabets by how they sound or look in English, what has no such
/// letters (Chinese characters, symbols) left out.
std::string to_ascii(std::string_view text);

/// Lower case words of ASCII letters and digits with hyphens between them, for URLs. `language` says
/// how `&`, `@` and some letters are written ("de": ü is ue); an unknown one is taken as English.
std::string slug_of(std::string_view text, std::string_view language);

}  // namespace tollgate::bloblang
