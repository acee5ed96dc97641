// this, root, named contexts, variables and metadata.

#include <algorithm>

#include "base/same_text.h"
#include "bloblang/program/error.h"
#include "bloblang/program/messages.h"
#include "bloblang/vm/operations.h"
#include "bloblang/vm/root.h"
#include "message/message.h"

namespace tollgate::bloblang {

namespace {

/// What `path` leads to, null if nothing.
Value look_up(const Value& from, std::span<const std::string_view> path, const Scope& scope) {
  const bool is_member = path.size() == 1 && from.is(Kind::object);
  const Value* found = is_member ? from.as_object().find(path[0], scope.arena())
                                 : find_in(from, path, scope.arena());
  return found ? *found : Value::null();
}

const Value* context_of(const Scope& scope) {
  return scope.value ? scope.value : root_context(*scope.run);
}

/// What all but the last segment of a path of the document leads to, looked up once an execution
/// together with what is read below it: the fields of a record mostly lie side by side. Its value is
/// null if there is no document.
[[gnu::noinline]] const Prefix& find_prefix(const FieldNode& field, Run& run) {
  static constexpr Value kMissing;
  Prefix& known = run.prefixes[field.prefix - 1];
  const SharedPath& shared = run.shared_paths[field.prefix - 1];
  if (const LazyPayload* payload = unread_payload(run)) {
    auto* const members = run.arena.allocate_array<Value>(shared.members.size());
    if (payload->find_many(shared.path, shared.members, members)) {
      known.members = members;
      const auto is_unread = [](const Value& member) { return member.is(Kind::deleted); };
      if (std::none_of(members, members + shared.members.size(), is_unread)) {
        known.value = &kMissing;  // nobody asks what it is
        return known;
      }
    }
  }
  const Value* document = root_context(run);
  if (!document) return known;
  known.value = find_in(*document, shared.path, run.arena);
  if (!known.value) known.value = &kMissing;
  if (!known.value->is(Kind::object)) return known;
  const Object& object = known.value->as_object();
  if (known.members || !object.lazy || shared.members.size() < 2) return known;
  auto* const members = run.arena.allocate_array<Value>(shared.members.size());
  if (object.lazy->find_many(shared.members, members)) known.members = members;
  return known;
}

Value no_context(const Scope& scope, std::span<const std::string_view> path) {
  Run& run = *scope.run;
  if (path.empty()) {
    const Value error = make_error(run, {"context was undefined"});
    run.note = {.text = error.as_text().data(), .no_context = true};
    return error;
  }
  std::string dotted;
  append_dot_path(dotted, path);
  const auto field = run.arena.copy(dotted);
  const Value error = make_error(run, {"context was undefined, unable to reference `", field, "`"});
  run.note = {.text = error.as_text().data(), .no_context = true, .field = field};
  return error;
}

}  // namespace

Value evaluate_constant(const Node& node, const Scope&) {
  return static_cast<const ConstantNode&>(node).value;
}

Value evaluate_context(const Node&, const Scope& scope) {
  const Value* context = context_of(scope);
  return context ? *context : no_context(scope, {});
}

namespace {

[[gnu::noinline]] Value evaluate_any_context_path(const FieldNode& field, const Scope& scope) {
  if (!scope.value && scope.run->linked_root) {  // scalars need no new epoch
    Run& run = *scope.run;
    const Value found = look_up(*run.linked_root, field.path, scope);
    if (found.is(Kind::object) || found.is(Kind::array)) run.epoch = next_epoch();
    return found;
  }
  if (!scope.value && field.prefix && scope.run->prefixes) {
    const Prefix& known = scope.run->prefixes[field.prefix - 1];
    const Prefix& before = known.value ? known : find_prefix(field, *scope.run);
    if (before.members) {
      const Value& member = before.members[field.member];
      if (member.is(Kind::nothing)) return Value::null();
      if (!member.is_marker()) return member;
    }
    return before.value ? look_up(*before.value, field.path.last(1), scope)
                        : no_context(scope, field.path);
  }
  const Value* context = context_of(scope);
  return context ? look_up(*context, field.path, scope) : no_context(scope, field.path);
}

}  // namespace

Value evaluate_context_path(const Node& node, const Scope& scope) {
  const auto& field = static_cast<const FieldNode&>(node);
  // The common case without a frame: a member that was found with its neighbours.
  if (!scope.value && field.prefix && scope.run->prefixes) {
    const Value* const members = scope.run->prefixes[field.prefix - 1].members;
    if (members && !members[field.member].is_marker()) [[likely]] return members[field.member];
  }
  return evaluate_any_context_path(field, scope);
}

Value evaluate_root(const Node& node, const Scope& scope) {
  if (!scope.root) {
    return make_error(*scope.run, {"unable to reference `root` from this context"});
  }
  const auto path = static_cast<const FieldNode&>(node).path;
  const Value& root = scope.root->settled();
  const Value found = path.empty() ? root : look_up(root, path, scope);
  if (found.is(Kind::object) || found.is(Kind::array)) scope.run->epoch = next_epoch();
  return found;
}

Value evaluate_named(const Node& node, const Scope& scope) {
  const auto& field = static_cast<const FieldNode&>(node);
  for (const Binding* binding = scope.bindings; binding; binding = binding->next) {
    if (!same_text(binding->name, field.name)) continue;
    return field.path.empty() ? binding->value : look_up(binding->value, field.path, scope);
  }
  return make_error(*scope.run, {"named context ", field.name, " was not found"});
}

Value evaluate_get(const Node& node, const Scope& scope) {
  const auto& get = static_cast<const GetNode&>(node);
  const Value target = evaluate(*get.target, scope);
  return target.is_error() ? target : look_up(target, get.path, scope);
}

Value evaluate_path_of_variable(const Node& node, const Scope& scope) {
  const auto& get = static_cast<const PathOfVariableNode&>(node);
  Value* const values = scope.variables ? scope.variables->values : nullptr;
  if (!values || values[get.slot].is(Kind::nothing)) [[unlikely]] {
    return evaluate(*get.variable, scope);  // an error
  }
  const bool keeps = get.memo != PathOfVariableNode::kNoMemo;
  if (keeps && !values[get.memo].is(Kind::nothing)) return values[get.memo];
  const Value found = look_up(values[get.slot], get.path, scope);
  if (keeps) values[get.memo] = found;
  return found;
}

Value evaluate_variable(const Node& node, const Scope& scope) {
  const auto& variable = static_cast<const VariableNode&>(node);
  if (scope.variables && variable.slot < scope.variables->names.size()) {
    const Value value = scope.variables->values[variable.slot];
    if (!value.is(Kind::nothing)) return value;
  }
  if (!scope.variables) return make_error(*scope.run, {"variables were undefined"});
  return make_error(*scope.run, {"variable '", variable.name, "' undefined"});
}

// Metadata ----------------------------------------------------------------------------------------

namespace {

Value no_metadata(const Scope& scope) {
  return make_error(*scope.run, {"metadata cannot be queried in this context"});
}

}  // namespace

Value evaluate_metadata(const Node& node, const Scope& scope) {
  const Run& run = *scope.run;
  if (!run.has_metadata) return no_metadata(scope);
  if (!run.metadata) return Value::null();
  const Value* found = run.metadata->find(static_cast<const MetadataNode&>(node).key, run.arena);
  return found ? *found : Value::null();
}

Value evaluate_all_metadata(const Node&, const Scope& scope) {
  const Run& run = *scope.run;
  if (!run.has_metadata) return no_metadata(scope);
  return Value::object(copy_table(run.metadata, run.arena));
}

}  // namespace tollgate::bloblang
