#include <re2/re2.h>

#include <algorithm>

#include "value/json_schema_documents.h"

namespace tollgate {
namespace {

constexpr int kMaxDepth = 500;
constexpr std::size_t kMaxNodes = 100'000;

std::unexpected<Error> bad_type(std::string_view expected, std::string_view key) {
  return invalid("Invalid type. Expected: " + std::string(expected) +
                 ", given: " + std::string(key));
}

std::unexpected<Error> must_be(std::string_view key, std::string_view what) {
  return invalid(std::string(key) + " must be " + std::string(what));
}

bool is_schema(Value value) { return value.is(Kind::object) || value.is(Kind::boolean); }

std::optional<Decimal> as_decimal(Value value) {
  return value.is(Kind::number_text) ? Decimal::parse(value.as_text()) : std::nullopt;
}

std::optional<SchemaPattern> compile_pattern(std::string_view text) {
  re2::RE2::Options options(re2::RE2::Quiet);
  auto regex =
      std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!regex->ok()) return std::nullopt;
  return SchemaPattern{std::string(text), std::move(regex)};
}

/// Where a schema stands: what its references start from, and by which draft it is read.
struct Place {
  std::string base;
  SchemaDraft draft;
  int depth = 0;

  bool since(SchemaDraft first) const { return draft >= first; }
};

/// Turns schemas into the nodes of a program.
class SchemaCompiler {
 public:
  explicit SchemaCompiler(SchemaDocuments& documents) : documents_(documents) {}

  Result<std::shared_ptr<const JsonSchema::Program>> compile(const SchemaSource& source) {
    program_->root = TRY(
        schema(source.json, {source.base, source.draft.value_or(SchemaDraft::mixed)}));
    return program_;
  }

  Result<SchemaIndex> schema(Value json, const Place& place) {
    const SchemaIndex index = TRY(reserve(place.depth));
    TRY(fill(index, json, place));
    return index;
  }

  /// The schema that `reference` names; compiled once, so that schemas may refer to themselves.
  Result<SchemaIndex> referenced(const std::string& reference, const Place& from) {
    const std::string uri = SchemaDocuments::resolve(from.base, reference);
    if (const auto known = references_.find(uri); known != references_.end()) return known->second;
    const SchemaIndex index = TRY(reserve(from.depth));
    references_.emplace(uri, index);
    const SchemaSource source = TRY(documents_.find(uri));
    if (!is_schema(source.json)) return must_be("valid schema", "of type object");
    TRY(fill(index, source.json,
             {source.base, source.draft.value_or(from.draft), from.depth + 1}));
    return index;
  }

  Arena& arena() { return documents_.arena(); }

 private:
  Result<SchemaIndex> reserve(int depth) {
    if (depth > kMaxDepth) return invalid("the schema is nested too deeply");
    if (program_->nodes.size() >= kMaxNodes) return invalid("the schema is too large");
    program_->nodes.emplace_back();
    return static_cast<SchemaIndex>(program_->nodes.size() - 1);
  }

  Result<> fill(SchemaIndex index, Value json, const Place& place);

  SchemaDocuments& documents_;
  std::shared_ptr<JsonSchema::Program> program_ = std::make_shared<JsonSchema::Program>();
  std::map<std::string, SchemaIndex> references_;  // by resolved URI
};

/// Reads the keywords of one schema object into its node.
class SchemaReader {
 public:
  SchemaReader(SchemaCompiler& compiler, Object& json, Place place, SchemaNode& node)
      : compiler_(compiler), json_(json), place_(std::move(place)), node_(node) {}

  Result<> read() {
    TRY(read_identity());
    if (node_.reference != kNoSchema) return {};
    TRY(read_types());
    TRY(read_object_schemas());
    TRY(read_array_schemas());
    TRY(read_number_rules());
    TRY(read_size_rules());
    TRY(read_value_rules());
    return read_combinations();
  }

 private:
  const Value* find(std::string_view key) { return json_.find(key, compiler_.arena()); }

  Place inside() const { return {place_.base, place_.draft, place_.depth + 1}; }

  Result<SchemaIndex> child(Value json) { return compiler_.schema(json, inside()); }

