#include "naive_evaluator.h"

#include <algorithm>
#include <map>
#include <vector>

#include "bloblang/syntax/diagnostics.h"
#include "naive_operators.h"
#include "naive_parse.h"
#include "value/coerce.h"
#include "value/compare.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate::fuzz {

using namespace bloblang;

namespace {

using Path = std::span<const std::string_view>;
using Maybe = std::optional<Value>;  // nullopt: it failed

constexpr int kMaxSteps = 20'000;
constexpr int kMaxMapDepth = 50;  // far from the engine's limit: beyond it is not compared
constexpr std::size_t kMaxMemory = 64 << 20;

struct GiveUp {};  // thrown, and caught by evaluate_naively(): fuzzing is no place for Result

struct Named {
  std::string_view name;
  Value value;
};

struct Scope {
  const Value* value = nullptr;  ///< `this`; null: the document
  const Value* outer = nullptr;
  std::vector<Named> named = {};
  std::map<std::string_view, Value>* variables = nullptr;
  Value* root = nullptr;
  int depth = 0;

  Scope with(const Value& context) const {
    Scope inner = *this;
    inner.outer = value;
    inner.value = &context;
    return inner;
  }
};

class Walker {
 public:
  Walker(Arena& arena, const MappingTree& tree, Maybe document, std::string_view content,
         Mode mode)
      : arena_(arena), tree_(tree), document_(document), content_(content), mode_(mode) {
    Object* metadata = make_object(arena);
    metadata->set("foo", Value::string("bar"), arena);
    metadata_ = Value::object(metadata);
  }

  NaiveOutcome run() {
    std::map<std::string_view, Value> variables;
    linked_ = mode_ == Mode::mutation && document_;
    Value root = linked_ ? deep_copy(*document_, arena_) : Value::nothing();
    if (linked_ && root.is_null()) {  // a null is edited, but not seen
      linked_ = false;
      document_.reset();
    }
    Scope scope;
    scope.variables = &variables;
    scope.root = live_ = &root;
    if (!run_statements(tree_.statements, scope, true)) return {};
    if (root.is(Kind::deleted)) return {NaiveOutcome::Kind::deleted, {}, {}};
    NaiveOutcome outcome{NaiveOutcome::Kind::ok, {}, {}};
    if (root.is(Kind::nothing)) {
      outcome.payload = content_;
    } else if (root.is_text()) {
      outcome.payload = root.as_text();
    } else {
      append_json(outcome.payload, root, arena_);
    }
    append_json(outcome.metadata, metadata_, arena_);
    return outcome;
  }

 private:
  // Statements ------------------------------------------------------------------------------------

  bool run_statements(std::span<const Statement* const> statements, Scope& scope, bool main) {
    return std::ranges::all_of(statements,
                               [&](const Statement* one) { return run(*one, scope, main); });
  }

  bool run(const Statement& statement, Scope& scope, bool main) {
    if (statement.kind == StatementKind::conditional) {
      for (const auto& [condition, body] :
           static_cast<const ConditionalStatement&>(statement).branches) {
        if (condition) {
          const Maybe truth = eval(*condition, scope);
          if (!truth || !truth->is(Kind::boolean)) return false;
          if (!truth->as_boolean()) continue;
        }
        return run_statements(body, scope, main);
      }
      return true;
    }
    const auto value_of = [&](const Expr* expr) { return eval(*expr, scope); };
    switch (statement.kind) {
      case StatementKind::assign: {
        const auto& assign = static_cast<const AssignStatement&>(statement);
        const Maybe value = value_of(assign.value);
        return value && (value->is(Kind::nothing) ||
                         set_root(*scope.root, assign.path, deep_copy(*value, arena_)));
      }
      case StatementKind::let: {
        const auto& let = static_cast<const LetStatement&>(statement);
        const Maybe value = value_of(let.value);
        if (!value) return false;
        if (value->is(Kind::deleted)) scope.variables->erase(let.name);
        if (!value->is_marker()) (*scope.variables)[let.name] = deep_copy(*value, arena_);
        return true;
      }
      default: {
        const auto& meta = static_cast<const MetaStatement&>(statement);
        const Maybe value = value_of(meta.value);
        if (!value) return false;
        return value->is(Kind::nothing) || (main && set_metadata(meta, *value));
      }
    }
  }

  bool set_metadata(const MetaStatement& meta, Value value) {
    if (meta.all) {
      if (value.is(Kind::deleted)) value = Value::object(make_object(arena_));
      if (!value.is(Kind::object)) return false;
      metadata_ = deep_copy(value, arena_);
    } else if (value.is(Kind::deleted)) {
      metadata_.as_object().erase(meta.key);
    } else {
      metadata_.as_object().set(meta.key, deep_copy(value, arena_), arena_);
    }
    return true;
  }

