#pragma once

#include <optional>
#include <string_view>

#include "value/value.h"

namespace tollgate::bloblang {

/// What a plain YAML scalar stands for by its spelling alone.
struct YamlScalar {
  std::string_view tag;  ///< "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!merge"
  Value value;           ///< views the text if it is a string
};

YamlScalar resolve_yaml(std::string_view text, Arena& arena);

/// The value of a scalar with an explicit tag; nothing if the text does not fit the tag. Tags
/// unknown to YAML 1.2's core leave the text alone.
std::optional<Value> resolve_tagged_yaml(std::string_view tag, std::string_view text, Arena& arena);

/// Whether a text that is a string must be quoted, lest some reader takes it for something else.
bool needs_yaml_quotes(std::string_view text, Arena& arena);

}  // namespace tollgate::bloblang
