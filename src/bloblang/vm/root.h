#pragma once

#include "bloblang/program/nodes.h"
#include "bloblang/program/scope.h"
#include "bloblang/vm/statements.h"

namespace tollgate::bloblang {

/// The document that one execution of a body builds, on the stack of the machine.
///
/// While it grows out of nothing and nobody has read it, each assignment only puts its value into
/// the slot of its path; the objects are made when all is known, sorted and of their final size.
/// What the plan does not foresee settles the document first and goes on from there.
class Root {
 public:
  /// `value` is the document before and after. `slots` has plan->slots values; `plan` may be null.
  Root(Run& run, Value& value, const RootPlan* plan, Value* slots);

  /// The document as it is now.
  Value& settled() {
    if (plan_) settle();
    return value_;
  }
  /// Prints the document to where its JSON may go instead of making it, if that can be.
  bool print(Arena& out);
  /// What was assigned so far counts no more.
  void replace(Value value) {
    plan_ = nullptr;
    value_ = value;
  }
  /// Sets the path of `step`, below root. Null, or why that cannot be.
  Value assign(const Step& step, Value value) {
    if (plan_ && step.slot != Step::kNoSlot && !value.is(Kind::deleted)) [[likely]] {
      slots_[step.slot] = value;
      is_empty_ = false;
      return Value::null();
    }
    return assign_path(run_, settled(), step.path, value);
  }

 private:
  void settle();

  Run& run_;
  Value& value_;
  const RootPlan* plan_;  ///< null once the document is settled
  Value* slots_;          ///< Kind::nothing where nothing was assigned
  bool is_empty_ = true;
};

}  // namespace tollgate::bloblang