  bool set_root(Value& root, Path path, Value value) {
    const bool is_live = &root == live_ && linked_;
    if (path.empty()) {
      if (is_live) unlink(root);
      root = value;
      return true;
    }
    if (root.is(Kind::nothing) || root.is_null()) root = Value::object(make_object(arena_));
    if (value.is(Kind::deleted)) {
      if (path.size() > 1 || root.is(Kind::object)) erase(root, path);
      return true;
    }
    if (is_live && root.is(Kind::array) && path[0] == "-") unlink(root);
    return set(root, path, value);
  }

  /// From now on `this` is what the document was.
  void unlink(Value root) {
    document_ = deep_copy(root, arena_);
    linked_ = false;
  }

  /// Everything below `container` is this walker's own copy, so it is changed in place.
  bool set(Value& container, Path path, Value value) {
    if (path.empty()) return container = value, true;
    const bool last = path.size() == 1;
    if (container.is(Kind::object)) {
      const Value* present = container.as_object().find(path[0], arena_);
      Value child = present && !present->is_null() ? *present : Value::object(make_object(arena_));
      if (!set(child, path.subspan(1), value)) return false;
      container.as_object().set(path[0], child, arena_);
      return true;
    }
    if (!container.is(Kind::array)) return false;
    Array& array = container.as_array();
    if (path[0] == "-") {
      Value child = Value::object(make_object(arena_));
      if (!set(child, path.subspan(1), value)) return false;
      array.push(child, arena_);
      return true;
    }
    const auto at = parse_int(path[0]);
    if (!at || *at < 0 || *at >= array.size) return false;
    if (!last && array.items[*at].is_null()) return false;
    return set(array.items[*at], path.subspan(1), value);
  }

  void erase(Value& container, Path path) {
    const bool last = path.size() == 1;
    if (container.is(Kind::object)) {
      const Value* present = container.as_object().find(path[0], arena_);
      if (!present) return;
      if (last) return container.as_object().erase(path[0]);
      Value child = *present;
      erase(child, path.subspan(1));
      container.as_object().set(path[0], child, arena_);
    } else if (container.is(Kind::array)) {
      Array& array = container.as_array();
      const auto at = parse_int(path[0]);
      if (!at || *at < 0 || *at >= array.size) return;
      if (!last) return erase(array.items[*at], path.subspan(1));
      std::copy(array.items + *at + 1, array.items + array.size, array.items + *at);
      --array.size;
    }
  }

  // Expressions -----------------------------------------------------------------------------------

  Maybe eval(const Expr& expr, const Scope& scope) {
    if (++steps_ > kMaxSteps || arena_.footprint() > kMaxMemory) throw GiveUp{};
    switch (expr.kind) {
      case ExprKind::literal: return static_cast<const LiteralExpr&>(expr).value;
      case ExprKind::field: return field(static_cast<const FieldExpr&>(expr), scope);
      case ExprKind::get: {
        const auto& get = static_cast<const GetExpr&>(expr);
        const Maybe target = eval(*get.target, scope);
        return target ? Maybe(search(*target, get.path)) : target;
      }
      case ExprKind::variable: {
        const auto found = scope.variables->find(static_cast<const NameExpr&>(expr).name);
        return found == scope.variables->end() ? std::nullopt : Maybe(found->second);
      }
      case ExprKind::metadata: {
        const auto name = static_cast<const NameExpr&>(expr).name;
        if (name.empty()) return deep_copy(metadata_, arena_);
        const Value* found = metadata_.as_object().find(name, arena_);
        return found ? *found : Value::null();
      }
      case ExprKind::array: return array(static_cast<const ArrayExpr&>(expr), scope);
      case ExprKind::object: return object(static_cast<const ObjectExpr&>(expr), scope);
      case ExprKind::call: return call(static_cast<const NamedCall&>(expr), scope);
      case ExprKind::binary: return binary(static_cast<const BinaryExpr&>(expr), scope);
      case ExprKind::logical_not:
        return negate(eval(*static_cast<const NotExpr&>(expr).operand, scope));
      case ExprKind::match: return match(static_cast<const MatchExpr&>(expr), scope);
      case ExprKind::conditional:
        return conditional(static_cast<const ConditionalExpr&>(expr), scope);
      case ExprKind::lambda: return lambda(static_cast<const LambdaExpr&>(expr), scope);
      case ExprKind::map: {
        const auto& map = static_cast<const MapExpr&>(expr);
        const Maybe target = eval(*map.target, scope);
        return target ? eval(*map.query, scope.with(*target)) : target;
      }
    }
    throw GiveUp{};
  }

