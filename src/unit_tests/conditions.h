#pragma once

#include <string>
#include <vector>

#include "config/service_config.h"
#include "message/message.h"

namespace tollgate {

/// What is wrong with message `index` of `batch`, a sentence for each condition that does not hold
/// ("content_equals: content mismatch …"), in the alphabetical order of conditions. Files are
/// relative to `folder`.
std::vector<std::string> check_conditions(const ServiceConfig::TestConditions& conditions,
                                          Batch& batch, std::size_t index,
                                          const std::string& folder);

/// The JSON of a configuration value, keys sorted; as `json_content` becomes a message.
std::string json_of(const Node& node);

/// A configuration value as a value of the mapping language, in `arena`.
Value value_of(const Node& node, Arena& arena);

}  // namespace tollgate
