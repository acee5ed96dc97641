#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bloblang/program/function.h"

namespace tollgate::bloblang {

/// A dot path that is an argument, split.
struct PathState final : CallState {
  explicit PathState(std::string_view dotted);

  std::vector<std::string> segments;
  std::vector<std::string_view> path;  ///< views of `segments`
};

/// Splits the first argument; the empty text is the empty path.
Prepared prepare_path(const Arguments& arguments);

}  // namespace tollgate::bloblang