  Maybe context(const Scope& scope) {
    if (scope.value) return *scope.value;
    return linked_ ? Maybe(deep_copy(*live_, arena_)) : document_;
  }

  Maybe field(const FieldExpr& expr, const Scope& scope) {
    Maybe base;
    if (expr.base == FieldExpr::Base::context) {
      base = context(scope);
    } else if (expr.base == FieldExpr::Base::root) {
      base = deep_copy(*scope.root, arena_);
    } else {
      const auto found = std::ranges::find(scope.named.rbegin(), scope.named.rend(), expr.name,
                                           &Named::name);
      if (found != scope.named.rend()) base = found->value;
    }
    return base && !expr.path.empty() ? Maybe(search(*base, expr.path)) : base;
  }

  const Value* find(const Value& from, Path path) {
    if (path.empty()) return &from;
    if (from.is(Kind::object)) {
      const Value* next = from.as_object().find(path[0], arena_);
      return next ? find(*next, path.subspan(1)) : nullptr;
    }
    if (!from.is(Kind::array)) return nullptr;
    const Array& array = from.as_array();
    if (path[0] != "*") {
      const auto at = parse_int(path[0]);
      const bool exists = at && *at >= 0 && *at < array.size;
      return exists ? find(array.items[*at], path.subspan(1)) : nullptr;
    }
    if (array.size == 0) return nullptr;
    if (path.size() == 1) return &from;
    Array* found = make_array(arena_);
    for (const Value& item : array) {
      if (const Value* one = find(item, path.subspan(1))) found->push(*one, arena_);
    }
    return found->size ? arena_.make<Value>(Value::array(found)) : nullptr;
  }
  Value search(const Value& from, Path path) {
    const Value* found = find(from, path);
    return found ? *found : Value::null();
  }

  Maybe array(const ArrayExpr& expr, const Scope& scope) {
    Array* made = make_array(arena_);
    for (const Expr* item : expr.items) {
      const Maybe value = eval(*item, scope);
      if (!value) return value;
      if (!value->is_marker()) made->push(*value, arena_);
    }
    return Value::array(made);
  }

  Maybe object(const ObjectExpr& expr, const Scope& scope) {
    Object* made = make_object(arena_);
    for (const auto& [key, value] : expr.entries) {
      const Maybe name = eval(*key, scope);
      if (!name || !name->is_text()) return std::nullopt;
      const Maybe member = eval(*value, scope);
      if (!member) return member;
      if (!member->is_marker()) made->set(name->as_text(), *member, arena_);
    }
    return Value::object(made);
  }

  Maybe binary(const BinaryExpr& expr, const Scope& scope) {
    const Maybe left = eval(*expr.left, scope);
    switch (expr.op) {
      case Operator::coalesce:
        if (left && !left->is_null() && !left->is_marker()) return left;
        return eval(*expr.right, scope);
      case Operator::logical_and:
      case Operator::logical_or: {
        const Maybe first = as_condition(left);
        const bool decides = expr.op == Operator::logical_or;
        if (!first || first->as_boolean() == decides) return first;
        return as_condition(eval(*expr.right, scope));
      }
      default: break;
    }
    const Maybe right = left ? eval(*expr.right, scope) : std::nullopt;
    return right ? apply_operator(expr.op, *left, *right, arena_) : std::nullopt;
  }

  static Maybe negate(Maybe value) {
    if (!value || !value->is(Kind::boolean)) return std::nullopt;
    return Value::boolean(!value->as_boolean());
  }

  Maybe match(const MatchExpr& expr, const Scope& scope) {
    Maybe subject = expr.subject ? eval(*expr.subject, scope) : context(scope);
    if (!subject && expr.subject) return subject;
    if (!subject) subject = Value::null();
    const Scope inner = scope.with(*subject);
    for (const auto& [pattern, result] : expr.cases) {
      if (pattern) {
        const Maybe seen = eval(*pattern, inner);
        if (!seen) return seen;
        const bool matches = is_constant(*pattern) ? values_equal(*subject, *seen, arena_)
                                                   : seen->is(Kind::boolean) && seen->as_boolean();
        if (!matches) continue;
      }
      return eval(*result, inner);
    }
    return Value::nothing();
  }

  Maybe conditional(const ConditionalExpr& expr, const Scope& scope) {
    for (const auto& [condition, result] : expr.branches) {
      const Maybe truth = eval(*condition, scope);
      if (!truth) return truth;
      if (truth->is_null()) continue;
      if (!truth->is(Kind::boolean)) return std::nullopt;
      if (truth->as_boolean()) return eval(*result, scope);
    }
    return expr.otherwise ? eval(*expr.otherwise, scope) : Maybe(Value::nothing());
  }

