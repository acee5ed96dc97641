#include "bloblang/functions/path_state.h"

#include "value/path.h"

namespace tollgate::bloblang {

PathState::PathState(std::string_view dotted) : segments(split_path(dotted)) {
  for (const std::string& segment : segments) path.push_back(segment);
}

Prepared prepare_path(const Arguments& arguments) {
  return std::make_unique<PathState>(arguments.text(0));
}

}  // namespace tollgate::bloblang
