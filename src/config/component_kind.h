#pragma once

#include <array>
#include <string_view>

namespace tollgate {

enum class ComponentKind : unsigned char {
  input, buffer, processor, output, cache, rate_limit, metrics, tracer, scanner,
};

inline constexpr std::array all_component_kinds{
    ComponentKind::input,      ComponentKind::buffer,  ComponentKind::processor,
    ComponentKind::output,     ComponentKind::cache,   ComponentKind::rate_limit,
    ComponentKind::metrics,    ComponentKind::tracer,  ComponentKind::scanner,
};

/// "input", "rate_limit" …
std::string_view kind_name(ComponentKind kind);
/// "inputs", "rate-limits" …, as `list` names them
std::string_view plural_name(ComponentKind kind);

}  // namespace tollgate
