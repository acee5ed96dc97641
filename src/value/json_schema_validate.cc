#include <re2/re2.h>

#include <algorithm>
#include <unordered_map>

#include "base/strings.h"
#include "value/empty_literal.h"
#include "value/encoding.h"
#include "value/json.h"
#include "value/json_schema_program.h"
#include "value/number.h"
#include "value/timestamp.h"

namespace tollgate {
namespace {

constexpr int kMaxDepth = 1'000;
constexpr std::uint64_t kMaxSteps = 5'000'000;

/// The names on the way from the root to a value, innermost first.
struct Path {
  std::string_view name;
  const Path* outer;
};

void append_path(std::string& out, const Path& path) {
  if (path.outer) {
    append_path(out, *path.outer);
    out += '.';
  }
  out += path.name;
}

std::string field_of(const Path& path) {
  std::string field;
  append_path(field, path);
  constexpr std::string_view kRoot = "(root).";
  if (field.starts_with(kRoot)) field.erase(0, kRoot.size());
  return field;
}

/// Complaints, and how well the document fitted otherwise: of several alternatives the complaints
/// of the one that fitted best are shown.
struct Verdict {
  std::vector<SchemaFailure> failures;
  int score = 0;

  bool ok() const { return failures.empty(); }
  void merge(Verdict other) {
    failures.insert(failures.end(), std::make_move_iterator(other.failures.begin()),
                    std::make_move_iterator(other.failures.end()));
    score += other.score;
  }
};

std::string number_as_written(Value value) {
  if (value.is(Kind::number_text)) return std::string(value.as_text());
  std::string text;
  switch (value.kind()) {
    case Kind::int64: append_int(text, value.as_int64()); break;
    case Kind::uint64: append_uint(text, value.as_uint64()); break;
    default: append_json_float(text, value.as_float64()); break;
  }
  return text;
}

bool matches(const SchemaPattern& pattern, std::string_view text) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *pattern.regex);
}

class SchemaValidator {
 public:
  SchemaValidator(const JsonSchema::Program& program, Arena& scratch)
      : program_(program), scratch_(scratch) {}

  Verdict run(Value document) {
    const Path root{"(root)", nullptr};
    Verdict verdict = apart(program_.root, document, root);
    if (gave_up_) {
      verdict.failures.assign(
          1, {"(root)", "The document needs more nesting or work than this schema may take", ""});
    }
    return verdict;
  }

 private:
  /// The verdict on `value` alone.
  Verdict apart(SchemaIndex schema, Value value, const Path& path) {
    Verdict verdict;
    visit(schema, value, verdict, path);
    return verdict;
  }

  void fail(Verdict& verdict, const Path& path, std::string description,
            std::string_view property = {}) const {
    verdict.failures.push_back({field_of(path), std::move(description), std::string(property)});
    verdict.score -= 2;  // one, beside the one added when the check is through
  }

  void visit(SchemaIndex index, Value value, Verdict& verdict, const Path& path) {
    if (gave_up_ || depth_ >= kMaxDepth || ++steps_ > kMaxSteps) {
      gave_up_ = true;
      return;
    }
    ++depth_;
    visit_node(program_.nodes[index], value, verdict, path);
    --depth_;
  }

  void visit_node(const SchemaNode& node, Value value, Verdict& verdict, const Path& path) {
    if (node.pass) {
      if (!*node.pass) fail(verdict, path, "False always fails validation");
      return;
    }
    if (node.reference != kNoSchema) return visit(node.reference, value, verdict, path);

    std::optional<Decimal> number;
    JsonType type = JsonType::null;
    switch (value.kind()) {
      case Kind::boolean: type = JsonType::boolean; break;
      case Kind::array:
        if (!is_empty_literal(value.as_array())) type = JsonType::array;
        break;
      case Kind::object: type = JsonType::object; break;
      case Kind::string:
      case Kind::bytes:
      case Kind::timestamp: type = JsonType::string; break;
      default:
        if (!value.is_number()) break;
        number = Decimal::parse(number_as_written(value));
        type = number && number->is_integer() ? JsonType::integer : JsonType::number;
    }
    if (!allows(node, type)) {
      return fail(verdict, path, "Invalid type. Expected: " + print_types(node) + ", given: " +
                                     std::string(kJsonTypeNames[static_cast<int>(type)]));
    }
    combinations(node, value, verdict, path);
    if (type == JsonType::array) array_rules(node, value.as_array(), verdict, path);
    if (type == JsonType::object) object_rules(node, value.as_object(), verdict, path);
    if (number) number_rules(node, *number, verdict, path);
    value_rules(node, value, verdict, path);
    if (type == JsonType::object) properties(node, value.as_object(), verdict, path);
    if (type == JsonType::string) string_rules(node, value, verdict, path);
    ++verdict.score;
  }

