#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "value/decimal.h"
#include "value/json_schema.h"

namespace re2 {
class RE2;
}

/// What the compiler and the validator of JSON Schemas share.
namespace tollgate {

/// Drafts differ in the name of the id, in booleans as schemas and in some keywords; `mixed` takes
/// what any of them allows.
enum class SchemaDraft : std::uint8_t { draft4 = 4, draft6 = 6, draft7 = 7, mixed = 255 };

/// A schema in JsonSchema::Program::nodes.
using SchemaIndex = std::uint32_t;
inline constexpr SchemaIndex kNoSchema = ~0u;

enum class JsonType : std::uint8_t { array, boolean, integer, number, null, object, string };
inline constexpr std::string_view kJsonTypeNames[] = {"array", "boolean", "integer", "number",
                                                      "null",  "object",  "string"};

struct SchemaPattern {
  std::string text;
  std::shared_ptr<const re2::RE2> regex;
};

struct SchemaNode {
  std::optional<bool> pass;            ///< `true` or `false` as a schema
  SchemaIndex reference = kNoSchema;   ///< $ref: everything else is ignored then
  std::vector<JsonType> types;         ///< as written; empty: any

  // Numbers
  std::optional<Decimal> multiple_of, minimum, maximum, exclusive_minimum, exclusive_maximum;
  // Strings
  std::optional<std::int64_t> min_length, max_length;
  std::optional<SchemaPattern> pattern;
  std::string format;
  // Objects
  std::optional<std::int64_t> min_properties, max_properties;
  std::vector<std::string> required;
  std::map<std::string, SchemaIndex, std::less<>> properties;
  std::vector<std::pair<SchemaPattern, SchemaIndex>> pattern_properties;
  std::variant<std::monostate, bool, SchemaIndex> additional_properties;
  SchemaIndex property_names = kNoSchema;
  std::map<std::string, std::variant<std::vector<std::string>, SchemaIndex>, std::less<>>
      dependencies;
  // Arrays
  std::optional<std::int64_t> min_items, max_items;
  bool unique_items = false;
  bool one_schema_for_items = false;
  std::vector<SchemaIndex> items;
  std::variant<std::monostate, bool, SchemaIndex> additional_items;
  SchemaIndex contains = kNoSchema;
  // Any; values as their JSON
  std::optional<std::string> constant;
  std::vector<std::string> enumeration;
  // Combinations
  std::vector<SchemaIndex> one_of, any_of, all_of;
  SchemaIndex negated = kNoSchema;
  SchemaIndex condition = kNoSchema, consequence = kNoSchema, alternative = kNoSchema;
};

struct JsonSchema::Program {
  std::vector<SchemaNode> nodes;
  SchemaIndex root = 0;
};

/// JSON of `value` with numbers as doubles, which makes equal values equal texts.
std::string comparable_json(Value value, Arena& scratch);

/// Whether `text` has the form that `format` names; true if the format is not known.
bool has_format(std::string_view format, std::string_view text);
/// Whether a number may have a field of this format: the known ones are all of strings.
bool is_known_format(std::string_view format);

}  // namespace tollgate
