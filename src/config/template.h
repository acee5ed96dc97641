#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bloblang/bloblang.h"
#include "config/component_spec.h"

namespace tollgate {

/// A component type that a file describes: the fields it takes, and a mapping that makes of them
/// the configuration of the component that does the work. Immutable, shared by what its spec() is
/// copied into.
class Template : public std::enable_shared_from_this<Template> {
 public:
  /// A configuration of the template's own, and what must become of it.
  struct Test {
    std::string name;
    std::string label;
    Node config;
    Node expected;  ///< absent: the result need only be sound
  };

  /// Reads the text of a template file. What can be lived with is added to `lints`; an error if
  /// there is no type to be had of it.
  static Result<std::shared_ptr<const Template>> read(std::string_view text,
                                                      std::vector<Lint>& lints);

  /// The component type; keeps the template alive.
  ComponentSpec spec() const;

  /// The component that an instance with this body and label stands for.
  Result<Node> expand(const Node& body, std::string_view label) const;

  ComponentKind kind() const { return kind_; }
  const std::vector<Test>& tests() const { return tests_; }

 private:
  Template() = default;

  ComponentKind kind_{};
  std::string name_, status_, categories_, summary_, description_;
  std::vector<FieldSpec> fields_;
  std::shared_ptr<const Mapping> mapping_;
  std::vector<Test> tests_;
};

}  // namespace tollgate