  static bool allows(const SchemaNode& node, JsonType type) {
    if (node.types.empty()) return true;
    const auto listed = [&](JsonType t) {
      return std::ranges::find(node.types, t) != node.types.end();
    };
    return listed(type) || (type == JsonType::integer && listed(JsonType::number));
  }

  static std::string print_types(const SchemaNode& node) {
    std::string text;
    for (const JsonType type : node.types) {
      if (!text.empty()) text += ',';
      text += kJsonTypeNames[static_cast<int>(type)];
    }
    return node.types.size() > 1 ? "[" + text + "]" : text;
  }

  // Combinations ----------------------------------------------------------------------------------

  void combinations(const SchemaNode& node, Value value, Verdict& verdict, const Path& path) {
    if (!node.any_of.empty()) any_of(node, value, verdict, path);
    if (!node.one_of.empty()) one_of(node, value, verdict, path);
    if (!node.all_of.empty()) {
      std::size_t passed = 0;
      for (const SchemaIndex each : node.all_of) {
        Verdict tried = apart(each, value, path);
        passed += tried.ok();
        verdict.merge(std::move(tried));
      }
      if (passed != node.all_of.size()) {
        fail(verdict, path, "Must validate all the schemas (allOf)");
      }
    }
    if (node.negated != kNoSchema && apart(node.negated, value, path).ok()) {
      fail(verdict, path, "Must not validate the schema (not)");
    }
    if (value.is(Kind::object)) dependencies(node, value, verdict, path);
    condition(node, value, verdict, path);
    ++verdict.score;
  }

  void any_of(const SchemaNode& node, Value value, Verdict& verdict, const Path& path) {
    std::optional<Verdict> best;
    for (const SchemaIndex each : node.any_of) {
      Verdict tried = apart(each, value, path);
      if (tried.ok()) return;
      if (!best || tried.score > best->score) best = std::move(tried);
    }
    fail(verdict, path, "Must validate at least one schema (anyOf)");
    verdict.merge(*std::move(best));
  }

  void one_of(const SchemaNode& node, Value value, Verdict& verdict, const Path& path) {
    std::size_t passed = 0;
    std::optional<Verdict> best;
    for (const SchemaIndex each : node.one_of) {
      Verdict tried = apart(each, value, path);
      if (tried.ok()) {
        ++passed;
      } else if (passed == 0 && (!best || tried.score > best->score)) {
        best = std::move(tried);
      }
    }
    if (passed == 1) return;
    fail(verdict, path, "Must validate one and only one schema (oneOf)");
    if (passed == 0) verdict.merge(*std::move(best));
  }

  void dependencies(const SchemaNode& node, Value value, Verdict& verdict, const Path& path) {
    for (const auto& [key, dependency] : node.dependencies) {
      if (!value.as_object().find(key, scratch_)) continue;
      if (const auto* schema = std::get_if<SchemaIndex>(&dependency)) {
        visit(*schema, value, verdict, path);
        continue;
      }
      for (const std::string& name : std::get<std::vector<std::string>>(dependency)) {
        if (!value.as_object().find(name, scratch_)) {
          fail(verdict, path, "Has a dependency on " + name);
        }
      }
    }
  }

  void condition(const SchemaNode& node, Value value, Verdict& verdict, const Path& path) {
    if (node.condition == kNoSchema) return;
    const bool holds = apart(node.condition, value, path).ok();
    const SchemaIndex then = holds ? node.consequence : node.alternative;
    if (then == kNoSchema) return;
    Verdict tried = apart(then, value, path);
    if (tried.ok()) return;
    fail(verdict, path, holds ? "Must validate \"then\" as \"if\" was valid"
                              : "Must validate \"else\" as \"if\" was not valid");
    verdict.merge(std::move(tried));
  }

  // Rules by type ---------------------------------------------------------------------------------

  void value_rules(const SchemaNode& node, Value value, Verdict& verdict, const Path& path) {
    if (node.constant || !node.enumeration.empty()) {
      const std::string text = comparable_json(value, scratch_);
      if (node.constant && text != *node.constant) {
        fail(verdict, path, field_of(path) + " does not match: " + *node.constant);
      }
      if (!node.enumeration.empty() && std::ranges::find(node.enumeration, text) ==
                                           node.enumeration.end()) {
        fail(verdict, path, field_of(path) + " must be one of the following: " +
                                join(std::span<const std::string>(node.enumeration), ", "));
      }
    }
    ++verdict.score;
  }

