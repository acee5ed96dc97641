#include "bloblang/compiler/analysis.h"

#include <algorithm>

#include "bloblang/compiler/files.h"
#include "bloblang/functions/catalogue.h"
#include "bloblang/syntax/paths.h"
#include "bloblang/vm/operations.h"
#include "value/empty_literal.h"
#include "value/path.h"

namespace tollgate::bloblang {

namespace {

const LiteralExpr* as_literal(const Expr* expr) {
  return expr && expr->kind == ExprKind::literal ? static_cast<const LiteralExpr*>(expr) : nullptr;
}

bool is_query(Type type) { return type == Type::query || type == Type::value_or_query; }

std::uint16_t depth_over(std::initializer_list<const Expr*> children) {
  std::uint16_t depth = 0;
  for (const Expr* child : children) {
    if (child) depth = std::max(depth, child->depth);
  }
  return static_cast<std::uint16_t>(depth + 1);
}

std::string join(const std::vector<std::string_view>& names) {
  std::string text;
  for (const auto name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

std::string missing_text(const std::vector<std::string_view>& missing) {
  return (missing.size() == 1 ? "missing parameter: " : "missing parameters: ") + join(missing);
}

}  // namespace

const Expr* Analysis::literal(Value value, std::string_view annotation) {
  return arena_.make<LiteralExpr>(LiteralExpr{{ExprKind::literal, 1, annotation}, value});
}

// Calls -------------------------------------------------------------------------------------------

const Function* Analysis::find(std::string_view name, bool is_method) const {
  const Function* function = is_method ? find_method(name) : find_function(name);
  if (!function || !options_.pure_only) return function;
  const bool reads_messages = function->category == Category::message_info && !is_method;
  return function->impure || reads_messages ? nullptr : function;
}

Actions::Built Analysis::call(std::string_view name, const Expr* target,
                              std::span<const Argument> arguments) {
  const Function* function = find(name, target != nullptr);
  if (!function) {
    return std::unexpected(std::string(target ? "unrecognised method" : "unrecognised function") +
                           " '" + std::string(name) + "'");
  }
  auto bound = bind(*function, arguments);
  if (!bound) return std::unexpected(std::move(bound.error()));

  if (target && !bound->is_dynamic) {
    if (const Expr* lowered = lower(*function, target, bound->exprs)) return lowered;
  }

  const std::size_t count = bound->exprs.size();
  auto* exprs = arena_.allocate_array<const Expr*>(count);
  std::copy(bound->exprs.begin(), bound->exprs.end(), exprs);
  CallExpr expr{{ExprKind::call, depth_over({target}),
                 concat(arena_, {target ? "method " : "function ", name})},
                function, target, {exprs, count}, nullptr, bound->is_dynamic};
  for (std::size_t i = 0; i < count; ++i) {
    expr.depth = std::max(expr.depth, depth_over({exprs[i]}));
  }
  if (bound->is_dynamic) return arena_.make<CallExpr>(expr);

  auto* values = arena_.allocate_array<Value>(count);
  auto* queries = arena_.allocate_array<const Node*>(count);
  for (std::size_t i = 0; i < count; ++i) {
    const LiteralExpr* constant = as_literal(exprs[i]);
    const bool takes_query = !function->variadic && is_query(function->parameters[i].type);
    values[i] = constant && !takes_query ? constant->value : Value::nothing();
    queries[i] = nullptr;
  }
  const Arguments constants({values, count}, {queries, count});
  if (function->prepare) {
    Prepared state = function->prepare(constants);
    if (!state) return std::unexpected(std::move(state.error()));
    if (*state) expr.state = states_.emplace_back(std::move(*state)).get();
  }
  if (function->annotate) {
    expr.annotation =
        arena_.copy(function->annotate(constants, target ? target->annotation : ""));
  }
  const bool folds =
      function->folds_with ? function->folds_with(constants) : function->folds;
  const bool is_postponed = options_.checking_only && function->impure;
  if (folds && !is_postponed && (!target || as_literal(target))) return fold(expr, constants);
  return arena_.make<CallExpr>(expr);
}

/// Methods that are the same as a construct of the language, down to how errors name them.
const Expr* Analysis::lower(const Function& function, const Expr* target,
                            const std::vector<const Expr*>& arguments) {
  if (function.name == "get") {
    std::vector<std::string_view> path;
    for (const auto& segment : split_path(as_literal(arguments[0])->value.as_text())) {
      path.push_back(arena_.copy(segment));
    }
    return extend_path(arena_, target, path);
  }
  if (function.name == "map") {
    return arena_.make<MapExpr>(
        MapExpr{{ExprKind::map, depth_over({target, arguments[0]}), arguments[0]->annotation},
                target, arguments[0]});
  }
  if (function.name == "not") {
    return arena_.make<NotExpr>(
        NotExpr{{ExprKind::logical_not, depth_over({target}),
                 concat(arena_, {"not ", target->annotation})},
                target});
  }
  return nullptr;
}

Actions::Built Analysis::fold(const CallExpr& expr, const Arguments& arguments) {
  const Scope scope{.run = &run_};
  ConstantNode target{{evaluate_constant, {}}, {}};
  if (expr.target) {
    target.annotation = expr.target->annotation;
    target.value = as_literal(expr.target)->value;
  }
  const Node* target_node = expr.target ? &target : nullptr;
  Call call(*expr.function, scope, arguments, expr.state, target_node, true);
  const Value result =
      expr.function->call(call, target_node ? target.value : Value::nothing());
  if (result.is_error()) return std::unexpected(std::string(result.as_text()));
  return literal(result, expr.annotation);
}

// Arguments ---------------------------------------------------------------------------------------

std::expected<Analysis::Bound, std::string> Analysis::bind_variadic(
    std::span<const Argument> arguments) {
  Bound bound;
  for (const Argument& argument : arguments) {
    if (!argument.name.empty()) return std::unexpected("named arguments are not supported");
    bound.exprs.push_back(argument.value);
    bound.is_dynamic |= as_literal(argument.value) == nullptr;
  }
  return bound;
}

std::expected<Analysis::Bound, std::string> Analysis::bind(const Function& function,
                                                           std::span<const Argument> arguments) {
  std::size_t named = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].name.empty()) continue;
    ++named;
    for (std::size_t j = 0; j < i; ++j) {
      if (arguments[j].name == arguments[i].name) {
        return std::unexpected("duplicate named arg: " + std::string(arguments[i].name));
      }
    }
  }
  if (named > 0 && named < arguments.size()) {
    return std::unexpected("cannot mix named and nameless arguments");
  }
  if (function.variadic) return bind_variadic(arguments);

