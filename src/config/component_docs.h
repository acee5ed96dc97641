#pragma once

#include <string>

#include "config/component_spec.h"

namespace tollgate {

/// The reference page of a component, in Markdown: summary, a configuration to start from,
/// examples, a table of the fields and each field in detail.
std::string component_page(const ComponentSpec& spec);

/// The table and details for any list of fields, for example the service's own.
std::string field_reference(const std::vector<FieldSpec>& fields);

}  // namespace tollgate
