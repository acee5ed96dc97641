#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "value/value.h"

namespace tollgate::bloblang {

/// Appends what Go's fmt.Sprintf makes of a template and values, complaints such as
/// "%!d(string=hi)" included. Stops once `out` is longer than `limit`.
void append_printf(std::string& out, std::string_view format, std::span<const Value> values,
                   Arena& arena, std::size_t limit);

}  // namespace tollgate::bloblang
