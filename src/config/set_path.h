#pragma once

#include <string_view>

#include "base/result.h"
#include "config/node.h"

namespace tollgate {

/// `root` with the change that a `--set` expression asks for: "pipeline.threads=4". The path is
/// keys joined by dots (`~1` is a dot in a key, `~0` a tilde), numbers index lists, `-` appends;
/// the value is YAML.
Result<Node> set_by_expression(const Node& root, std::string_view expression);

/// `root` with the value at `path` replaced; what is missing on the way is made.
Result<Node> set_at_path(const Node& root, std::string_view path, const Node& value);

}  // namespace tollgate
