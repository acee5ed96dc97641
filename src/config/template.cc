#include "config/template.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/schema.h"
#include "value/coerce.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate {

namespace {

using Shape = FieldSpec::Shape;

// The file -----------------------------------------------------------------------------------------

struct FieldConfig {
  std::string name;
  std::string description;
  std::string type;
  std::string kind = "scalar";
  std::optional<Node> default_value;
  bool advanced = false;
  std::optional<Node> options;
};

struct TestConfig {
  std::string name;
  std::string label;
  Node config;
  std::optional<Node> expected;
};

struct FileConfig {
  std::string name;
  std::string type;
  std::string status = "stable";
  std::vector<std::string> categories;
  std::string summary;
  std::string description;
  std::vector<FieldConfig> fields;
  MappingText mapping;
  MappingText metrics_mapping;
  std::vector<TestConfig> tests;
};

const Schema<FieldConfig>& field_schema() {
  using F = FieldConfig;
  static const Schema<F> schema{
      required("name", &F::name, "The key."),
      field("description", &F::description, "What it is for."),
      required("type", &F::type, "What its value is.")
          .options({"string", "string_enum", "string_annotated_enum", "int", "float", "bool",
                    "bloblang", "unknown"}),
      field("kind", &F::kind, "Whether there is one value, a list, or a map of them.")
          .options({"scalar", "map", "list"}),
      field("default", &F::default_value, "What it is where it is not written."),
      field("advanced", &F::advanced, "Whether it is left out of short examples."),
      field("options", &F::options, "The only values of an enum."),
  };
  return schema;
}

const Schema<TestConfig>& test_schema() {
  using T = TestConfig;
  static const Schema<T> schema{
      required("name", &T::name, "What the test is called."),
      field("label", &T::label, "The label of the instance."),
      required("config", &T::config, "The instance's fields."),
      field("expected", &T::expected, "What must become of it."),
  };
  return schema;
}

const Schema<FileConfig>& file_schema() {
  using F = FileConfig;
  static const Schema<F> schema{
      required("name", &F::name, "The name of the component type."),
      required("type", &F::type, "Its kind.")
          .options({"cache", "input", "output", "processor", "rate_limit"}),
      field("status", &F::status, "How settled it is.")
          .options({"stable", "beta", "experimental", "deprecated"}),
      field("categories", &F::categories, "Where documentation lists it."),
      field("summary", &F::summary, "A sentence."),
      field("description", &F::description, "More about it."),
      sections("fields", &F::fields, field_schema(), "Its fields."),
      required("mapping", &F::mapping, "Makes the component's configuration of the fields."),
      field("metrics_mapping", &F::metrics_mapping, "Has no effect."),
      sections("tests", &F::tests, test_schema(), "Instances and what must become of them."),
  };
  return schema;
}

Result<std::vector<std::string>> options_of(const FieldConfig& config) {
  const Node options = config.options.value_or(Node());
  std::vector<std::string> names;
  if (config.type == "string_enum") {
    for (const Node& item : options.items()) names.emplace_back(item.text());
    if (names.empty()) return invalid("at least one option must be provided");
  } else if (config.type == "string_annotated_enum") {
    for (const auto& entry : options.entries()) names.push_back(entry.key);
    if (names.empty()) return invalid("at least one annotated option must be provided");
  }
  std::ranges::sort(names);
  if (std::ranges::adjacent_find(names) != names.end()) {
    return invalid("duplicate options are not allowed");
  }
  return names;
}

Result<FieldSpec> spec_of(const FieldConfig& config) {
  if (config.type.empty()) return invalid("missing type field");
  FieldSpec spec{.key = config.name, .type = config.type};
  spec.help = config.description;
  spec.advanced = config.advanced;
  spec.bloblang = config.type == "bloblang";
  spec.options = TRY(options_of(config));
  if (spec.bloblang || !spec.options.empty()) spec.type = "string";
  if (config.kind == "list") spec.shape = Shape::list;
  if (config.kind == "map") spec.shape = Shape::map;
  if (config.default_value) spec.default_value = *config.default_value;
  return spec;
}

// Instances ----------------------------------------------------------------------------------------

void check_value(const FieldSpec& spec, const Node& node, ReadContext& context) {
  const auto check_as = [&]<typename T>(T value) { Codec<T>::read(node, value, context); };
  if (spec.bloblang) {
    check_as(MappingText());
  } else if (spec.type == "string") {
    check_as(std::string());
  } else if (spec.type == "int") {
    check_as(std::int64_t{});
  } else if (spec.type == "float") {
    check_as(double{});
  } else if (spec.type == "bool") {
    check_as(false);
  }
}

void check_body(const std::vector<FieldSpec>& fields, const Node& body, ReadContext& context) {
  if (!context.expect_map(body)) return;
  for (const auto& [key, position, value, aliased] : body.entries()) {
    const auto known = std::ranges::find(fields, key, &FieldSpec::key);
    if (known == fields.end()) {
      if (!aliased) context.unknown_key(key, position, fields);
      continue;
    }
    const auto scope = context.enter(*known, position);
    if (!context.check(*known, value)) continue;
    if (known->shape == Shape::list) {
      if (!context.expect_list(value)) continue;
      for (const Node& item : value.items()) check_value(*known, item, context);
    } else if (known->shape == Shape::map) {
      if (!context.expect_map(value)) continue;
      for (const auto& entry : value.entries()) check_value(*known, entry.value, context);
    } else {
      check_value(*known, value, context);
    }
  }
  for (const FieldSpec& spec : fields) {
    if (!body[spec.key]) context.missing_key(spec, body);
  }
}

/// A field's value as its type has it: whatever was written for a string is one.
Node typed(const FieldSpec& spec, const Node& node) {
  if (node.is(Node::Kind::list)) {
    std::vector<Node> items;
    for (const Node& item : node.items()) items.push_back(typed(spec, item));
    return Node::list(std::move(items));
  }
  if (node.is(Node::Kind::map) && spec.shape == Shape::map) {
    std::vector<Node::Entry> entries;
    for (const auto& entry : node.entries()) {
      entries.push_back({entry.key, {}, typed(spec, entry.value)});
    }
    return Node::map(std::move(entries));
  }
  const bool as_text = spec.type == "string" && node.is_scalar();
  return as_text ? Node::of(node.is(Node::Kind::null) ? std::string() : std::string(node.text()))
                 : node;
}

/// A configuration made by a mapping; its parts stand nowhere.
Node node_of(Value value, Arena& arena) {
  switch (value.kind()) {
    case Kind::boolean: return Node::of(value.as_boolean());
    case Kind::int64: return Node::of(value.as_int64());
    case Kind::string: return Node::of(std::string(value.as_text()));
    case Kind::array: {
      std::vector<Node> items;
      for (const Value item : value.as_array()) items.push_back(node_of(item, arena));
      return Node::list(std::move(items));
    }
    case Kind::object: {
      std::vector<Node::Entry> entries;
      for (const Member& member : value.as_object().members(arena)) {
        entries.push_back({std::string(member.key), {}, node_of(member.value, arena)});
      }
      return Node::map(std::move(entries));
    }
    case Kind::uint64:
    case Kind::float64:
    case Kind::number_text: {
      std::string text;
      append_json(text, value, arena);
      auto number = parse_yaml(text);
      return number ? *number : Node::of(text);
    }
    default: return Node::null();
  }
}

}  // namespace

