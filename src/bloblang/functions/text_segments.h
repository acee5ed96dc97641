#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tollgate::bloblang {

enum class Segment : std::uint8_t { grapheme, word, sentence };

/// The pieces of `text` by the rules of Unicode Standard Annex 29, all of them in order. Each invalid
/// byte counts as a character. Views of `text`.
std::vector<std::string_view> segments(std::string_view text, Segment kind);

}  // namespace tollgate::bloblang
