#pragma once

#include <string_view>

#include "bloblang/program/scope.h"

namespace tollgate::bloblang {

/// The value of variable `name`, or the error that it is not defined.
Value read_variable(const Scope& scope, std::string_view name);

}  // namespace tollgate::bloblang