  Result<> read_identity() {
    const bool old_id =
        place_.draft == SchemaDraft::draft4 || (place_.draft == SchemaDraft::mixed && find("id"));
    for (const std::string_view key :
         {std::string_view(old_id ? "id" : "$id"), std::string_view("$ref")}) {
      const Value* text = find(key);
      if (text && !text->is(Kind::string)) return bad_type("string", key);
    }
    place_.base = SchemaDocuments::base_of(Value::object(&json_), place_.base, compiler_.arena());
    if (const Value* definitions = find("definitions")) {
      if (!definitions->is(Kind::object)) return bad_type("array of schemas", "definitions");
      for (const Member& each : definitions->as_object().members(compiler_.arena())) {
        if (!is_schema(each.value)) return bad_type("array of schemas", "definitions");
        TRY(child(each.value));
      }
    }
    for (const std::string_view key : {"title", "description"}) {
      const Value* text = find(key);
      if (text && !text->is(Kind::string)) return bad_type("string", key);
    }
    if (const Value* reference = find("$ref")) {
      node_.reference = TRY(compiler_.referenced(std::string(reference->as_text()), place_));
    }
    return {};
  }

  Result<> add_type(std::string_view name) {
    const auto known = std::ranges::find(kJsonTypeNames, name);
    if (known == std::end(kJsonTypeNames)) {
      return invalid("has a primitive type that is NOT VALID -- given: /" + std::string(name) +
                     "/ Expected valid values are:[array boolean integer number null object "
                     "string]");
    }
    const auto type = static_cast<JsonType>(known - std::begin(kJsonTypeNames));
    if (std::ranges::find(node_.types, type) != node_.types.end()) {
      return invalid(std::string(name) + " type is duplicated");
    }
    node_.types.push_back(type);
    return {};
  }

  Result<> read_types() {
    const Value* types = find("type");
    if (!types) return {};
    if (types->is(Kind::string)) return add_type(types->as_text());
    if (!types->is(Kind::array)) return bad_type("string/array of strings", "type");
    for (const Value each : types->as_array()) {
      if (!each.is(Kind::string)) return bad_type("string/array of strings", "type");
      TRY(add_type(each.as_text()));
    }
    return {};
  }

  Result<> read_object_schemas() {
    if (const Value* properties = find("properties")) {
      if (!properties->is(Kind::object)) return must_be("properties", "of type object");
      for (const Member& each : properties->as_object().members(compiler_.arena())) {
        node_.properties.emplace(each.key, TRY(child(each.value)));
      }
    }
    TRY(read_additional("additionalProperties", node_.additional_properties));
    if (const Value* patterns = find("patternProperties")) {
      if (!patterns->is(Kind::object)) return bad_type("valid schema", "patternProperties");
      for (const Member& each : patterns->as_object().members(compiler_.arena())) {
        auto pattern = compile_pattern(each.key);
        if (!pattern) return invalid("Invalid regex pattern '" + std::string(each.key) + "'");
        node_.pattern_properties.emplace_back(*std::move(pattern), TRY(child(each.value)));
      }
    }
    if (const Value* names = find("propertyNames"); names && place_.since(SchemaDraft::draft6)) {
      if (!is_schema(*names)) return bad_type("valid schema", "patternProperties");
      node_.property_names = TRY(child(*names));
    }
    return read_dependencies();
  }

  Result<> read_dependencies() {
    const Value* dependencies = find("dependencies");
    if (!dependencies) return {};
    if (!dependencies->is(Kind::object)) return must_be("dependencies", "of type object");
    constexpr std::string_view kWanted = "of type schema or array of strings";
    for (const Member& each : dependencies->as_object().members(compiler_.arena())) {
      if (each.value.is(Kind::array)) {
        std::vector<std::string> names;
        for (const Value name : each.value.as_array()) {
          if (!name.is(Kind::string)) return must_be("dependency", kWanted);
          names.emplace_back(name.as_text());
        }
        node_.dependencies.emplace(each.key, std::move(names));
      } else if (is_schema(each.value)) {
        node_.dependencies.emplace(each.key, TRY(child(each.value)));
      } else {
        return must_be("dependency", kWanted);
      }
    }
    return {};
  }

