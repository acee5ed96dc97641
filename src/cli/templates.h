#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "component/catalogue.h"

namespace tollgate {

/// Adds the component types of the template files that `globs` match. Lints are printed to stderr,
/// and are an error unless `chilled`.
Result<> load_templates(const std::vector<std::string>& globs, bool chilled, Catalogue& catalogue);

}  // namespace tollgate
