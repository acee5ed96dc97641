#include "component/effects.h"

#include <utility>

namespace tollgate {

namespace {
thread_local DeferredEffects* collecting = nullptr;
}

DeferredEffects::DeferredEffects() : outer_(std::exchange(collecting, this)) {}
DeferredEffects::~DeferredEffects() { collecting = outer_; }

void DeferredEffects::apply(Effect effect) {
  if (collecting) {
    collecting->effects_.push_back(std::move(effect));
  } else {
    effect();
  }
}

}  // namespace tollgate
