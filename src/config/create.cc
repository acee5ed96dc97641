#include "config/create.h"

#include <array>
#include <optional>

#include <fmt/format.h>

#include "config/service_config.h"

namespace tollgate {

namespace {

using Shape = FieldSpec::Shape;

Node sample_fields(const std::vector<FieldSpec>& specs, bool small);

Node empty_value(const FieldSpec& spec) {
  if (spec.shape == Shape::list || spec.shape == Shape::list_of_lists) return Node::list({});
  if (spec.shape == Shape::map) return Node::map({});
  if (spec.type == "string") return Node::of("");
  if (spec.type == "int") return Node::of(0);
  if (spec.type == "float") return Node::of(0.0);
  if (spec.type == "bool") return Node::of(false);
  return Node::null();
}

Node sample_field(const FieldSpec& spec, bool small) {
  if (spec.default_value) return spec.default_value;
  if (spec.shape == Shape::scalar && !spec.children.empty()) {
    return sample_fields(spec.children, small);
  }
  return empty_value(spec).remarked(spec.optional ? "No default (optional)"
                                                  : "No default (required)");
}

Node sample_fields(const std::vector<FieldSpec>& specs, bool small) {
  std::vector<Node::Entry> entries;
  for (const FieldSpec& spec : specs) {
    if (spec.deprecated || spec.foreign || (small && spec.advanced)) continue;
    entries.push_back({spec.key, {}, sample_field(spec, small)});
  }
  return Node::map(std::move(entries));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") + 1 - begin);
}

Result<std::vector<Node>> sample_list(ComponentKind kind, std::string_view names, bool small,
                                      const ComponentCatalogue& catalogue) {
  std::vector<Node> components;
  for (const std::string_view written : split(names, ',')) {
    const std::string_view name = trim(written);
    if (name.empty()) continue;
    const ComponentSpec* spec = catalogue.find(kind, name);
    if (spec == nullptr) {
      return invalid(fmt::format("unrecognised {} type '{}'", kind_name(kind), name));
    }
    components.push_back(sample_component(*spec, small));
  }
  return components;
}

// One component as it is, several inside a broker, none: nothing.
std::optional<Node> joined(std::vector<Node> components, std::string_view list_key) {
  if (components.empty()) return std::nullopt;
  if (components.size() == 1) return components.front();
  const Node list = Node::list(std::move(components));
  return Node::map({{"broker", {}, Node::map({{std::string(list_key), {}, list}})}});
}

}  // namespace

Node sample_component(const ComponentSpec& spec, bool small) {
  const std::vector<FieldSpec> specs = spec.fields();
  Node body = spec.body_is_field ? sample_field(specs.front(), small) : sample_fields(specs, small);
  return Node::map({{std::string(spec.name), {}, std::move(body)}});
}

Result<std::string> create_config(std::string_view expression, bool small,
                                  const ComponentCatalogue& catalogue) {
  const auto parts = split(expression, '/');
  if (parts.size() > 3) return invalid("more component separators than expected");
  Node root = sample_fields(specs_of(service_schema()), small);
  auto inputs = TRY(sample_list(ComponentKind::input, parts[0], small, catalogue));
  if (auto input = joined(std::move(inputs), "inputs")) root = root.with("input", *input);
  if (parts.size() > 1) {
    auto processors = TRY(sample_list(ComponentKind::processor, parts[1], small, catalogue));
    root = root.with("pipeline",
                     root["pipeline"].with("processors", Node::list(std::move(processors))));
  }
  if (parts.size() > 2) {
    auto outputs = TRY(sample_list(ComponentKind::output, parts[2], small, catalogue));
    if (auto output = joined(std::move(outputs), "outputs")) root = root.with("output", *output);
  }
  if (small) {
    constexpr std::array stream{"input", "buffer", "pipeline", "output"};
    std::vector<Node::Entry> kept;
    for (const char* key : stream) kept.push_back({key, {}, root[key]});
    root = Node::map(std::move(kept));
  }
  return print_yaml(root);
}

}  // namespace tollgate
