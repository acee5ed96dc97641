#pragma once

#include <span>

#include "base/arena.h"
#include "bloblang/program/nodes.h"

/// What is known when a mapping is compiled of the JSON that it will make. All results lie in `memory`.
namespace tollgate::bloblang {

/// How the object that `node` is comes to be text; null if it is no literal, or one whose members are
/// known only when it is evaluated.
const ObjectText* object_text(const Node& node, Arena& memory);

/// The document of a plan where each slot has a value; the slots are the values' places.
JsonShape document_shape(std::span<const RootPlan::Member> members, Arena& memory);

}  // namespace tollgate::bloblang
