#pragma once

#include <optional>

#include "bloblang/syntax/ast.h"

namespace tollgate::fuzz {

/// What an operator that evaluates both sides makes of them; nullopt if it refuses them.
std::optional<Value> apply_operator(bloblang::Operator op, Value left, Value right, Arena& arena);

/// A boolean, or whether a number is not 0; nullopt for all else.
std::optional<Value> as_condition(std::optional<Value> value);

}  // namespace tollgate::fuzz