  Result<> read_additional(std::string_view key,
                           std::variant<std::monostate, bool, SchemaIndex>& to) {
    const Value* additional = find(key);
    if (!additional) return {};
    if (additional->is(Kind::boolean)) {
      to = additional->as_boolean();
    } else if (additional->is(Kind::object)) {
      to = TRY(child(*additional));
    } else {
      return bad_type("boolean/valid schema", key);
    }
    return {};
  }

  Result<> read_array_schemas() {
    if (const Value* items = find("items")) {
      constexpr std::string_view kWanted = "valid schema/array of schemas";
      if (items->is(Kind::array)) {
        for (const Value each : items->as_array()) {
          if (!is_schema(each)) return bad_type(kWanted, "items");
          node_.items.push_back(TRY(child(each)));
        }
      } else if (is_schema(*items)) {
        node_.items.push_back(TRY(child(*items)));
        node_.one_schema_for_items = true;
      } else {
        return bad_type(kWanted, "items");
      }
    }
    return read_additional("additionalItems", node_.additional_items);
  }

  Result<> read_number_rules() {
    if (const Value* factor = find("multipleOf")) {
      node_.multiple_of = as_decimal(*factor);
      if (!node_.multiple_of) return bad_type("number", "multipleOf");
      if (!node_.multiple_of->is_positive()) {
        return must_be("multipleOf", "strictly greater than 0");
      }
    }
    TRY(read_bound("minimum", "exclusiveMinimum", node_.minimum, node_.exclusive_minimum));
    return read_bound("maximum", "exclusiveMaximum", node_.maximum, node_.exclusive_maximum);
  }

  /// In draft 4 the exclusive keyword is a boolean that changes what the plain one means; later it
  /// is a number of its own.
  Result<> read_bound(std::string_view key, std::string_view exclusive_key,
                      std::optional<Decimal>& bound, std::optional<Decimal>& exclusive) {
    if (const Value* limit = find(key)) {
      bound = as_decimal(*limit);
      if (!bound) return must_be(key, "of a number");
    }
    const Value* limit = find(exclusive_key);
    if (!limit) return {};
    const bool may_be_bool =
        place_.draft == SchemaDraft::draft4 || place_.draft == SchemaDraft::mixed;
    const bool may_be_number = place_.draft != SchemaDraft::draft4;
    if (may_be_bool && limit->is(Kind::boolean)) {
      if (!bound) {
        return invalid(std::string(exclusive_key) + " cannot be used without " + std::string(key));
      }
      if (limit->as_boolean()) exclusive = std::exchange(bound, std::nullopt);
      return {};
    }
    exclusive = may_be_number ? as_decimal(*limit) : std::nullopt;
    if (!exclusive) {
      return bad_type(!may_be_number ? "boolean" : may_be_bool ? "boolean/number" : "number",
                      exclusive_key);
    }
    return {};
  }

  Result<> read_size(std::string_view key, std::optional<std::int64_t>& to) {
    const Value* size = find(key);
    if (!size) return {};
    const auto number = as_decimal(*size);
    to = number ? number->to_int64() : std::nullopt;
    if (!to) return must_be(key, "of an integer");
    if (*to < 0) return must_be(key, "greater than or equal to 0");
    return {};
  }

  Result<> read_sizes(std::string_view min_key, std::optional<std::int64_t>& min,
                      std::string_view max_key, std::optional<std::int64_t>& max, bool ordered) {
    TRY(read_size(min_key, min));
    TRY(read_size(max_key, max));
    if (ordered && min && max && *min > *max) {
      return invalid(std::string(min_key) + " cannot be greater than " + std::string(max_key));
    }
    return {};
  }

