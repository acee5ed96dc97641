#pragma once

#include "bloblang/program/nodes.h"
#include "bloblang/program/scope.h"

namespace tollgate::bloblang {

/// Executes steps in order; null, or the error of the first that fails (without its line).
/// `failed` is then the step of `steps` it happened in.
Value execute(std::span<const Step> steps, const Scope& scope, bool may_set_metadata,
              const Step*& failed);

/// Sets what is at `path` below `root`, changing in place only what run.epoch owns. `value` may be
/// deleted(). Null, or why the path cannot be set.
Value assign_path(Run& run, Value& root, std::span<const std::string_view> path, Value value);

}  // namespace tollgate::bloblang
