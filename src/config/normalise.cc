#include "config/normalise.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "config/service_config.h"
#include "config/yaml_scalar.h"

namespace tollgate {

namespace {

using Shape = FieldSpec::Shape;

class Normaliser {
 public:
  Normaliser(const ComponentCatalogue& catalogue, const NormaliseOptions& options)
      : catalogue_(catalogue), options_(options) {}

  Result<Node> component(ComponentKind kind, const Node& node) const {
    const auto use = identify_component(kind, node, catalogue_);
    if (!use) {
      const Lint& problem = use.error();
      return invalid(fmt::format("({},{}) {}", problem.where.line, problem.where.column,
                                 problem.message));
    }
    std::vector<Node::Entry> entries;
    if (const Node label = node["label"]; label && takes_label(kind)) {
      entries.push_back({"label", {}, label});
    }
    const std::vector<FieldSpec> specs = use->spec->fields();
    Node body = use->spec->body_is_field ? TRY(field(specs.front(), use->body))
                                         : TRY(fields(specs, use->body, false));
    entries.push_back({std::string(use->spec->name), {}, std::move(body)});
    for (const auto& entry : node.entries()) {
      if (entry.key == "processors" && use->processors && !entry.value.items().empty()) {
        static const FieldSpec processors{
            .key = "processors", .type = "processor", .shape = Shape::list};
        entries.push_back({entry.key, {}, TRY(field(processors, entry.value))});
      } else if (entry.key == "meta" || (entry.key == "mapping" && use->mapping)) {
        entries.push_back(entry);
      }
    }
    return node.with_entries(std::move(entries));
  }

  // The known keys of an object in the schema's order; with defaults if it is a service section.
  Result<Node> fields(const std::vector<FieldSpec>& specs, const Node& node, bool fill) const {
    if (!node.is(Node::Kind::map) && !fill) return node;
    std::vector<Node::Entry> entries;
    for (const FieldSpec& spec : specs) {
      Node value = node[spec.key];
      const bool is_section = spec.shape == Shape::scalar && !spec.children.empty();
      if (fill && is_section && (!value || value.is(Node::Kind::map))) {
        value = TRY(fields(spec.children, value, true));
      } else if (value && fill && !spec.children.empty()) {
        value = filled_items(spec, value);
      } else if (value && fill && spec.children.empty() && !component_kind(spec.type)) {
        value = rewritten(spec, value);
      } else if (value) {
        value = TRY(field(spec, value));
        // A list of the service's own is laid out, whatever the layout of the file.
        if (fill && value.is(Node::Kind::list)) value = Node::list(value.items());
      } else if (fill) {
        value = spec.default_value;
      }
      if (value) entries.push_back({spec.key, {}, std::move(value)});
    }
    return fill ? Node::map(std::move(entries)) : node.with_entries(std::move(entries));
  }

 private:
  // A list of objects, or of lists of them, each with its defaults; what is unset and no scalar is
  // empty.
  static Node filled_items(const FieldSpec& spec, const Node& node) {
    if (node.is(Node::Kind::list)) {
      std::vector<Node> items;
      for (const Node& item : node.items()) items.push_back(filled_items(spec, item));
      return Node::list(std::move(items));
    }
    if (!node.is(Node::Kind::map)) return node;
    std::vector<Node::Entry> entries;
    for (const FieldSpec& child : spec.children) {
      Node value = node[child.key];
      if (value) {
        value = child.children.empty() ? rewritten(child, value) : filled_items(child, value);
      } else if (child.default_value) {
        value = child.default_value;
      } else if (child.shape != Shape::scalar) {
        value = child.shape == Shape::map ? Node::map({}) : Node::list({});
      }
      if (value) entries.push_back({child.key, {}, std::move(value)});
    }
    return Node::map(std::move(entries));
  }

  // A value of the service's own fields without the quotes and layout of the file.
  static Node rewritten(const FieldSpec& spec, const Node& node) {
    if (node.is(Node::Kind::list)) {
      std::vector<Node> items;
      for (const Node& item : node.items()) items.push_back(rewritten(spec, item));
      return Node::list(std::move(items));
    }
    if (node.is(Node::Kind::map)) {
      std::vector<Node::Entry> entries;
      for (const auto& entry : node.entries()) {
        entries.push_back({entry.key, {}, rewritten(spec, entry.value)});
      }
      std::ranges::sort(entries, {}, &Node::Entry::key);
      return Node::map(std::move(entries));
    }
    if (spec.type == "string") {
      return Node::of(node.is(Node::Kind::null) ? std::string() : std::string(node.text()));
    }
    if (const auto number = parse_yaml_integer(node.text()); spec.type == "int" && number) {
      return Node::of(*number);
    }
    if (const auto number = parse_yaml_number(node.text());
        spec.type == "int" && node.is(Node::Kind::number) && number && std::abs(*number) < 9.2e18) {
      return Node::of(static_cast<std::int64_t>(*number));
    }
    if (const auto truth = parse_yaml_boolean(node.text()); spec.type == "bool" && truth) {
      return Node::of(*truth);
    }
    return node;
  }

  Result<Node> field(const FieldSpec& spec, const Node& node) const {
    if (spec.shape == Shape::scalar) return scalar_field(spec, node);
    FieldSpec inner = spec;
    inner.shape = spec.shape == Shape::list_of_lists ? Shape::list : Shape::scalar;
    if (spec.shape != Shape::map && node.is(Node::Kind::list)) {
      std::vector<Node> items;
      for (const Node& item : node.items()) items.push_back(TRY(field(inner, item)));
      return node.with_items(std::move(items));
    }
    if (spec.shape == Shape::map && node.is(Node::Kind::map)) {
      std::vector<Node::Entry> entries;
      for (const auto& entry : node.entries()) {
        entries.push_back({entry.key, {}, TRY(field(inner, entry.value))});
      }
      return node.with_entries(std::move(entries));
    }
    return node;
  }

  Result<Node> scalar_field(const FieldSpec& spec, const Node& node) const {
    if (const auto kind = component_kind(spec.type)) return component(*kind, node);
    if (!spec.children.empty()) return fields(spec.children, node, false);
    return spec.secret && options_.scrub_secrets ? scrub(node) : node;
  }

  // What is unset, or names a variable, is no secret.
  static Node scrub(const Node& node) {
    const std::string_view text = node.text();
    const std::size_t begin = text.find_first_not_of(" \t\n");
    if (begin == text.npos || node.is(Node::Kind::null)) return node;
    const std::string_view trimmed =
        text.substr(begin, text.find_last_not_of(" \t\n") + 1 - begin);
    const bool variable = trimmed.starts_with("${") && trimmed.find('}') == trimmed.size() - 1 &&
                          !trimmed.starts_with("${!");
    return variable ? node : Node::of(std::string(scrubbed_secret));
  }

  const ComponentCatalogue& catalogue_;
  const NormaliseOptions& options_;
};

}  // namespace

Result<Node> normalise_component(ComponentKind kind, const Node& node,
                                 const ComponentCatalogue& catalogue,
                                 const NormaliseOptions& options) {
  return Normaliser(catalogue, options).component(kind, node);
}

Result<Node> normalise_config(const Node& root, const ComponentCatalogue& catalogue,
                              const NormaliseOptions& options) {
  return Normaliser(catalogue, options).fields(specs_of(service_schema()), root, true);
}

}  // namespace tollgate
