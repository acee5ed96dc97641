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

/// Whether finish() has something to say of a result.
bool is_final(Value result) { return !result.is_error() && result.text_size() <= kMaxBytes; }

/// A result on its way out: an error names its target, and no text is longer than may be made.
[[gnu::noinline]] Value finish(const CallNode& node, Run& run, Value target, Value result) {
  if (result.is_text()) {
    const auto size = result.text_size();
    // What was there already, a message's content, may be longer.
    if (size > kMaxBytes && !(target.is_text() && size <= target.text_size()) && node.target) {
      result = check_text_size(run, size);
    }
  }
  if (result.is_error() && node.target &&
      node.function->errors == Function::Errors::name_target) {
    return name_source(run, result, node.target->annotation);
  }
  return result;
}

[[gnu::always_inline]] inline Value call(const CallNode& node, const Scope& scope,
                                         const Arguments& arguments, CallState* state,
                                         bool is_constant, bool has_target) {
  Run& run = *scope.run;
  if (exhausts(run)) [[unlikely]] return exhausted_error(run);
  Value target = Value::nothing();
  if (has_target) {
    target = evaluate(*node.target, scope);
    if (target.is_error()) return target;
  }
  Call current(*node.function, scope, arguments, state, node.target, is_constant);
  const Value result = node.call(current, target);
  if (is_final(result)) [[likely]] return result;
  return finish(node, run, target, result);
}

}  // namespace

Value evaluate_function(const Node& node, const Scope& scope) {
  const auto& site = static_cast<const CallNode&>(node);
  return call(site, scope, site.arguments, site.state, true, false);
}

Value evaluate_method(const Node& node, const Scope& scope) {
  const auto& site = static_cast<const CallNode&>(node);
  return call(site, scope, site.arguments, site.state, true, true);
}

Value evaluate_dynamic_call(const Node& node, const Scope& scope) {
  const auto& site = static_cast<const CallNode&>(node);
  const Function& function = *site.function;
  Run& run = *scope.run;
  constexpr std::size_t few = 8;
  alignas(Value) std::byte small[few * sizeof(Value)];
  const std::size_t count = site.arguments.size();
  Value* const values = count <= few ? static_cast<Value*>(static_cast<void*>(small))
                                     : run.arena.allocate_array<Value>(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = site.arguments[i];
  std::size_t ordinal = 0;
  for (const auto& [index, argument] : site.dynamic) {
    Value value = evaluate(*argument, scope);
    if (!value.is_error() && !function.variadic) {
      value = convert_argument(run, function.parameters[index], value);
    }
    if (value.is_error()) [[unlikely]] {
      const std::string name = function.variadic ? std::to_string(ordinal)
                                                 : std::string(function.parameters[index].name);
      return prefix_error(run, {site.target ? "method '" : "function '", function.name,
                                "': failed to extract input arg '", name, "': "}, value);
    }
    values[index] = value;
    ++ordinal;
  }
  const Arguments arguments = site.arguments.with({values, count});
  const bool has_target = site.target && !function.lazy_target;
  Prepared state;
  if (function.prepare) {
    state = function.prepare(arguments);
    if (!state) return make_error(run, {state.error()});
  }
  return call(site, scope, arguments, state->get(), false, has_target);
}

}  // namespace tollgate::bloblang
