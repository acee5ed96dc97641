#pragma once

#include <string>
#include <string_view>

#include "config/component_spec.h"

namespace tollgate {

/// The warning for a wrapper that adopts `child`, with the block as it should be written: cut from
/// `source` (the file before its variables were replaced, so that no secret shows), or a sketch of
/// it if the block can't be cut out.
std::string adoption_warning(const ComponentSpec& wrapper, const Node& component,
                             const Node::Entry& child, std::string_view source);

}  // namespace tollgate