  void items(const SchemaNode& node, const Array& array, Verdict& verdict, const Path& path) {
    for (std::uint32_t i = 0; i < array.size; ++i) {
      SchemaIndex schema = kNoSchema;
      if (node.one_schema_for_items) {
        schema = node.items.front();
      } else if (i < node.items.size()) {
        schema = node.items[i];
      } else if (const auto* allowed = std::get_if<bool>(&node.additional_items)) {
        if (!*allowed) fail(verdict, path, "No additional items allowed on array");
        return;
      } else if (const auto* additional = std::get_if<SchemaIndex>(&node.additional_items)) {
        schema = *additional;
      }
      if (schema == kNoSchema) return;
      const std::string name = std::to_string(i);
      verdict.merge(apart(schema, array.items[i], {name, &path}));
    }
  }

  void array_rules(const SchemaNode& node, const Array& array, Verdict& verdict,
                   const Path& path) {
    if (!node.items.empty()) items(node, array, verdict, path);
    if (node.min_items && array.size < *node.min_items) {
      fail(verdict, path,
           "Array must have at least " + std::to_string(*node.min_items) + " items");
    }
    if (node.max_items && array.size > *node.max_items) {
      fail(verdict, path, "Array must have at most " + std::to_string(*node.max_items) + " items");
    }
    if (node.unique_items) {
      std::unordered_map<std::string, std::uint32_t> seen;
      for (std::uint32_t i = 0; i < array.size; ++i) {
        const auto [at, is_new] = seen.try_emplace(comparable_json(array.items[i], scratch_), i);
        if (!is_new) {
          fail(verdict, path, "array items[" + std::to_string(at->second) + "," +
                                  std::to_string(i) + "] must be unique");
        }
        at->second = i;
      }
    }
    if (node.contains != kNoSchema) contains(node, array, verdict, path);
    ++verdict.score;
  }

  void contains(const SchemaNode& node, const Array& array, Verdict& verdict, const Path& path) {
    std::optional<Verdict> best;
    for (std::uint32_t i = 0; i < array.size; ++i) {
      const std::string name = std::to_string(i);
      Verdict tried = apart(node.contains, array.items[i], {name, &path});
      if (tried.ok()) return;
      if (!best || tried.score > best->score) best = std::move(tried);
    }
    fail(verdict, path, "At least one of the items must match");
    if (best) verdict.merge(*std::move(best));
  }

  void object_rules(const SchemaNode& node, Object& object, Verdict& verdict, const Path& path) {
    const auto members = object.members(scratch_);
    const auto count = static_cast<std::int64_t>(members.size());
    if (node.min_properties && count < *node.min_properties) {
      fail(verdict, path,
           "Must have at least " + std::to_string(*node.min_properties) + " properties");
    }
    if (node.max_properties && count > *node.max_properties) {
      fail(verdict, path,
           "Must have at most " + std::to_string(*node.max_properties) + " properties");
    }
    for (const std::string& name : node.required) {
      if (object.find(name, scratch_)) {
        ++verdict.score;
      } else {
        fail(verdict, path, name + " is required", name);
      }
    }
    for (const Member& member : members) other_properties(node, member, verdict, path);
    if (node.property_names != kNoSchema) {
      for (const Member& member : members) {
        Verdict tried = apart(node.property_names, Value::string(member.key), path);
        if (tried.ok()) continue;
        fail(verdict, path, "Property name of \"" + std::string(member.key) + "\" does not match",
             member.key);
        verdict.merge(std::move(tried));
      }
    }
    ++verdict.score;
  }

  /// Applies `patternProperties`, and `additionalProperties` to what nothing else describes.
  void other_properties(const SchemaNode& node, const Member& member, Verdict& verdict,
                        const Path& path) {
    bool matched = false;
    for (const auto& [pattern, schema] : node.pattern_properties) {
      if (!matches(pattern, member.key)) continue;
      matched = true;
      verdict.merge(apart(schema, member.value, {member.key, &path}));
    }
    if (matched) {
      ++verdict.score;
      return;
    }
    if (node.properties.contains(member.key)) return;
    if (const auto* allowed = std::get_if<bool>(&node.additional_properties)) {
      if (!*allowed) {
        fail(verdict, path, "Additional property " + std::string(member.key) + " is not allowed",
             member.key);
      }
    } else if (const auto* schema = std::get_if<SchemaIndex>(&node.additional_properties)) {
      verdict.merge(apart(*schema, member.value, {member.key, &path}));
    }
  }

