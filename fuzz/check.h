#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tollgate::fuzz {

/// Ends the process, which is how a fuzz target says that it found something.
inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace tollgate::fuzz