  const std::size_t count = function.parameter_count();
  if (named == 0 && arguments.size() > count) {
    return std::unexpected("wrong number of arguments, expected " + std::to_string(count) +
                           ", got " + std::to_string(arguments.size()));
  }
  Bound bound;
  bound.exprs.assign(count, nullptr);
  std::vector<std::string_view> missing;
  for (std::size_t i = 0; i < count; ++i) {
    const Parameter& parameter = function.parameters[i];
    const Expr* given = nullptr;
    if (named == 0) {
      if (i < arguments.size()) given = arguments[i].value;
    } else if (const auto found = std::ranges::find(arguments, parameter.name, &Argument::name);
               found != arguments.end()) {
      given = found->value;
    }
    if (!given && parameter.need == Need::required) missing.push_back(parameter.name);
    if (!given && parameter.need == Need::defaulted) {
      given = literal(parameter.fallback, concat(arena_, {kind_name(parameter.fallback.kind()),
                                                          " literal"}));
    }
    if (!given) continue;
    auto one = bind_one(parameter, given);
    if (!one) return std::unexpected("field " + std::string(parameter.name) + ": " + one.error());
    bound.exprs[i] = *one;
  }
  if (std::string complaint = complain(function, arguments, missing); !complaint.empty()) {
    return std::unexpected(std::move(complaint));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Parameter& parameter = function.parameters[i];
    if (!bound.exprs[i] || is_query(parameter.type) || as_literal(bound.exprs[i])) continue;
    if (parameter.constant) {
      return std::unexpected("param " + std::string(parameter.name) + " must not be dynamic");
    }
    bound.is_dynamic = true;
  }
  return bound;
}

/// Unknown names, else missing parameters; empty if there is nothing to complain of.
std::string Analysis::complain(const Function& function, std::span<const Argument> arguments,
                               const std::vector<std::string_view>& missing) const {
  std::vector<std::string_view> unknown;
  for (const Argument& argument : arguments) {
    if (argument.name.empty()) continue;
    const auto count = function.parameter_count();
    if (std::ranges::none_of(std::span(function.parameters, count),
                             [&](const Parameter& p) { return p.name == argument.name; })) {
      unknown.push_back(argument.name);
    }
  }
  if (unknown.empty()) return missing.empty() ? "" : missing_text(missing);
  std::ranges::sort(unknown);
  std::string text = (unknown.size() == 1 ? "unknown parameter " : "unknown parameters ") +
                     join(unknown);
  if (missing.size() == 1) text += ", did you mean " + std::string(missing[0]) + "?";
  if (missing.size() > 1) text += ", expected " + join(missing);
  return text;
}

