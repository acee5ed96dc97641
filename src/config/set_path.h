#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/node.h"

namespace tollgate {

/// The expressions that one flag may hold, separated by commas ("a=1,b.c=2"). A comma inside a value
/// separates nothing unless a path and an equals sign follow.
std::vector<std::string> split_set_expressions(const std::vector<std::string>& flags);

/// `root` with the change that a `--set` expression asks for: "pipeline.threads=4". The path is
/// keys joined by dots (`~1` is a dot in a key, `~0` a tilde), numbers index lists, `-` appends;
/// the value is YAML.
Result<Node> set_by_expression(const Node& root, std::string_view expression);

/// `root` with the value at `path` replaced; what is missing on the way is made.
Result<Node> set_at_path(const Node& root, std::string_view path, const Node& value);
Result<Node> set_at_path(const Node& root, const std::vector<std::string>& path,
                         const Node& value);

}  // namespace tollgate
