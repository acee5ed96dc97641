#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/component_spec.h"
#include "config/node.h"

namespace tollgate {

inline constexpr std::string_view scrubbed_secret = "!!!SECRET_SCRUBBED!!!";

struct NormaliseOptions {
  bool scrub_secrets = true;
};

/// A configuration in its canonical form, as `echo` prints it: keys in the order of the schema,
/// defaults filled in at the top and in the sections of the service, components as written but
/// without explicit types, unknown keys left out, adopted children moved inside, secrets scrubbed.
/// Fails, with the place, on a component that can't be identified.
Result<Node> normalise_config(const Node& root, const ComponentCatalogue& catalogue,
                              const NormaliseOptions& options = {});

/// One component object likewise.
Result<Node> normalise_component(ComponentKind kind, const Node& node,
                                 const ComponentCatalogue& catalogue,
                                 const NormaliseOptions& options = {});

}  // namespace tollgate
