#include "bloblang/program/structure.h"

#include <vector>

#include "bloblang/program/error.h"

namespace tollgate::bloblang {

namespace {

/// As deep as a document may be.
constexpr std::size_t kMaxDepth = 10'000;

/// A container on the way down; what is left of it.
struct Open {
  std::span<const Value> items;
  std::span<const Member> members;
};

Open open(Value value, Arena& arena) {
  if (value.is(Kind::array)) return {{value.as_array().items, value.as_array().size}, {}};
  if (value.is(Kind::object)) return {{}, value.as_object().members(arena)};
  return {};
}

}  // namespace

Value check_structure(Run& run, Value value) {
  std::vector<Open> path{open(value, run.arena)};
  std::uint64_t elements = 0;
  while (!path.empty()) {
    Open& innermost = path.back();
    if (innermost.items.empty() && innermost.members.empty()) {
      path.pop_back();
      continue;
    }
    Value child;
    if (!innermost.items.empty()) {
      child = innermost.items.front();
      innermost.items = innermost.items.subspan(1);
    } else {
      child = innermost.members.front().value;
      innermost.members = innermost.members.subspan(1);
    }
    if (++elements > kMaxElements) return make_error(run, {"the value has too many elements"});
    if (!child.is(Kind::array) && !child.is(Kind::object)) continue;
    if (path.size() >= kMaxDepth) return make_error(run, {"the value is nested too deeply"});
    path.push_back(open(child, run.arena));
  }
  return Value::nothing();
}

}  // namespace tollgate::bloblang
