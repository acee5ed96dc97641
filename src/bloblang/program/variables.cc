#include "bloblang/program/variables.h"

#include "bloblang/program/error.h"

namespace tollgate::bloblang {

Value read_variable(const Scope& scope, std::string_view name) {
  if (!scope.variables) return make_error(*scope.run, {"variables were undefined"});
  const auto names = scope.variables->names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name && !scope.variables->values[i].is(Kind::nothing)) {
      return scope.variables->values[i];
    }
  }
  return make_error(*scope.run, {"variable '", name, "' undefined"});
}

}  // namespace tollgate::bloblang
