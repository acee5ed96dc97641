#include "bloblang/vm/statements.h"

#include "bloblang/program/error.h"
#include "bloblang/program/messages.h"
#include "bloblang/vm/operations.h"
#include "bloblang/vm/root.h"
#include "value/json.h"

namespace tollgate::bloblang {

namespace {

/// root is replaced as a whole: from now on `this` of a mutation is what it was.
void unlink_root(Run& run) {
  if (!run.linked_root) return;
  run.document = *run.linked_root;
  run.linked_root = nullptr;
  run.epoch = next_epoch();
}

Object& writable_metadata(Run& run) {
  if (!run.metadata || run.metadata->owner != run.epoch) {
    run.metadata = copy_table(run.metadata, run.arena);
    run.metadata->owner = run.epoch;
  }
  run.metadata_changed = true;
  return *run.metadata;
}

Value set_metadata(const Step& step, Run& run, Value value) {
  if (step.kind == Step::Kind::set_metadata) {
    if (value.is(Kind::deleted)) {
      writable_metadata(run).erase(step.key);
    } else {
      writable_metadata(run).set(step.key, value, run.arena);
    }
    return Value::null();
  }
  if (!value.is(Kind::deleted) && !value.is(Kind::object)) {
    return make_error(run, {"setting root meta object requires object value, received: ",
                            go_type(value)});
  }
  run.metadata = value.is(Kind::deleted) ? nullptr : &value.as_object();
  if (run.metadata) run.metadata->members(run.arena);
  run.metadata_changed = true;
  return Value::null();
}

Value replace_root(const Step& step, const Scope& scope, Value value) {
  Run& run = *scope.run;
  unlink_root(run);
  if (step.is_fresh) {  // nobody else has seen it: it may be changed in place
    if (value.is(Kind::object)) value.as_object().owner = run.epoch;
    if (value.is(Kind::array)) value.as_array().owner = run.epoch;
  }
  scope.root->replace(value);
  return Value::null();
}

Value run_conditional(const Step& step, const Scope& scope, bool may_set_metadata) {
  Run& run = *scope.run;
  for (std::size_t i = 0; i < step.branches.size(); ++i) {
    const auto& [condition, steps] = step.branches[i];
    if (condition) {
      const Value value = evaluate(*condition, scope);
      if (value.is_error()) {
        return prefix_error(
            run, {"failed to check if condition ", std::to_string(i + 1), ": "}, value);
      }
      if (!value.is(Kind::boolean)) {
        return make_error(run, {condition->annotation, " resolved to a non-boolean value ",
                                display(value, run.arena), " (", go_type(value), ")"});
      }
      if (!value.as_boolean()) continue;
    }
    const Step* failed = nullptr;
    return execute(steps, scope, may_set_metadata, failed);
  }
  return Value::null();
}

Value assign_below_root(const Step& step, const Scope& scope, Value value) {
  Run& run = *scope.run;
  if (run.linked_root && run.linked_root->is(Kind::array) && step.path[0] == "-") unlink_root(run);
  return scope.root->assign(step, value);
}

/// Writes what root is replaced with; makes the object only where a value leaves its member out.
Value write_root(const Step& step, const Scope& scope) {
  Run& run = *scope.run;
  const ObjectText& text = *step.text;
  auto* const values = run.arena.allocate_array<Value>(text.values.size());
  bool all_there = true;
  Value* next = values;
  for (const Node* node : text.values) {
    const Value value = *next++ = evaluate(*node, scope);
    all_there &= !value.is_marker();
    if (value.is_error()) [[unlikely]] {
      all_there = false;
      break;
    }
  }
  if (!all_there) {
    const Value* from = values;
    const auto& literal = static_cast<const ObjectNode&>(*step.value);
    const Value object = assemble_object(literal, scope, from);
    return object.is_error() ? object : replace_root(step, scope, object);
  }
  scope.root->replace(Value::nothing());
  run.text = print_json(text.shape, values, *run.text_arena, run.arena);
  return Value::null();
}

Value run_step(const Step& step, const Scope& scope, bool may_set_metadata) {
  if (step.text && scope.run->text_arena) return write_root(step, scope);
  if (step.kind == Step::Kind::conditional) return run_conditional(step, scope, may_set_metadata);
  const Value value = evaluate(*step.value, scope);
  if (value.is_error()) return value;
  if (value.is(Kind::nothing)) return Value::null();
  Run& run = *scope.run;
  switch (step.kind) {
    case Step::Kind::replace_root: return replace_root(step, scope, value);
    case Step::Kind::assign_path: return assign_below_root(step, scope, value);
    case Step::Kind::let:
      scope.variables->values[step.slot] = value.is(Kind::deleted) ? Value::nothing() : value;
      return Value::null();
    default:
      if (!may_set_metadata) {
        return make_error(run, {"unable to assign metadata in the current context"});
      }
      return set_metadata(step, run, value);
  }
}

}  // namespace

Value execute(std::span<const Step> steps, const Scope& scope, bool may_set_metadata,
              const Step*& failed) {
  for (const Step& step : steps) {
    const Value outcome = run_step(step, scope, may_set_metadata);
    if (outcome.is_error()) [[unlikely]] {
      failed = &step;
      return outcome;
    }
  }
  return Value::null();
}

}  // namespace tollgate::bloblang
