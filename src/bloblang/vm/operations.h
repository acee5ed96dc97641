#pragma once

#include "bloblang/program/nodes.h"
#include "bloblang/program/scope.h"

/// What each kind of node does. The compiler stores these in Node::evaluate.
namespace tollgate::bloblang {

Value evaluate_constant(const Node& node, const Scope& scope);

// references.cc
Value evaluate_context(const Node& node, const Scope& scope);       ///< `this`
Value evaluate_context_path(const Node& node, const Scope& scope);  ///< `this.a.b`
Value evaluate_root(const Node& node, const Scope& scope);
Value evaluate_named(const Node& node, const Scope& scope);
Value evaluate_get(const Node& node, const Scope& scope);
Value evaluate_path_of_variable(const Node& node, const Scope& scope);
Value evaluate_variable(const Node& node, const Scope& scope);
Value evaluate_metadata(const Node& node, const Scope& scope);
Value evaluate_all_metadata(const Node& node, const Scope& scope);

// control.cc
Value evaluate_array(const Node& node, const Scope& scope);
Value evaluate_object(const Node& node, const Scope& scope);
/// The object of a literal, and of those within it, whose values were evaluated up to the first error,
/// in order; or that error with its place.
Value assemble_object(const ObjectNode& literal, const Scope& scope, const Value*& next);
Value evaluate_dynamic_object(const Node& node, const Scope& scope);
Value evaluate_not(const Node& node, const Scope& scope);
Value evaluate_and(const Node& node, const Scope& scope);
Value evaluate_or(const Node& node, const Scope& scope);
Value evaluate_coalesce(const Node& node, const Scope& scope);
Value evaluate_match(const Node& node, const Scope& scope);
Value evaluate_conditional(const Node& node, const Scope& scope);
Value evaluate_lambda(const Node& node, const Scope& scope);
Value evaluate_map(const Node& node, const Scope& scope);

// arithmetic.cc
Value evaluate_add(const Node& node, const Scope& scope);
Value evaluate_subtract(const Node& node, const Scope& scope);
Value evaluate_multiply(const Node& node, const Scope& scope);
Value evaluate_divide(const Node& node, const Scope& scope);
Value evaluate_modulo(const Node& node, const Scope& scope);
Value evaluate_equal(const Node& node, const Scope& scope);
Value evaluate_not_equal(const Node& node, const Scope& scope);
Value evaluate_greater(const Node& node, const Scope& scope);
Value evaluate_greater_or_equal(const Node& node, const Scope& scope);
Value evaluate_less(const Node& node, const Scope& scope);
Value evaluate_less_or_equal(const Node& node, const Scope& scope);

// calls.cc
Value evaluate_function(const Node& node, const Scope& scope);       ///< arguments are constant
Value evaluate_method(const Node& node, const Scope& scope);         ///< arguments are constant
Value evaluate_dynamic_call(const Node& node, const Scope& scope);

/// The object literal that `node` is, if its members are known to be those it is written with.
inline const ObjectNode* settled_object(const Node& node) {
  if (node.evaluate != evaluate_object) return nullptr;
  const auto& literal = static_cast<const ObjectNode&>(node);
  return literal.is_settled ? &literal : nullptr;
}

/// An argument as its parameter wants it; an error without context ("wrong argument type, …").
Value convert_argument(Run& run, const Parameter& parameter, Value value);

}  // namespace tollgate::bloblang
