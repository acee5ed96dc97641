#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/node.h"

/// What plain (unquoted) YAML scalars mean: the YAML 1.2 core schema with the liberties that
/// yaml.v3 takes (underscores, 0b and 0o, a leading 0 as octal).
namespace tollgate {

Node::Kind resolve_plain(std::string_view text);
std::optional<std::int64_t> parse_yaml_integer(std::string_view text);
std::optional<double> parse_yaml_number(std::string_view text);
/// The 1.1 words too ("yes", "off", …), which mean a boolean only where one is wanted.
std::optional<bool> parse_yaml_boolean(std::string_view text);
/// Whether `text` is a date or time that must be quoted to stay a string.
bool is_yaml_timestamp(std::string_view text);

}  // namespace tollgate
