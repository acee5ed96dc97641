#pragma once

#include "bloblang/program/nodes.h"
#include "bloblang/program/scope.h"

namespace tollgate::bloblang {

/// The machine's entry for functions: runs a map's body with `context` as `this`, a root and
/// variables of its own. In vm/machine.cc.
Value apply_body(const Body& body, const Scope& scope, const Value& context);

}  // namespace tollgate::bloblang