  Result<> read_size_rules() {
    TRY(read_sizes("minLength", node_.min_length, "maxLength", node_.max_length, true));
    if (const Value* pattern = find("pattern")) {
      if (!pattern->is(Kind::string)) return must_be("pattern", "of a string");
      node_.pattern = compile_pattern(pattern->as_text());
      if (!node_.pattern) return must_be("pattern", "a valid regex");
    }
    if (const Value* format = find("format")) {
      if (!format->is(Kind::string)) return must_be("format", "of type string");
      node_.format = format->as_text();
    }
    TRY(read_sizes("minProperties", node_.min_properties, "maxProperties", node_.max_properties,
                   true));
    if (const Value* required = find("required")) {
      if (!required->is(Kind::array)) return must_be("required", "of an array");
      for (const Value each : required->as_array()) {
        if (!each.is(Kind::string)) return invalid("required items must be string");
        if (std::ranges::find(node_.required, each.as_text()) != node_.required.end()) {
          return invalid("required items must be unique");
        }
        node_.required.emplace_back(each.as_text());
      }
    }
    TRY(read_sizes("minItems", node_.min_items, "maxItems", node_.max_items, false));
    if (const Value* unique = find("uniqueItems")) {
      if (!unique->is(Kind::boolean)) return must_be("uniqueItems", "of a boolean");
      node_.unique_items = unique->as_boolean();
    }
    return {};
  }

  Result<> read_value_rules() {
    Arena& arena = compiler_.arena();
    if (const Value* contains = find("contains"); contains && place_.since(SchemaDraft::draft6)) {
      node_.contains = TRY(child(*contains));
    }
    if (const Value* constant = find("const"); constant && place_.since(SchemaDraft::draft6)) {
      node_.constant = comparable_json(*constant, arena);
    }
    const Value* enumeration = find("enum");
    if (!enumeration) return {};
    if (!enumeration->is(Kind::array)) return must_be("enum", "of an array");
    for (const Value each : enumeration->as_array()) {
      std::string text = comparable_json(each, arena);
      if (std::ranges::find(node_.enumeration, text) != node_.enumeration.end()) {
        return invalid("enum items must be unique");
      }
      node_.enumeration.push_back(std::move(text));
    }
    return {};
  }

  Result<> read_list(std::string_view key, std::vector<SchemaIndex>& to) {
    const Value* list = find(key);
    if (!list) return {};
    if (!list->is(Kind::array)) return must_be(key, "of an array");
    for (const Value each : list->as_array()) to.push_back(TRY(child(each)));
    return {};
  }

  Result<> read_one(std::string_view key, SchemaIndex& to) {
    const Value* schema = find(key);
    if (!schema) return {};
    if (!is_schema(*schema)) return must_be(key, "of an object");
    to = TRY(child(*schema));
    return {};
  }

  Result<> read_combinations() {
    TRY(read_list("oneOf", node_.one_of));
    TRY(read_list("anyOf", node_.any_of));
    TRY(read_list("allOf", node_.all_of));
    TRY(read_one("not", node_.negated));
    if (!place_.since(SchemaDraft::draft7)) return {};
    TRY(read_one("if", node_.condition));
    TRY(read_one("then", node_.consequence));
    return read_one("else", node_.alternative);
  }

  SchemaCompiler& compiler_;
  Object& json_;
  Place place_;
  SchemaNode& node_;
};

Result<> SchemaCompiler::fill(SchemaIndex index, Value json, const Place& place) {
  SchemaNode node;  // nodes_ grows meanwhile
  if (place.since(SchemaDraft::draft6) && json.is(Kind::boolean)) {
    node.pass = json.as_boolean();
  } else if (json.is(Kind::object)) {
    TRY(SchemaReader(*this, json.as_object(), place, node).read());
  } else {
    return invalid("Expected: valid schema, given: Invalid JSON");
  }
  program_->nodes[index] = std::move(node);
  return {};
}

}  // namespace

Result<JsonSchema> JsonSchema::compile(std::string_view text) {
  SchemaDocuments documents;
  const SchemaSource source = TRY(documents.add("", text));
  return JsonSchema(TRY(SchemaCompiler(documents).compile(source)));
}

Result<JsonSchema> JsonSchema::load(std::string_view reference) {
  SchemaDocuments documents;
  const SchemaSource source = TRY(documents.find(SchemaDocuments::resolve("", reference)));
  return JsonSchema(TRY(SchemaCompiler(documents).compile(source)));
}

}  // namespace tollgate
