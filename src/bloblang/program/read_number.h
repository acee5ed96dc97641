#pragma once

#include "bloblang/program/convert.h"

namespace tollgate::bloblang {

/// as_number() for where it counts: false if `value` is none. An optional that is made here and
/// there goes through memory in two parts and comes back as one, which stalls.
inline bool read_number(Value value, double& number) {
  if (value.is(Kind::int64)) {
    number = static_cast<double>(value.as_int64());
    return true;
  }
  if (value.is(Kind::float64)) {
    number = value.as_float64();
    return true;
  }
  const auto other = as_number(value);
  if (other) number = *other;
  return other.has_value();
}

}  // namespace tollgate::bloblang
