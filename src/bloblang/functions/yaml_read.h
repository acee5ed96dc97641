#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "bloblang/program/convert.h"

namespace tollgate::bloblang {

/// The first document of a YAML text, built in `arena`; null if there is none. Nesting is limited to
/// 1,000 and aliases to a share of the document. Keys that are not strings become the texts they are
/// written as. The error is what a YAML 1.2 reader says: "line 2: did not find expected key".
std::expected<Value, std::string> read_yaml(std::string_view text, Arena& arena);

}  // namespace tollgate::bloblang
