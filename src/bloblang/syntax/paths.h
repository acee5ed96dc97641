#pragma once

#include <span>
#include <string_view>

#include "base/arena.h"
#include "bloblang/syntax/ast.h"

namespace tollgate::bloblang {

/// Segments of the path that a field or get ends in; 0 for other queries.
std::size_t path_length(const Expr* expr);

/// `target` with `more` added to its path; a target that has none gets one.
const Expr* extend_path(Arena& arena, const Expr* target, std::span<const std::string_view> more);

}  // namespace tollgate::bloblang
