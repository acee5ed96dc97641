#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tollgate {

/// The files that a path names: itself if it holds none of `*?[{`, else every existing file it
/// matches, sorted. `**` as a whole component matches any number of directories.
std::vector<std::string> files_matching(std::string_view pattern);

/// files_matching() of each, in order.
std::vector<std::string> files_matching_any(const std::vector<std::string>& patterns);

}  // namespace tollgate
