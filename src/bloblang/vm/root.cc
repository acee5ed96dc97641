#include "bloblang/vm/root.h"

#include <algorithm>

#include "bloblang/vm/statements.h"

namespace tollgate::bloblang {

namespace {

/// The object of these members, nothing if none was assigned. As deep as the plan.
Value build(std::span<const RootPlan::Member> members, const Value* slots, Run& run) {
  Object* object = nullptr;
  for (const auto& [key, below, slot] : members) {
    const Value value = below.empty() ? slots[slot] : build(below, slots, run);
    if (value.is(Kind::nothing)) continue;
    if (!object) {
      object = make_object(run.arena, members.size());
      object->owner = run.epoch;
    }
    object->items[object->size++] = {key, value};
  }
  return object ? Value::object(object) : Value::nothing();
}

}  // namespace

Root::Root(Run& run, Value& value, const RootPlan* plan, Value* slots)
    : run_(run), value_(value), plan_(plan), slots_(slots) {
  const bool grows_from_nothing = !run.linked_root && (value.is_null() || value.is(Kind::nothing));
  if (!grows_from_nothing) plan_ = nullptr;
  if (plan_) std::fill_n(slots_, plan_->slots, Value::nothing());
}

void Root::settle() {
  if (!is_empty_) value_ = build(plan_->members, slots_, run_);
  plan_ = nullptr;
}

Value Root::assign(const Step& step, Value value) {
  if (plan_ && step.slot != Step::kNoSlot && !value.is(Kind::deleted)) [[likely]] {
    slots_[step.slot] = value;
    is_empty_ = false;
    return Value::null();
  }
  return assign_path(run_, settled(), step.path, value);
}

}  // namespace tollgate::bloblang
