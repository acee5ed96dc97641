#pragma once

#include <string>

#include "value/value.h"

namespace tollgate::bloblang {

/// What encoding/json says of a value that has no JSON form, or that it is too large to have one.
std::string json_refusal(Value value, Arena& arena);

}  // namespace tollgate::bloblang
