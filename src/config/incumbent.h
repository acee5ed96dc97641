#pragma once

#include <string_view>

#include "config/component_kind.h"

namespace tollgate {

/// Whether Redpanda Connect or the OpenMeter collector has a component of this name, so that a
/// configuration that asks for one that we do not have is told so instead of a spelling mistake.
bool incumbent_has(ComponentKind kind, std::string_view name);

}  // namespace tollgate