  Maybe lambda(const LambdaExpr& expr, const Scope& scope) {
    const Maybe captured = context(scope);
    if (!captured) return captured;
    Scope inner = scope;
    inner.value = scope.outer;
    inner.outer = nullptr;
    if (expr.name != "_") inner.named.push_back({expr.name, *captured});
    return eval(*expr.body, inner);
  }

  // Calls -----------------------------------------------------------------------------------------

  static const Expr* argument(const NamedCall& call, std::size_t at, std::string_view name) {
    for (const Argument& one : call.arguments) {
      if (one.name == name) return one.value;
    }
    const bool exists = at < call.arguments.size() && call.arguments[at].name.empty();
    return exists ? call.arguments[at].value : nullptr;
  }
  const Expr& needed(const NamedCall& call, std::size_t at, std::string_view name) {
    const Expr* found = argument(call, at, name);
    if (!found) throw GiveUp{};
    return *found;
  }

  Maybe call(const NamedCall& call, const Scope& scope) {
    if (!call.target) return function(call, scope);
    if (call.name == "catch" || call.name == "or") return fall_back(call, scope);
    const Maybe target = eval(*call.target, scope);
    if (call.name == "apply") return apply(call, target, scope);
    if (!target) {
      check_known(call.name);
      return target;
    }
    if (call.name == "map") return eval(needed(call, 0, "query"), scope.with(*target));
    if (call.name == "not") return negate(target);
    if (call.name == "map_each" || call.name == "filter") return each(call, *target, scope);
    if (call.name == "any" || call.name == "all") return quantify(call, *target, scope);
    if (call.name == "fold") return fold(call, *target, scope);
    if (call.name == "type") return Value::string(kind_name(target->kind()));
    if (call.name == "not_null") return target->is_null() ? std::nullopt : target;
    if (call.name == "array") {
      if (target->is(Kind::array)) return target;
      Array* made = make_array(arena_);
      made->push(*target, arena_);
      return Value::array(made);
    }
    if (call.name == "append") return append(call, *target, scope);
    if (call.name == "length") return length(*target);
    if (call.name == "keys") return keys(*target);
    throw GiveUp{};
  }

  /// Gives up on a method that call() doesn't know, also where its target failed.
  static void check_known(std::string_view name) {
    constexpr std::string_view kKnown[] = {"map", "not", "map_each", "filter", "any", "all", "fold",
                                           "type", "not_null", "array", "append", "length", "keys"};
    if (std::ranges::find(kKnown, name) == std::end(kKnown)) throw GiveUp{};
  }

  Maybe function(const NamedCall& call, const Scope& scope) {
    if (call.name == "deleted") return Value::deleted();
    if (call.name == "nothing") return Value::nothing();
    if (call.name == "content") return Value::bytes(content_of_message());
    if (call.name == "batch_index") return Value::int64(0);
    if (call.name == "batch_size") return Value::int64(1);
    if (call.name == "throw") {
      eval(needed(call, 0, "why"), scope);
      return std::nullopt;
    }
    throw GiveUp{};
  }

  std::string_view content_of_message() const {
    if (mode_ == Mode::mutation) throw GiveUp{};  // it is written of the edited document
    return content_;
  }

  Maybe fall_back(const NamedCall& call, const Scope& scope) {
    const Maybe target = eval(*call.target, scope);
    const Expr& fallback = needed(call, 0, "fallback");
    if (call.name == "or") {
      return !target || target->is_null() || target->is_marker() ? eval(fallback, scope) : target;
    }
    if (target) return target;
    if (!is_constant(fallback)) throw GiveUp{};  // it may read the text of the error
    return eval(fallback, scope);
  }

  Maybe apply(const NamedCall& call, Maybe target, const Scope& scope) {
    const Maybe name = eval(needed(call, 0, "mapping"), scope);
    if (!name || !name->is_text() || !target) return std::nullopt;
    const auto found = std::ranges::find(tree_.maps, name->as_text(), &MapDefinition::name);
    if (found == tree_.maps.end()) return std::nullopt;
    if (scope.depth >= kMaxMapDepth) throw GiveUp{};
    std::map<std::string_view, Value> variables;
    Value root = Value::nothing();
    Scope inner = scope.with(*target);
    inner.variables = &variables;
    inner.root = &root;
    ++inner.depth;
    return run_statements(found->body, inner, false) ? Maybe(root) : std::nullopt;
  }

