#pragma once

#include "bloblang/program/scope.h"

namespace tollgate::bloblang {

/// An error if `value` is too deep or too large for what walks over it by recursion and makes
/// something of each element, else nothing. Documents are neither; what a mapping nests or shares
/// within itself may be both.
Value check_structure(Run& run, Value value);

}  // namespace tollgate::bloblang
