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

/// An object of two members for each element of a loop: the same one again, unless a result may
/// hold it. Requires: first < second.
class Pair {
 public:
  Pair(Arena& arena, std::string_view first, std::string_view second)
      : arena_(arena), first_(first), second_(second) {}

  Value of(Value first, Value second) {
    if (pair_.is_null()) {
      pair_ = pair_object(arena_, {first_, first}, {second_, second});
    } else {
      Member* const members = pair_.as_object().items;
      members[0].value = first;
      members[1].value = second;
    }
    return pair_;
  }
  /// To be told of each result that is kept.
  void gave(Value result) {
    if (result.is(Kind::array) || result.is(Kind::object)) pair_ = Value::null();
  }

 private:
  Arena& arena_;
  std::string_view first_, second_;
  Value pair_;
};

}  // namespace tollgate::bloblang
