#include "bloblang/functions/json_refusal.h"

#include "bloblang/program/structure.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate::bloblang {

namespace {

/// Requires: check_structure(value), since each level is written anew.
std::string reason(Value value, Arena& arena) {
  if (value.is(Kind::float64)) {
    std::string text;
    append_go_float(text, value.as_float64());
    return "json: unsupported value: " + text;
  }
  if (value.is(Kind::timestamp)) {
    return "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: year outside of "
           "range [0,9999]";
  }
  const auto fails = [&](Value inner) {
    std::string scratch;
    return !append_json(scratch, inner, arena);
  };
  if (value.is(Kind::array)) {
    for (const Value& item : value.as_array()) {
      if (fails(item)) return reason(item, arena);
    }
  } else if (value.is(Kind::object)) {
    for (const auto& [key, member] : value.as_object().members(arena)) {
      if (fails(member)) return reason(member, arena);
    }
  }
  return "json: unsupported value";
}

}  // namespace

std::string json_refusal(Value value, Arena& arena) {
  Run run(arena);
  const Value structure = check_structure(run, value);
  return structure.is_error() ? std::string(structure.as_text()) : reason(value, arena);
}

}  // namespace tollgate::bloblang
