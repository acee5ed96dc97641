#include "config/component_spec.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/adoption.h"
#include "config/codecs.h"
#include "config/incumbent.h"

namespace tollgate {

namespace {

bool takes_processors(ComponentKind kind) {
  return kind == ComponentKind::input || kind == ComponentKind::output;
}

bool is_reserved(ComponentKind kind, std::string_view key) {
  return key == "type" || key == "plugin" || key == "meta" ||
         (key == "label" && takes_label(kind)) ||
         (key == "processors" && takes_processors(kind)) ||
         (key == "mapping" && kind == ComponentKind::metrics);
}

std::string hint(ComponentKind kind, std::string_view written,
                 const ComponentCatalogue& catalogue) {
  if (incumbent_has(kind, written)) {
    return fmt::format(": Redpanda Connect's {} '{}' is not in Tollgate; `tollgate list {}` names "
                       "what is",
                       kind_name(kind), written, plural_name(kind));
  }
  std::vector<std::string_view> names;
  for (const ComponentSpec* spec : catalogue.all(kind)) names.push_back(spec->name);
  const std::string_view nearest = nearest_name(written, names);
  return nearest.empty() ? "" : fmt::format(", did you mean {}?", nearest);
}

std::unexpected<Lint> unidentified(const Node& node, std::string message) {
  return std::unexpected(Lint{node.position(), std::move(message)});
}

std::expected<const ComponentSpec*, Lint> infer(ComponentKind kind, const Node& node,
                                                const ComponentCatalogue& catalogue) {
  if (!node.is(Node::Kind::map)) {
    return unidentified(node, fmt::format("invalid type {}, expected object", node.tag()));
  }
  if (const Node type = node["type"]) {
    if (const ComponentSpec* spec = catalogue.find(kind, type.text())) return spec;
    return unidentified(type, fmt::format("{} type '{}' was not recognised{}", kind_name(kind),
                                          type.text(), hint(kind, type.text(), catalogue)));
  }
  std::vector<std::string_view> candidates;
  const ComponentSpec* found = nullptr;
  for (const auto& entry : node.entries()) {
    if (is_reserved(kind, entry.key)) continue;
    candidates.push_back(entry.key);
    const ComponentSpec* spec = catalogue.find(kind, entry.key);
    if (spec != nullptr && found != nullptr) {
      const auto [first, second] = std::minmax(found->name, spec->name);
      return unidentified(node,
                          fmt::format("unable to infer {} type, multiple candidates '{}' and '{}'",
                                      kind_name(kind), first, second));
    }
    if (spec != nullptr) found = spec;
  }
  if (found != nullptr) return found;
  if (candidates.empty()) {
    return unidentified(node,
                        fmt::format("an explicit {} type must be specified", kind_name(kind)));
  }
  std::ranges::sort(candidates);
  const auto foreign = std::ranges::find_if(
      candidates, [&](std::string_view name) { return incumbent_has(kind, name); });
  const auto meant = foreign == candidates.end() ? candidates.front() : *foreign;
  return unidentified(
      node, fmt::format("unable to infer {} type from candidates: [{}]{}", kind_name(kind),
                        fmt::join(candidates, " "), hint(kind, meant, catalogue)));
}

Node body_of(const ComponentSpec& spec, const Node& node) {
  Node body = node[spec.name];
  if (!body || (body.is(Node::Kind::null) && node["plugin"])) body = node["plugin"];
  if (!body) body = Node::null().with_entries({});
  return body;
}

/// What is said of a component inside another one's body that cannot be told: all that stands
/// there, and what else was found out about it.
std::string untold_child(ComponentKind kind, const Node& node, std::string_view problem) {
  if (const Node type = node["type"]; type && problem.find("was not recognised") != problem.npos) {
    const std::size_t hint = problem.find("recognised") + std::string_view("recognised").size();
    return fmt::format("failed to obtain docs for {} type {}{}", kind_name(kind), type.text(),
                       problem.substr(hint));
  }
  std::vector<std::string_view> keys;
  for (const auto& entry : node.entries()) keys.push_back(entry.key);
  std::string text = "unable to infer component type: ";
  text += keys.size() == 1 ? std::string(keys.front())
                           : fmt::format("[{}]", fmt::join(keys, " "));
  const std::size_t several = problem.find(", multiple candidates");
  const std::size_t listed = problem.find(']');
  if (several != problem.npos) {
    text += problem.substr(several);
  } else if (listed != problem.npos) {
    text += problem.substr(listed + 1);
  }
  return text;
}

bool points_to_resource(const Node& node) {
  return node["type"].text() == "resource" ||
         (node["resource"].is(Node::Kind::string) && !node["resource"].text().empty());
}

}  // namespace

bool takes_label(ComponentKind kind) {
  return kind == ComponentKind::input || kind == ComponentKind::processor ||
         kind == ComponentKind::output || kind == ComponentKind::cache ||
         kind == ComponentKind::rate_limit;
}

const Node::Entry* adopted_child(const ComponentSpec& spec, const Node& node) {
  const std::string_view key = kind_name(ComponentKind::output);
  if (spec.kind != ComponentKind::output || spec.body_is_field || spec.name == key) return nullptr;
  const auto sibling = std::ranges::find(node.entries(), key, &Node::Entry::key);
  const Node body = body_of(spec, node);
  if (sibling == node.entries().end() || body[key]) return nullptr;
  if (!body.is(Node::Kind::map) && !body.is(Node::Kind::null)) return nullptr;
  const bool wants = std::ranges::any_of(spec.fields(), [&](const FieldSpec& field) {
    return field.key == key && field.type == key && field.shape == FieldSpec::Shape::scalar &&
           field.is_required();
  });
  return wants ? &*sibling : nullptr;
}

std::expected<ComponentUse, Lint> identify_component(ComponentKind kind, const Node& node,
                                                     const ComponentCatalogue& catalogue) {
  const auto spec = infer(kind, node, catalogue);
  if (!spec) return std::unexpected(spec.error());
  ComponentUse use{.spec = *spec, .position = node.position(), .body = body_of(**spec, node)};
  if (const Node::Entry* child = adopted_child(**spec, node)) {
    use.body = use.body.is(Node::Kind::map)
                   ? use.body.with(child->key, child->value)
                   : use.body.with_entries({*child});
  }
  if (takes_label(kind)) use.label = node["label"].text();
  if (takes_processors(kind)) use.processors = node["processors"];
  if (kind == ComponentKind::metrics) use.mapping = node["mapping"];
  use.meta = node["meta"];
  return use;
}

Result<Node> expand_template(const ComponentUse& use) {
  Node made = TRY(use.spec->expand(use.body, use.label));
  if (!use.label.empty() && !made["label"]) made = made.with("label", Node::of(use.label));
  if (use.processors.items().empty()) return made;
  // What the template adds is the nearer to the component itself.
  std::vector<Node> first = made["processors"].items();
  std::vector<Node> second = use.processors.items();
  if (use.spec->kind == ComponentKind::output) std::swap(first, second);
  first.insert(first.end(), second.begin(), second.end());
  return made.with("processors", Node::list(std::move(first)));
}

void CatalogueLinter::lint(ComponentKind kind, const Node& node, ReadContext& context) {
  const auto use = identify_component(kind, node, catalogue_);
  if (!use) {
    const bool tellable = !node.is(Node::Kind::list) && node.entries().empty();
    if (depth_ == 0 || tellable) return context.error(use.error().where, use.error().message);
    return context.error(node.position(), untold_child(kind, node, use.error().message));
  }
  const ComponentSpec& spec = *use->spec;
  if (context.report_deprecated && spec.status == "deprecated") {
    context.error(node.position(), fmt::format("component {} is deprecated", spec.name));
  }
  if (context.strict_errors && kind == ComponentKind::processor && spec.name == "catch") {
    context.warning(node.position(),
                    "catch recovers no message while error_handling.strict is on, since a failed "
                    "one goes past it; use try_catch, or retry");
  }
  if (const Node::Entry* child = adopted_child(spec, node)) {
    context.warning(child->position, adoption_warning(spec, node, *child, context.source()));
  }
  const auto scope = context.enter_key(spec.name);
  if (spec.lint) {
    ++depth_;
    spec.lint(use->body, context);
    --depth_;
  }
  for (const auto& entry : node.entries()) {
    if (entry.key != spec.name && entry.key != "type") lint_sibling(spec, node, entry, context);
  }
  if (context.require_labels && takes_label(kind) && !node["label"] && spec.name != "resource") {
    context.error(node.position(), fmt::format("label is required for {}", spec.name));
  }
}

void CatalogueLinter::lint_sibling(const ComponentSpec& spec, const Node& node,
                                   const Node::Entry& entry, ReadContext& context) {
  const auto& [key, position, value, aliased] = entry;
  if (&entry == adopted_child(spec, node)) return;
  if (key == "plugin") {
    if (node[spec.name]) context.error(position, "plugin object is ineffective");
  } else if (key == "meta") {
    context.expect_map(value);
  } else if (!is_reserved(spec.kind, key)) {
    context.error(position, fmt::format("field {} is invalid when the component type is {} ({})",
                                        key, spec.name, kind_name(spec.kind)));
  } else if (key == "label") {
    if (points_to_resource(node) && !value.text().empty()) {
      context.error(value.position(), "label field should be omitted when pointing to a resource");
    }
    context.check_label(value);
  } else if (key == "processors") {
    if (!context.expect_list(value)) return;
    if (value.items().empty()) {
      context.error(value.position(), "field processors is empty and can be removed");
    }
    for (const Node& item : value.items()) lint(ComponentKind::processor, item, context);
  } else if (key == "mapping") {
    MappingText mapping;
    Codec<MappingText>::read(value, mapping, context);
  }
}

}  // namespace tollgate
