#pragma once

#include "base/arena.h"
#include "value/value.h"

namespace tollgate {

/// Deep equality as the mapping language means it. Not symmetric in one way: a boolean on the left
/// equals a number on the right that is not 0 (or is).
///
/// Numbers compare as doubles whatever their kinds; strings, bytes and timestamps by their text; of
/// objects, a null member equals a missing one if the sizes agree. deleted(), nothing() and errors
/// equal nothing, nor do values of more than 50 million elements. `arena` is for lazy objects.
bool values_equal(Value left, Value right, Arena& arena);

}  // namespace tollgate