  void properties(const SchemaNode& node, Object& object, Verdict& verdict, const Path& path) {
    for (const auto& [name, schema] : node.properties) {
      if (const Value* value = object.find(name, scratch_)) {
        visit(schema, *value, verdict, {name, &path});
      }
    }
  }

  void number_rules(const SchemaNode& node, const Decimal& number, Verdict& verdict,
                    const Path& path) {
    if (node.multiple_of && !number.is_multiple_of(*node.multiple_of)) {
      fail(verdict, path, "Must be a multiple of " + node.multiple_of->text());
    }
    if (node.maximum && number > *node.maximum) {
      fail(verdict, path, "Must be less than or equal to " + node.maximum->text());
    }
    if (node.exclusive_maximum && number >= *node.exclusive_maximum) {
      fail(verdict, path, "Must be less than " + node.exclusive_maximum->text());
    }
    if (node.minimum && number < *node.minimum) {
      fail(verdict, path, "Must be greater than or equal to " + node.minimum->text());
    }
    if (node.exclusive_minimum && number <= *node.exclusive_minimum) {
      fail(verdict, path, "Must be greater than " + node.exclusive_minimum->text());
    }
    if (is_known_format(node.format)) {
      fail(verdict, path, "Does not match format '" + node.format + "'");
    }
    ++verdict.score;
  }

  std::string text_of(Value value) {
    if (value.is(Kind::string)) return std::string(value.as_text());
    std::string text;
    if (value.is(Kind::bytes)) append_base64(text, value.as_text());
    else append_rfc3339(text, value.as_timestamp());
    return text;
  }

  void string_rules(const SchemaNode& node, Value value, Verdict& verdict, const Path& path) {
    const std::string text = text_of(value);
    if (node.min_length || node.max_length) {
      const auto length = static_cast<std::int64_t>(count_runes(text));
      if (node.min_length && length < *node.min_length) {
        fail(verdict, path, "String length must be greater than or equal to " +
                                std::to_string(*node.min_length));
      }
      if (node.max_length && length > *node.max_length) {
        fail(verdict, path, "String length must be less than or equal to " +
                                std::to_string(*node.max_length));
      }
    }
    if (node.pattern && !matches(*node.pattern, text)) {
      fail(verdict, path, "Does not match pattern '" + node.pattern->text + "'");
    }
    if (!node.format.empty() && !has_format(node.format, text)) {
      fail(verdict, path, "Does not match format '" + node.format + "'");
    }
    ++verdict.score;
  }

  const JsonSchema::Program& program_;
  Arena& scratch_;
  int depth_ = 0;
  std::uint64_t steps_ = 0;
  bool gave_up_ = false;
};

Value with_doubles(Value value, Arena& arena, int depth) {
  if (value.is_number()) {
    const Value number = Value::float64(to_double(value));
    return number;
  }
  if (depth > kMaxDepth) return value;
  if (value.is(Kind::array)) {
    Array* copy = make_array(arena, value.as_array().size);
    for (const Value item : value.as_array()) {
      copy->push(with_doubles(item, arena, depth + 1), arena);
    }
    return Value::array(copy);
  }
  if (value.is(Kind::object)) {
    const auto members = value.as_object().members(arena);
    auto* copies = arena.allocate_array<Member>(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
      copies[i] = {members[i].key, with_doubles(members[i].value, arena, depth + 1)};
    }
    return Value::object(make_object_of(arena, copies, members.size()));
  }
  return value;
}

}  // namespace

std::string comparable_json(Value value, Arena& scratch) {
  std::string text;
  append_json(text, with_doubles(value, scratch, 0), scratch, {.escape_html = true});
  return text;
}

std::vector<SchemaFailure> JsonSchema::validate(Value document, Arena& scratch) const {
  return SchemaValidator(*program_, scratch).run(document).failures;
}

std::string describe(const std::vector<SchemaFailure>& failures) {
  std::string text;
  for (const SchemaFailure& failure : failures) {
    if (!text.empty()) text += '\n';
    text.append(failure.field).append(" ");
    // Lower case but for the name of the property.
    const std::size_t at =
        failure.property.empty() ? std::string::npos : failure.description.find(failure.property);
    if (at == std::string::npos) {
      text += to_lower(failure.description);
    } else {
      text += to_lower(failure.description.substr(0, at));
      text += failure.property;
      text += to_lower(failure.description.substr(at + failure.property.size()));
    }
  }
  return text;
}

}  // namespace tollgate
