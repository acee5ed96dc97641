#pragma once

#include "value/value.h"

namespace tollgate::bloblang {

/// An object of two members. Requires: first.key < second.key.
inline Value pair_object(Arena& arena, Member first, Member second) {
  auto* members = arena.allocate_array<Member>(2);
  members[0] = first;
  members[1] = second;
  return Value::object(arena.make<Object>(members, 2u, 2u));
}

}  // namespace tollgate::bloblang
