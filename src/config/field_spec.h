#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/component_kind.h"
#include "config/node.h"

namespace tollgate {

/// Everything the collector knows about one configuration key, without its C++ type. Lint, docs,
/// `list`, `create`, `echo` and the JSON Schema read this.
struct FieldSpec {
  enum class Shape : std::uint8_t { scalar, list, map, list_of_lists };

  std::string key;
  std::string type;  ///< "string", "int", "float", "bool", "object", "unknown", "processor" …
  Shape shape = Shape::scalar;
  std::string help;  ///< Markdown, a sentence or two
  Node default_value;  ///< absent: the key is required, or unset by default if `optional`
  bool optional = false;
  bool advanced = false;
  bool foreign = false;  ///< the incumbent has no such field; `create` leaves it out
  bool deprecated = false;
  bool secret = false;
  bool interpolated = false;
  bool bloblang = false;
  std::vector<std::string> options;  ///< the only values allowed (any case); empty: any
  bool open_options = false;         ///< other values than `options` are allowed too
  std::vector<FieldSpec> children;   ///< of an object

  /// Must be written: it has neither a default nor may it be left out.
  bool is_required() const { return !default_value && !optional && children.empty(); }
};

/// The component kind a field's `type` names, if it does.
std::optional<ComponentKind> component_kind(std::string_view type);

}  // namespace tollgate
