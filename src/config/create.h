#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/component_spec.h"

namespace tollgate {

/// A sample configuration for `create`, as YAML with remarks where a default is missing.
///
/// `expression` is "inputs/processors/outputs", each a list with commas; several inputs or outputs
/// are put into a `broker`. `small` leaves out the service's sections and advanced fields.
Result<std::string> create_config(std::string_view expression, bool small,
                                  const ComponentCatalogue& catalogue);

/// One component with all of its fields at their defaults: what create_config() is made of.
Node sample_component(const ComponentSpec& spec, bool small);

}  // namespace tollgate
