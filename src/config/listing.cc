#include "config/listing.h"

#include <array>

#include <fmt/format.h>

#include "config/service_config.h"
#include "value/json.h"

namespace tollgate {

namespace {

using Shape = FieldSpec::Shape;

struct Heading {
  ComponentKind kind;
  std::string_view title;
};

constexpr std::array headings{
    Heading{ComponentKind::input, "Inputs"},
    Heading{ComponentKind::processor, "Processors"},
    Heading{ComponentKind::output, "Outputs"},
    Heading{ComponentKind::cache, "Caches"},
    Heading{ComponentKind::rate_limit, "Rate Limits"},
    Heading{ComponentKind::buffer, "Buffers"},
    Heading{ComponentKind::metrics, "Metrics"},
    Heading{ComponentKind::tracer, "Tracers"},
    Heading{ComponentKind::scanner, "Scanners"},
};

std::string_view shape_name(Shape shape) {
  switch (shape) {
    case Shape::scalar: return "scalar";
    case Shape::list: return "array";
    case Shape::map: return "map";
    case Shape::list_of_lists: return "2darray";
  }
  return "";
}

// Builds maps in the order in which keys are added.
class MapMaker {
 public:
  MapMaker& add(std::string_view key, Node value) {
    entries_.push_back({std::string(key), {}, std::move(value)});
    return *this;
  }
  MapMaker& add(std::string_view key, std::string_view text) {
    return add(key, Node::of(std::string(text)));
  }
  MapMaker& flag(std::string_view key, bool set) { return set ? add(key, Node::of(true)) : *this; }
  Node take() { return Node::map(std::move(entries_)); }

