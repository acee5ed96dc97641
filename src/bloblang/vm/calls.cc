// Functions and methods: arguments, state, and errors that name their source.

#include "bloblang/program/error.h"
#include "bloblang/vm/operations.h"
#include "value/number.h"
#include "value/time_layout.h"

namespace tollgate::bloblang {

namespace {

Value wrong_type(Run& run, const Parameter& parameter, Value value) {
  const std::string_view wanted = parameter.type == Type::array    ? "array"
                                  : parameter.type == Type::object ? "object"
                                  : parameter.type == Type::query ||
                                          parameter.type == Type::value_or_query
                                      ? "query expression"
                                      : "string";
  return make_error(run, {"wrong argument type, expected ", wanted, ", got ",
                          kind_name(value.kind())});
}

Value to_timestamp(Run& run, Value value) {
  if (value.is(Kind::timestamp)) return value;
  return timestamp_of(run, value);
}

}  // namespace

Value convert_argument(Run& run, const Parameter& parameter, Value value) {
  switch (parameter.type) {
    case Type::integer: {
      const auto integer = as_integer(value);
      if (integer) return Value::int64(*integer);
      if (!value.is(Kind::number_text)) return type_error(run, value, {"number"});
      return make_error(run, {number_error("ParseInt", value.as_text(), NumberFault::syntax)});
    }
    case Type::number: {
      const auto number = as_number(value);
      return number ? Value::float64(*number) : type_error(run, value, {"number"});
    }
    case Type::boolean: {
      const auto condition = as_condition(value);
      return condition ? Value::boolean(*condition) : type_error(run, value, {"bool"});
    }
    case Type::string:
      return value.is_text() ? Value::string(value.as_text()) : wrong_type(run, parameter, value);
    case Type::timestamp: return to_timestamp(run, value);
    case Type::array: return value.is(Kind::array) ? value : wrong_type(run, parameter, value);
    case Type::object: return value.is(Kind::object) ? value : wrong_type(run, parameter, value);
    case Type::any: {
      // Left out is one thing, given as nothing() another.
      static constexpr Value kGiven = Value::nothing();
      const bool is_given = value.is(Kind::nothing) && parameter.need == Need::optional;
      return is_given ? Value::opaque(&kGiven) : value;
    }
    case Type::query:
    case Type::value_or_query: return wrong_type(run, parameter, value);
  }
  return value;
}

namespace {

Value call(const CallNode& node, const Scope& scope, const Arguments& arguments, CallState* state,
           bool is_constant) {
  const Function& function = *node.function;
  Run& run = *scope.run;
  if (exhausts(run)) [[unlikely]] return exhausted_error(run);
  Value target = Value::nothing();
  if (node.target && !function.lazy_target) {
    target = evaluate(*node.target, scope);
    if (target.is_error()) return target;
  }
  Call current(function, scope, arguments, state, node.target, is_constant);
  Value result = function.call(current, target);
  if (result.is_text()) {
    const auto size = result.as_text().size();
    // What was there already, a message's content, may be longer.
    if (size > kMaxBytes && !(target.is_text() && size <= target.as_text().size()) && node.target)
        [[unlikely]] {
      result = check_text_size(run, size);
    }
  }
  if (result.is_error() && node.target && function.errors == Function::Errors::name_target)
      [[unlikely]] {
    return name_source(run, result, node.target->annotation);
  }
  return result;
}

}  // namespace

Value evaluate_function(const Node& node, const Scope& scope) {
  const auto& site = static_cast<const CallNode&>(node);
  return call(site, scope, Arguments(site.values, site.queries), site.state, true);
}

Value evaluate_method(const Node& node, const Scope& scope) {
  return evaluate_function(node, scope);
}

Value evaluate_dynamic_call(const Node& node, const Scope& scope) {
  const auto& site = static_cast<const CallNode&>(node);
  const Function& function = *site.function;
  Run& run = *scope.run;
  Value* values = run.arena.allocate_array<Value>(site.values.size());
  std::copy(site.values.begin(), site.values.end(), values);
  std::size_t ordinal = 0;
  for (const auto& [index, argument] : site.dynamic) {
    const std::string position = function.variadic ? std::to_string(ordinal) : std::string();
    const std::string_view name =
        function.variadic ? std::string_view(position) : function.parameters[index].name;
    Value value = evaluate(*argument, scope);
    if (!value.is_error() && !function.variadic) {
      value = convert_argument(run, function.parameters[index], value);
    }
    if (value.is_error()) {
      return prefix_error(run, {site.target ? "method '" : "function '", function.name,
                                "': failed to extract input arg '", name, "': "}, value);
    }
    values[index] = value;
    ++ordinal;
  }
  const Arguments arguments({values, site.values.size()}, site.queries);
  if (!function.prepare) return call(site, scope, arguments, nullptr, false);
  Prepared state = function.prepare(arguments);
  if (!state) return make_error(run, {state.error()});
  return call(site, scope, arguments, state->get(), false);
}

}  // namespace tollgate::bloblang
