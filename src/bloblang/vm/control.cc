// Literals, conditions, contexts and coalescing.

#include <algorithm>

#include "bloblang/program/error.h"
#include "bloblang/program/messages.h"
#include "bloblang/vm/operations.h"
#include "value/compare.h"

namespace tollgate::bloblang {

// Literals ----------------------------------------------------------------------------------------

Value evaluate_array(const Node& node, const Scope& scope) {
  const auto items = static_cast<const ArrayNode&>(node).items;
  Array* array = make_array(scope.arena(), items.size());
  for (const Node* item : items) {
    const Value value = evaluate(*item, scope);
    if (value.is_error()) return value;
    if (!value.is_marker()) array->items[array->size++] = value;
  }
  return Value::array(array);
}

namespace {

/// The object of `literal`, the values of whose fields are what `value_of` says.
template <typename ValueOf>
[[gnu::always_inline]] inline Value make_literal(const ObjectNode& literal, const Scope& scope,
                                                 ValueOf&& value_of) {
  Arena& arena = scope.arena();
  const auto size = static_cast<std::uint32_t>(literal.layout.size());
  Object* object = make_object(arena, size);
  std::copy_n(literal.layout.data(), size, object->items);
  object->size = size;
  object->framed_keys = literal.framed_keys;
  bool elides = false;
  for (const auto& [slot, value_node] : literal.fields) {
    const Value value = value_of(*value_node);
    if (value.is_error()) [[unlikely]] {
      return prefix_error(*scope.run, {"failed to resolve '", literal.layout[slot].key,
                                       "' value: "}, value);
    }
    if (value.is_marker()) {
      elides = true;
    } else {
      object->items[slot].value = value;
    }
  }
  if (elides) {
    Member* end = std::remove_if(object->items, object->items + size, [](const Member& member) {
      return member.value.is(Kind::nothing);
    });
    object->size = static_cast<std::uint32_t>(end - object->items);
  }
  return Value::object(object);
}

}  // namespace

Value evaluate_object(const Node& node, const Scope& scope) {
  return make_literal(static_cast<const ObjectNode&>(node), scope,
                      [&](const Node& value) { return evaluate(value, scope); });
}

Value assemble_object(const ObjectNode& literal, const Scope& scope, const Value*& next) {
  return make_literal(literal, scope, [&](const Node& value) {
    const ObjectNode* const within = settled_object(value);
    return within ? assemble_object(*within, scope, next) : *next++;
  });
}

Value evaluate_dynamic_object(const Node& node, const Scope& scope) {
  const auto entries = static_cast<const DynamicObjectNode&>(node).entries;
  Run& run = *scope.run;
  Object* object = make_object(run.arena, entries.size());
  for (const auto& entry : entries) {
    std::string_view key = entry.key;
    if (entry.computed_key) {
      const Value computed = evaluate(*entry.computed_key, scope);
      if (computed.is_error()) return prefix_error(run, {"failed to resolve key: "}, computed);
      if (!computed.is_text()) {
        return make_error(run, {"mapping returned invalid key type: ", go_type(computed)});
      }
      key = computed.as_text();
    }
    const Value value = evaluate(*entry.value, scope);
    if (value.is_error()) {
      return prefix_error(run, {"failed to resolve '", key, "' value: "}, value);
    }
    if (!value.is_marker()) object->set(key, value, run.arena);
  }
  return Value::object(object);
}

// Conditions --------------------------------------------------------------------------------------

Value evaluate_not(const Node& node, const Scope& scope) {
  const Node& operand = *static_cast<const NotNode&>(node).operand;
  const Value value = evaluate(operand, scope);
  if (value.is_error()) return value;
  if (!value.is(Kind::boolean)) return type_error(*scope.run, value, {"bool"}, operand.annotation);
  return Value::boolean(!value.as_boolean());
}

namespace {

/// The operand as a condition, or an error.
Value condition_of(const Node& node, const Scope& scope) {
  const Value value = evaluate(node, scope);
  if (value.is_error()) return value;
  const auto condition = as_condition(value);
  return condition ? Value::boolean(*condition) : type_error(*scope.run, value, {"bool"});
}

}  // namespace

Value evaluate_and(const Node& node, const Scope& scope) {
  const auto& binary = static_cast<const BinaryNode&>(node);
  const Value left = condition_of(*binary.left, scope);
  if (left.is_error() || !left.as_boolean()) return left;
  return condition_of(*binary.right, scope);
}

Value evaluate_or(const Node& node, const Scope& scope) {
  const auto& binary = static_cast<const BinaryNode&>(node);
  const Value left = condition_of(*binary.left, scope);
  if (left.is_error() || left.as_boolean()) return left;
  return condition_of(*binary.right, scope);
}

Value evaluate_coalesce(const Node& node, const Scope& scope) {
  const auto& binary = static_cast<const BinaryNode&>(node);
  const Value left = evaluate(*binary.left, scope);
  if (!left.is_error() && !left.is_null() && !left.is_marker()) return left;
  return evaluate(*binary.right, scope);
}

Value evaluate_match(const Node& node, const Scope& scope) {
  const auto& match = static_cast<const MatchNode&>(node);
  Run& run = *scope.run;
  Value subject;
  if (match.subject) {
    subject = evaluate(*match.subject, scope);
    if (subject.is_error()) return subject;
  } else if (const Value* context = scope.value ? scope.value : root_context(run)) {
    subject = *context;
  }
  const Scope inner = scope.with(subject);
  for (std::size_t i = 0; i < match.cases.size(); ++i) {
    const auto& [pattern, literal, result] = match.cases[i];
    if (literal) {
      if (!values_equal(subject, *literal, run.arena)) continue;
    } else if (pattern) {
      const Value matched = evaluate(*pattern, inner);
      if (matched.is_error()) {
        return prefix_error(run, {"failed to check match case ", std::to_string(i), ": "}, matched);
      }
      if (!matched.is(Kind::boolean) || !matched.as_boolean()) continue;
    }
    return evaluate(*result, inner);
  }
  return Value::nothing();
}

Value evaluate_conditional(const Node& node, const Scope& scope) {
  const auto& conditional = static_cast<const ConditionalNode&>(node);
  Run& run = *scope.run;
  for (std::size_t i = 0; i < conditional.branches.size(); ++i) {
    const auto& [condition, result] = conditional.branches[i];
    const Value value = evaluate(*condition, scope);
    if (value.is_error()) {
      const std::string number = i == 0 ? "" : " " + std::to_string(i);
      return prefix_error(run, {"failed to check if condition", number, ": "}, value);
    }
    if (value.is_null()) continue;  // null counts as false here, though not in statements
    if (!value.is(Kind::boolean)) {
      return make_error(run, {condition->annotation, " resolved to a non-boolean value ",
                              display(value, run.arena), " (", go_type(value), ")"});
    }
    if (value.as_boolean()) return evaluate(*result, scope);
  }
  return conditional.otherwise ? evaluate(*conditional.otherwise, scope) : Value::nothing();
}

// Contexts ----------------------------------------------------------------------------------------

/// Gives the context a name and its surroundings back their `this`.
Value evaluate_lambda(const Node& node, const Scope& scope) {
  const auto& lambda = static_cast<const LambdaNode&>(node);
  Run& run = *scope.run;
  const Value* context = scope.value ? scope.value : root_context(run);
  if (!context) {
    const Value error =
        make_error(run, {"failed to capture context ", lambda.name, ": context was undefined"});
    run.note = {.text = error.as_text().data(), .no_context = true};
    return error;
  }
  Scope inner = scope;
  inner.value = scope.outer;
  inner.outer = nullptr;
  const Binding binding{lambda.name, *context, scope.bindings};
  if (lambda.name != "_") inner.bindings = &binding;
  return evaluate(*lambda.body, inner);
}

Query::Query(const Call& call, std::size_t argument)
    : node_(call.arguments().query(argument)), scope_(call.scope().with(context_.value)) {
  if (node_->evaluate != evaluate_lambda) return;
  // What evaluate_lambda() does, once for all elements.
  const auto& lambda = static_cast<const LambdaNode&>(*node_);
  node_ = lambda.body;
  scope_.value = scope_.outer;
  scope_.outer = nullptr;
  context_.name = lambda.name;
  context_.next = scope_.bindings;
  if (lambda.name != "_") scope_.bindings = &context_;
}

Value evaluate_map(const Node& node, const Scope& scope) {
  const auto& map = static_cast<const MapNode&>(node);
  const Value target = evaluate(*map.target, scope);
  if (target.is_error()) return target;
  return evaluate(*map.query, scope.with(target));
}

}  // namespace tollgate::bloblang
