#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/component_kind.h"
#include "config/field_spec.h"
#include "config/lint.h"
#include "config/node.h"

namespace tollgate {

/// A configuration of the documentation; a test runs each.
struct ComponentExample {
  std::string title;
  std::string summary;
  std::string yaml;
};

/// What everybody but the pipeline knows about a component type. Constant; its views are of
/// literals, or live as long as `fields` (templates).
struct ComponentSpec {
  ComponentKind kind;
  std::string_view name;
  std::string_view status = "stable";  ///< or "beta", "experimental", "deprecated"
  std::string_view categories;         ///< "Network, Services"
  std::string_view summary;            ///< one sentence
  std::string_view description;        ///< Markdown
  /// The keys of the body in the order of the docs; for a component whose body is no object
  /// (`mapping: …`, `try: []`), the one field that the body is (its key is empty).
  std::function<std::vector<FieldSpec>()> fields;
  bool body_is_field = false;
  /// Reads the body only to report what is wrong with it.
  std::function<void(const Node& body, ReadContext& context)> lint;
  std::vector<ComponentExample> (*examples)() = nullptr;
  /// Of a template: the component that an instance stands for. Empty for all others.
  std::function<Result<Node>(const Node& body, std::string_view label)> expand;
};

/// The component types that a configuration may name.
class ComponentCatalogue {
 public:
  virtual ~ComponentCatalogue() = default;
  /// Null if there is none.
  virtual const ComponentSpec* find(ComponentKind kind, std::string_view name) const = 0;
  /// All of a kind, sorted by name.
  virtual std::vector<const ComponentSpec*> all(ComponentKind kind) const = 0;
};

/// Whether components of this kind may have a `label`.
bool takes_label(ComponentKind kind);

/// A component object taken apart.
struct ComponentUse {
  const ComponentSpec* spec = nullptr;  ///< never null
  Position position;                    ///< of the whole object
  Node body;                            ///< never absent; an adopted child is inside
  std::string label;
  Node processors;  ///< the list beside an input or output, absent if there is none
  Node mapping;     ///< beside metrics, likewise
  Node meta;
};

/// Finds which component an object is: by its `type` key or by the one key that names one.
///
/// A wrapper output (`drop_on`, `retry` …) whose required child `output` is missing adopts one that
/// stands beside it, as a widely copied example has it.
std::expected<ComponentUse, Lint> identify_component(ComponentKind kind, const Node& node,
                                                     const ComponentCatalogue& catalogue);

/// The component that a use of a template stands for: with the label and processors of the use,
/// where it has none itself.
Result<Node> expand_template(const ComponentUse& use);

/// The entry beside `spec`'s own key that it adopts as its child; null if none.
const Node::Entry* adopted_child(const ComponentSpec& spec, const Node& node);

/// Checks component objects, whatever they contain, against a catalogue.
class CatalogueLinter final : public ComponentLinter {
 public:
  /// `catalogue` must outlive the linter.
  explicit CatalogueLinter(const ComponentCatalogue& catalogue) : catalogue_(catalogue) {}
  void lint(ComponentKind kind, const Node& node, ReadContext& context) override;

 private:
  void lint_sibling(const ComponentSpec& spec, const Node& node, const Node::Entry& entry,
                    ReadContext& context);

  const ComponentCatalogue& catalogue_;
  int depth_ = 0;  // of the bodies being read, one inside the other
};

}  // namespace tollgate
