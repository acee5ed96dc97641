#pragma once

#include <expected>
#include <memory>
#include <string_view>

#include "bloblang/bloblang.h"
#include "bloblang/program/program.h"

namespace tollgate::bloblang {

std::expected<std::shared_ptr<const Program>, ParseError> compile_mapping(
    std::string_view source, const CompileOptions& options);

/// A string with `${! query }` in it. Without queries it has at most one part.
std::expected<std::shared_ptr<const Program>, ParseError> compile_field(
    std::string_view source, const CompileOptions& options);

}  // namespace tollgate::bloblang
