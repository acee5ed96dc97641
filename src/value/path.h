#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace tollgate {

/// Splits a dot path ("a.b~1c.0") into segments: ~1 stands for a dot, ~0 for a tilde.
std::vector<std::string> split_path(std::string_view path);
/// The dot path of `segments`, escaped.
std::string join_path(const std::vector<std::string>& segments);

/// The value at `path`, as gabs looks it up: object keys, array indexes, `*` over an array gives an
/// array of what each element has. Null value with `found` false when there is nothing.
Value find_path(Value root, std::span<const std::string> path, Arena& arena, bool& found);

}  // namespace tollgate