 private:
  std::vector<Node::Entry> entries_;
};

Node text_list(const auto& texts) {
  std::vector<Node> items;
  for (const auto& text : texts) items.push_back(Node::of(std::string(text)));
  return Node::list(std::move(items));
}

Node field_json(const FieldSpec& spec, bool scrubbed);

Node fields_json(const std::vector<FieldSpec>& specs, bool scrubbed) {
  std::vector<Node> items;
  for (const FieldSpec& spec : specs) items.push_back(field_json(spec, scrubbed));
  return Node::list(std::move(items));
}

Node field_json(const FieldSpec& spec, bool scrubbed) {
  MapMaker map;
  map.add("name", spec.key).add("type", spec.type).add("kind", shape_name(spec.shape));
  if (!scrubbed && !spec.help.empty()) map.add("description", spec.help);
  map.flag("is_advanced", spec.advanced)
      .flag("is_deprecated", spec.deprecated)
      .flag("is_optional", spec.optional && spec.children.empty())
      .flag("is_secret", spec.secret);
  if (spec.default_value) map.add("default", spec.default_value);
  map.flag("interpolated", spec.interpolated).flag("bloblang", spec.bloblang);
  if (!spec.options.empty()) map.add("options", text_list(spec.options));
  if (!spec.children.empty()) map.add("children", fields_json(spec.children, scrubbed));
  return map.take();
}

Node component_json(const ComponentSpec& spec, bool scrubbed) {
  MapMaker map;
  map.add("name", spec.name).add("type", kind_name(spec.kind)).add("status", spec.status);
  if (!scrubbed) map.add("summary", spec.summary).add("description", spec.description);
  if (!spec.categories.empty()) map.add("categories", spec.categories);
  const std::vector<FieldSpec> fields = spec.fields();
  if (spec.body_is_field) {
    map.add("config", field_json(fields.front(), scrubbed));
  } else {
    map.add("config",
            field_json({.type = "object", .children = fields}, scrubbed));
  }
  return map.take();
}

// The mapping language, in the incumbent's terms.

using bloblang::Function;
using bloblang::Parameter;

std::string_view parameter_type(bloblang::Type type) {
  switch (type) {
    case bloblang::Type::string: return "string";
    case bloblang::Type::integer: return "integer";
    case bloblang::Type::number: return "float";
    case bloblang::Type::boolean: return "bool";
    case bloblang::Type::timestamp: return "timestamp";
    case bloblang::Type::array: return "array";
    case bloblang::Type::object: return "object";
    case bloblang::Type::any: return "unknown";
    case bloblang::Type::query:
    case bloblang::Type::value_or_query: return "query expression";
  }
  return "";
}

Node constant_json(Value value) {
  switch (value.kind()) {
    case Kind::boolean: return Node::of(value.as_boolean());
    case Kind::int64: return Node::of(value.as_int64());
    case Kind::float64: return Node::of(value.as_float64());
    case Kind::string: return Node::of(std::string(value.as_text()));
    default: return Node::of("");
  }
}

Node parameter_json(const Parameter& parameter, bool scrubbed) {
  MapMaker map;
  map.add("name", parameter.name);
  if (!scrubbed) map.add("description", parameter.description);
  map.add("type", parameter_type(parameter.type))
      .add("no_dynamic", Node::of(parameter.constant))
      .add("scalars_to_literal", Node::of(parameter.type == bloblang::Type::value_or_query))
      .flag("is_optional", parameter.need == bloblang::Need::optional);
  if (parameter.need == bloblang::Need::defaulted) {
    map.add("default", constant_json(parameter.fallback));
  }
  return map.take();
}

Node parameters_json(const Function& function, bool scrubbed) {
  if (function.variadic) return MapMaker().add("variadic", Node::of(true)).take();
  std::vector<Node> named;
  for (std::size_t i = 0; i < function.parameter_count(); ++i) {
    named.push_back(parameter_json(function.parameters[i], scrubbed));
  }
  if (named.empty()) return Node::map({});
  return MapMaker().add("named", Node::list(std::move(named))).take();
}

Node examples_json(const Function& function) {
  std::vector<Node> examples;
  for (const auto& example : function.examples) {
    if (example.mapping.empty()) break;
    std::vector<Node> results;
    for (const auto& each : example.cases) {
      if (!each.input.empty()) results.push_back(text_list(std::array{each.input, each.output}));
    }
    examples.push_back(MapMaker()
                           .add("mapping", example.mapping)
                           .add("summary", example.summary)
                           .add("results", Node::list(std::move(results)))
                           .add("skip_testing", Node::of(example.is_random))
                           .take());
  }
  return Node::list(std::move(examples));
}

Node function_json(const Function& function, bool is_method, bool scrubbed) {
  const std::string_view category = category_title(function.category);
  const Node examples = examples_json(function);
  MapMaker map;
  map.add("status", status_of(function, is_method));
  if (!is_method) map.add("category", category);
  map.add("name", function.name);
  if (!scrubbed) map.add("description", function.description);
  map.add("params", parameters_json(function, scrubbed));
  if (!scrubbed && !examples.items().empty()) map.add("examples", examples);
  if (is_method && !scrubbed) {
    const Node within = MapMaker()
                            .add("Category", category)
                            .add("Description", "")
                            .add("Examples", examples)
                            .take();
    map.add("categories", Node::list({within}));
  }
  return map.add("impure", Node::of(function.impure)).take();
}

Node functions_json(const std::vector<const Function*>& functions, bool are_methods,
                    bool scrubbed) {
  std::vector<Node> items;
  for (const auto* each : functions) items.push_back(function_json(*each, are_methods, scrubbed));
  return Node::list(std::move(items));
}

// JSON Schema -------------------------------------------------------------------------------------

Node fields_schema(const std::vector<FieldSpec>& specs);

Node typed(std::string_view type) { return MapMaker().add("type", type).take(); }

Node scalar_schema(const FieldSpec& spec) {
  if (component_kind(spec.type)) {
    return MapMaker().add("$ref", "#/definitions/" + spec.type).take();
  }
  if (!spec.children.empty()) return fields_schema(spec.children);
  // Any scalar will do as a string, and the name of a variable for anything.
  if (spec.type == "string" && !spec.options.empty() && !spec.open_options) {
    return MapMaker().add("type", "string").add("enum", text_list(spec.options)).take();
  }
  if (spec.type == "string") {
    return MapMaker().add("type", text_list(std::array{"string", "number", "boolean"})).take();
  }
  if (spec.type == "int" || spec.type == "float") return typed("number");
  if (spec.type == "bool") return typed("boolean");
  if (spec.type == "object") return typed("object");
  return Node::map({});
}

Node field_schema(const FieldSpec& spec) {
  Node schema = scalar_schema(spec);
  const auto list_of = [](Node items) {
    return MapMaker().add("type", "array").add("items", std::move(items)).take();
  };
  if (spec.shape == Shape::list) schema = list_of(schema);
  if (spec.shape == Shape::list_of_lists) schema = list_of(list_of(schema));
  if (spec.shape == Shape::map) {
    schema = MapMaker().add("type", "object").add("additionalProperties", schema).take();
  }
  if (!spec.help.empty()) schema = schema.with("description", Node::of(spec.help));
  if (spec.default_value) schema = schema.with("default", spec.default_value);
  if (spec.deprecated) schema = schema.with("deprecated", Node::of(true));
  return schema;
}

Node fields_schema(const std::vector<FieldSpec>& specs) {
  MapMaker properties;
  std::vector<std::string_view> needed;
  for (const FieldSpec& spec : specs) {
    properties.add(spec.key, field_schema(spec));
    if (spec.is_required()) needed.push_back(spec.key);
  }
  MapMaker schema;
  schema.add("type", "object").add("properties", properties.take());
  if (!needed.empty()) schema.add("required", text_list(needed));
  return schema.add("additionalProperties", Node::of(false)).take();
}

Node kind_schema(ComponentKind kind, const ComponentCatalogue& catalogue) {
  MapMaker properties;
  for (const ComponentSpec* spec : catalogue.all(kind)) {
    const std::vector<FieldSpec> fields = spec->fields();
    Node body = spec->body_is_field ? field_schema(fields.front()) : fields_schema(fields);
    if (!spec->summary.empty()) {
      body = body.with("description", Node::of(std::string(spec->summary)));
    }
    properties.add(spec->name, std::move(body));
  }
  properties.add("type", typed("string")).add("plugin", Node::map({})).add("meta", typed("object"));
  if (kind == ComponentKind::input || kind == ComponentKind::output) {
    properties.add("processors", field_schema({.type = "processor", .shape = Shape::list}));
  }
  if (kind == ComponentKind::metrics) {
    properties.add("mapping", typed("string"));
  } else {
    properties.add("label", typed("string"));
  }
  return MapMaker()
      .add("type", "object")
      .add("properties", properties.take())
      .add("additionalProperties", Node::of(false))
      .take();
}

}  // namespace

std::vector<NameList> list_components(const ComponentCatalogue& catalogue,
                                      std::string_view status) {
  std::vector<NameList> lists;
  for (const Heading& heading : headings) {
    NameList list{std::string(plural_name(heading.kind)), std::string(heading.title), {}};
    for (const ComponentSpec* spec : catalogue.all(heading.kind)) {
      if (status.empty() || spec->status == status) list.names.emplace_back(spec->name);
    }
    lists.push_back(std::move(list));
  }
  return lists;
}

std::string print_list_text(const std::vector<NameList>& lists) {
  std::string text;
  for (const NameList& list : lists) {
    if (!text.empty()) text += '\n';
    text += list.title + ":\n";
    for (const std::string& name : list.names) text += "  - " + name + "\n";
  }
  return text;
}

std::string print_list_json(const std::vector<NameList>& lists) {
  MapMaker map;
  for (const NameList& list : lists) map.add(list.key, text_list(list.names));
  return print_json(map.take());
}

std::string_view status_of(const Function& function, bool is_method) {
  switch (function.stability) {
    case Function::Stability::beta: return "beta";
    case Function::Stability::experimental: return "experimental";
    case Function::Stability::deprecated: return "deprecated";
    case Function::Stability::stable: break;
  }
  return function.category == bloblang::Category::hidden && !is_method ? "hidden" : "stable";
}

std::string print_full_json(const ComponentCatalogue& catalogue, std::string_view version,
                            bool scrubbed) {
  MapMaker map;
  map.add("version", version);
  map.add("config", fields_json(specs_of(service_schema()), scrubbed));
  for (const Heading& heading : headings) {
    std::vector<Node> items;
    for (const ComponentSpec* spec : catalogue.all(heading.kind)) {
      items.push_back(component_json(*spec, scrubbed));
    }
    map.add(plural_name(heading.kind), Node::list(std::move(items)));
  }
  map.add("bloblang-functions", functions_json(bloblang::all_functions(), false, scrubbed));
  map.add("bloblang-methods", functions_json(bloblang::all_methods(), true, scrubbed));
  return print_json(map.take());
}

std::string print_json_schema(const ComponentCatalogue& catalogue) {
  MapMaker definitions;
  for (const ComponentKind kind : all_component_kinds) {
    definitions.add(kind_name(kind), kind_schema(kind, catalogue));
  }
  const Node root = fields_schema(specs_of(service_schema()));
  return print_json(MapMaker()
                        .add("$schema", "http://json-schema.org/draft-07/schema#")
                        .add("title", "Configuration of the collector")
                        .add("type", "object")
                        .add("properties", root["properties"])
                        .add("additionalProperties", Node::of(false))
                        .add("definitions", definitions.take())
                        .take());
}

}  // namespace tollgate
