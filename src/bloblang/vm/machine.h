#pragma once

#include <cstdint>

#include "bloblang/program/program.h"
#include "bloblang/program/scope.h"

/// Running whole programs. Each function makes the Run and the outermost Scope of one execution.
namespace tollgate::bloblang {

/// Executes the statements of `program`: `run` is prepared by the caller, `root` is the document
/// being built and holds where it starts. Null, or the error with its line.
Value run_statements(const Program& program, Run& run, Value& root);

/// The value of the program over a bare value.
Value run_over_value(const Program& program, Run& run, const Value& context);

/// The value of one query of an interpolated string for the message at run.index.
Value run_query(const Node& query, Run& run);

}  // namespace tollgate::bloblang
