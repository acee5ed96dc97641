#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tollgate {

/// Small helpers on text. All compare bytes; letter case means ASCII letters only.

/// `text` without spaces, tabs, CR and LF at both ends.
std::string_view trim(std::string_view text);

std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// "a, b, c".
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string join(std::span<const std::string_view> parts, std::string_view separator);

/// The parts between separators, empty ones kept; one empty part for an empty text. Views of
/// `text`. Requires: `separator` is not empty.
std::vector<std::string_view> split(std::string_view text, std::string_view separator);

/// `text` with each `from` replaced by `to`. Requires: `from` is not empty.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate a user who wrote `name` most likely meant, for "did you mean …?": at most a third
/// of the name wrong, letter case ignored. Empty if none is near. A view of `candidates`.
std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);
std::string_view nearest(std::string_view name, std::span<const std::string> candidates);

}  // namespace tollgate
