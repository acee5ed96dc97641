#include "bloblang/vm/root.h"

#include <algorithm>

#include "value/json.h"

namespace tollgate::bloblang {

namespace {

/// The object of these members of `plan`, nothing if none was assigned. As deep as the plan.
Value build(const RootPlan& plan, std::span<const RootPlan::Member> members, const Value* slots,
            Run& run) {
  Object* object = nullptr;
  Member* next = nullptr;
  for (const auto& [key, below, slot] : members) {
    const Value value = below.empty() ? slots[slot] : build(plan, below, slots, run);
    if (value.is(Kind::nothing)) continue;
    if (!object) {
      object = make_object(run.arena, members.size());
      object->owner = run.epoch;
      object->framed_keys = plan.framed_keys;
      next = object->items;
    }
    *next++ = {key, value};
  }
  if (!object) return Value::nothing();
  object->size = static_cast<std::uint32_t>(next - object->items);
  return Value::object(object);
}

}  // namespace

Root::Root(Run& run, Value& value, const RootPlan* plan, Value* slots)
    : run_(run), value_(value), plan_(plan), slots_(slots) {
  const bool grows_from_nothing = !run.linked_root && (value.is_null() || value.is(Kind::nothing));
  if (!grows_from_nothing) plan_ = nullptr;
  if (plan_) std::fill_n(slots_, plan_->slots, Value::nothing());
}

bool Root::print(Arena& out) {
  if (!plan_ || std::any_of(slots_, slots_ + plan_->slots,
                            [](const Value& value) { return value.is(Kind::nothing); })) {
    return false;
  }
  run_.text = print_json(plan_->shape, slots_, out, run_.arena);
  return true;
}

void Root::settle() {
  if (!is_empty_) value_ = build(*plan_, plan_->members, slots_, run_);
  plan_ = nullptr;
}

}  // namespace tollgate::bloblang