  Value pair(std::string_view a, Value first, std::string_view b, Value second) {
    Object* made = make_object(arena_);
    made->set(a, first, arena_);
    made->set(b, second, arena_);
    return Value::object(made);
  }

  /// map_each and filter.
  Maybe each(const NamedCall& call, Value target, const Scope& scope) {
    const bool filters = call.name == "filter";
    const Expr& query = needed(call, 0, filters ? "test" : "query");
    /// What stays of an element: nullopt if that failed, deleted() if nothing does.
    const auto fate = [&](Value seen, Value item) -> Maybe {
      const Maybe result = eval(query, scope.with(seen));
      if (!result) return result;
      if (filters) {
        const bool stays = result->is(Kind::boolean) && result->as_boolean();
        return stays ? item : Value::deleted();
      }
      return result->is(Kind::nothing) ? item : *result;
    };
    if (target.is(Kind::array)) {
      Array* made = make_array(arena_);
      for (const Value& item : target.as_array()) {
        const Maybe kept = fate(item, item);
        if (!kept) return kept;
        // A filtered element may be a marker itself; what a query gives may not.
        if (!kept->is(Kind::deleted)) made->push(*kept, arena_);
      }
      return Value::array(made);
    }
    if (!target.is(Kind::object)) return std::nullopt;
    Object* made = make_object(arena_);
    for (const auto& [key, value] : target.as_object().members(arena_)) {
      const Maybe kept = fate(pair("key", Value::string(key), "value", value), value);
      if (!kept) return kept;
      if (!kept->is(Kind::deleted)) made->set(key, *kept, arena_);
    }
    return Value::object(made);
  }

  Maybe quantify(const NamedCall& call, Value target, const Scope& scope) {
    const Expr& test = needed(call, 0, "test");
    if (!target.is(Kind::array)) return std::nullopt;
    const bool decisive = call.name == "any";
    if (target.as_array().size == 0) return Value::boolean(false);
    for (const Value& item : target.as_array()) {
      const Maybe verdict = eval(test, scope.with(item));
      if (!verdict || !verdict->is(Kind::boolean)) return std::nullopt;
      if (verdict->as_boolean() == decisive) return verdict;
    }
    return Value::boolean(!decisive);
  }

  Maybe fold(const NamedCall& call, Value target, const Scope& scope) {
    Maybe tally = eval(needed(call, 0, "initial"), scope);
    const Expr& query = needed(call, 1, "query");
    if (!target.is(Kind::array)) return std::nullopt;
    for (const Value& item : target.as_array()) {
      if (!tally) return tally;
      const Value seen = pair("tally", *tally, "value", item);
      tally = eval(query, scope.with(seen));
    }
    return tally;
  }

  Maybe append(const NamedCall& call, Value target, const Scope& scope) {
    if (!target.is(Kind::array)) return std::nullopt;
    Array* made = &deep_copy(target, arena_).as_array();
    for (const Argument& one : call.arguments) {
      const Maybe item = eval(*one.value, scope);
      if (!item) return item;
      made->push(*item, arena_);
    }
    return Value::array(made);
  }

  Maybe length(Value target) {
    if (target.is_text()) return Value::int64(static_cast<std::int64_t>(target.as_text().size()));
    if (target.is(Kind::array)) return Value::int64(target.as_array().size);
    if (!target.is(Kind::object)) return std::nullopt;
    return Value::int64(static_cast<std::int64_t>(target.as_object().members(arena_).size()));
  }

  Maybe keys(Value target) {
    if (!target.is(Kind::object)) return std::nullopt;
    Array* made = make_array(arena_);
    for (const auto& member : target.as_object().members(arena_)) {
      made->push(Value::string(member.key), arena_);
    }
    return Value::array(made);
  }

  Arena& arena_;
  const MappingTree& tree_;
  Maybe document_;
  std::string_view content_;
  Mode mode_;
  Value metadata_;
  bool linked_ = false;  ///< `this` is the root that a mutation edits
  Value* live_ = nullptr;
  int steps_ = 0;
};

}  // namespace

std::optional<NaiveOutcome> evaluate_naively(std::string_view source, std::string_view content,
                                             Mode mode) {
  Arena arena;
  PlainActions actions(arena);
  const std::string text = to_valid_utf8(source);
  const auto tree = parse_mapping({text, {}, arena, actions});
  if (!tree) return std::nullopt;
  const Value document = parse_json(content, arena, {.message = true});
  try {
    Walker walker(arena, *tree, document.is_error() ? Maybe() : Maybe(document), content, mode);
    return walker.run();
  } catch (const GiveUp&) {
    return std::nullopt;
  }
}

}  // namespace tollgate::fuzz