Result<std::shared_ptr<const Template>> Template::read(std::string_view text,
                                                       std::vector<Lint>& lints) {
  const Node root = TRY(parse_yaml(text));
  ReadContext context(nullptr);
  FileConfig config = tollgate::read(file_schema(), root, context);
  lints = context.lints();
  const std::string_view type = root["type"].text();
  const auto kind = component_kind(type);
  if (!kind) {
    return invalid(fmt::format("unable to register template for component type {}", type));
  }
  std::shared_ptr<Template> made(new Template);
  made->kind_ = *kind;
  made->name_ = config.name;
  made->status_ = config.status;
  made->categories_ = fmt::format("{}", fmt::join(config.categories, ", "));
  made->summary_ = config.summary;
  made->description_ = config.description;
  for (std::size_t i = 0; i < config.fields.size(); ++i) {
    auto spec = spec_of(config.fields[i]);
    if (!spec) return std::unexpected(std::move(spec).error().within(fmt::format("field {}", i)));
    made->fields_.push_back(std::move(*spec));
  }
  if (!config.mapping.mapping) {
    auto compiled = Mapping::compile(config.mapping.text);
    if (!compiled) {
      return invalid("parse mapping: " + compiled.error().with_caret(config.mapping.text));
    }
    config.mapping.mapping = std::make_shared<const Mapping>(std::move(*compiled));
  }
  made->mapping_ = config.mapping.mapping;
  for (TestConfig& test : config.tests) {
    made->tests_.push_back({std::move(test.name), std::move(test.label), std::move(test.config),
                            std::move(test.expected).value_or(Node())});
  }
  return made;
}

ComponentSpec Template::spec() const {
  const auto self = shared_from_this();
  return {
      .kind = kind_,
      .name = name_,
      .status = status_,
      .categories = categories_,
      .summary = summary_,
      .description = description_,
      .fields = [self] { return self->fields_; },
      .lint = [self](const Node& body,
                     ReadContext& context) { check_body(self->fields_, body, context); },
      .expand = [self](const Node& body,
                       std::string_view label) { return self->expand(body, label); },
  };
}

Result<Node> Template::expand(const Node& body, std::string_view label) const {
  std::vector<Node::Entry> entries;
  for (const FieldSpec& spec : fields_) {
    const Node written = body[spec.key];
    if (!written && !spec.default_value) {
      return invalid(fmt::format("invalid config for template component: field {} is required",
                                 spec.key));
    }
    entries.push_back({spec.key, {}, written ? typed(spec, written) : spec.default_value});
  }
  Batch batch;
  Message& message = batch.add();
  message.set_bytes(batch.arena().copy(print_json(Node::map(std::move(entries)))));
  message.set_metadata("label", Value::string(label));
  Message result = message.copy();
  const MapResult mapped = mapping_->map(batch, 0, result);
  if (mapped.what == Mapped::failed) {
    return invalid(fmt::format("mapping failed for template component: {}", mapped.error));
  }
  const Value document = mapped.what == Mapped::deleted ? Value() : result.document();
  if (!document.is(Kind::object)) {
    return invalid("mapping for template component resulted in invalid config: expected an object");
  }
  return node_of(document, batch.arena());
}

}  // namespace tollgate
