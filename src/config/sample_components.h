#pragma once

#include "config/component_spec.h"

namespace tollgate {

/// A handful of components with the shapes that real ones have, for the tests of this folder.
const ComponentCatalogue& sample_catalogue();

}  // namespace tollgate