std::expected<const Expr*, std::string> Analysis::bind_one(const Parameter& parameter,
                                                           const Expr* given) {
  const LiteralExpr* constant = as_literal(given);
  if (!constant || is_query(parameter.type)) return given;
  const Value converted = convert_argument(run_, parameter, constant->value);
  if (converted.is_error()) return std::unexpected(std::string(converted.as_text()));
  return literal(converted, given->annotation);
}

// Operators and literals --------------------------------------------------------------------------

namespace {

Node::Evaluate folding_evaluator(Operator op) {
  switch (op) {
    case Operator::add: return evaluate_add;
    case Operator::subtract: return evaluate_subtract;
    case Operator::divide: return evaluate_divide;
    case Operator::multiply: return evaluate_multiply;
    case Operator::modulo: return evaluate_modulo;
    case Operator::equal: return evaluate_equal;
    case Operator::not_equal: return evaluate_not_equal;
    case Operator::greater: return evaluate_greater;
    case Operator::less: return evaluate_less;
    case Operator::greater_or_equal: return evaluate_greater_or_equal;
    case Operator::less_or_equal: return evaluate_less_or_equal;
    case Operator::logical_and:
    case Operator::logical_or:
    case Operator::coalesce: return nullptr;  // not folded
  }
  return nullptr;
}

}  // namespace

Actions::Built Analysis::binary(Operator op, const Expr* left, const Expr* right) {
  const LiteralExpr* constant_left = as_literal(left);
  const LiteralExpr* constant_right = as_literal(right);
  const Node::Evaluate evaluator = folding_evaluator(op);
  if (!constant_left || !constant_right || !evaluator) {
    return arena_.make<BinaryExpr>(BinaryExpr{
        {ExprKind::binary, depth_over({left, right}), right->annotation}, op, left, right});
  }
  const ConstantNode left_node{{evaluate_constant, left->annotation}, constant_left->value};
  const ConstantNode right_node{{evaluate_constant, right->annotation}, constant_right->value};
  const BinaryNode node{{evaluator, right->annotation}, &left_node, &right_node};
  const Value result = evaluate(node, Scope{.run = &run_});
  if (result.is_error()) return std::unexpected(std::string(result.as_text()));
  return literal(result, right->annotation);
}

Actions::Built Analysis::array(std::span<const Expr* const> items) {
  auto* kept = arena_.allocate_array<const Expr*>(items.size());
  std::size_t count = 0;
  bool is_constant = true;
  ArrayExpr expr{{ExprKind::array, 1, "array literal"}, {}};
  for (const Expr* item : items) {
    const LiteralExpr* constant = as_literal(item);
    if (constant && constant->value.is_marker()) continue;
    is_constant &= constant != nullptr;
    kept[count++] = item;
    expr.depth = std::max(expr.depth, depth_over({item}));
  }
  expr.items = {kept, count};
  if (!is_constant) return arena_.make<ArrayExpr>(expr);
  if (count == 0) return literal(Value::array(&empty_literal), expr.annotation);
  Array* values = make_array(arena_, count);
  for (const Expr* item : expr.items) values->push(as_literal(item)->value, arena_);
  return literal(Value::array(values), expr.annotation);
}

Actions::Built Analysis::object(std::span<const ObjectExpr::Entry> entries) {
  ObjectExpr expr{{ExprKind::object, 1, "object literal"}, entries};
  bool is_constant = true;
  for (const auto& [key, value] : entries) {
    const LiteralExpr* constant = as_literal(key);
    if (constant && !constant->value.is(Kind::string)) {
      return std::unexpected("object keys must be strings, received: " +
                             std::string(go_type(constant->value)));
    }
    is_constant &= constant && as_literal(value);
    expr.depth = std::max(expr.depth, depth_over({key, value}));
  }
  if (!is_constant) return arena_.make<ObjectExpr>(expr);
  auto* members = arena_.allocate_array<Member>(entries.size());
  std::size_t count = 0;
  for (const auto& [key, value] : entries) {
    const Value constant = as_literal(value)->value;
    if (!constant.is_marker()) members[count++] = {as_literal(key)->value.as_text(), constant};
  }
  return literal(Value::object(make_object_of(arena_, members, count)), expr.annotation);
}

std::expected<Actions::Import, std::string> Analysis::import(std::string_view path,
                                                             std::string_view directory) {
  if (options_.pure_only) return std::unexpected("imports are disabled in this context");
  return read_import_file(path, directory);
}

}  // namespace tollgate::bloblang
