#include "bloblang/compiler/emitter.h"

#include <algorithm>

#include "base/same_text.h"
#include "bloblang/compiler/shapes.h"
#include "bloblang/vm/operations.h"
#include "value/text_scan.h"

namespace tollgate::bloblang {

namespace {

bool needs_no_escape(std::string_view key) {
  const char* const end = key.data() + key.size();
  return find_json_stop<JsonStops{.html = true, .non_ascii = true}>(key.data(), end) == end;
}

}  // namespace

template <typename Kind>
const Node* Emitter::make(Kind node, const Expr& expr) {
  node.annotation = text(expr.annotation);
  return memory_.make<Kind>(std::move(node));
}

template <typename T>
std::span<const T> Emitter::keep(const std::vector<T>& items) {
  T* copy = memory_.allocate_array<T>(items.size());
  std::copy(items.begin(), items.end(), copy);
  return {copy, items.size()};
}

Emitter::Path Emitter::path(Path path) {
  std::vector<std::string_view> copy;
  for (const auto segment : path) copy.push_back(text(segment));
  return keep(copy);
}

// Statements --------------------------------------------------------------------------------------

Body Emitter::body(std::string_view annotation, std::span<const Statement* const> statements) {
  variables_.clear();
  lets_.clear();
  memos_.clear();
  root_paths_.clear();
  collect(statements);
  Body body{text(annotation), {}, keep(variables_)};
  body.plan = plan();
  auto list = steps(statements);
  const bool is_mapping = annotation.empty();
  if (is_mapping && !list.empty() && list.back().kind == Step::Kind::replace_root) {
    list.back().text = object_text(*list.back().value, memory_);
  }
  body.steps = keep(list);
  body.memos = static_cast<std::uint32_t>(std::ranges::count(memos_, true, &Memo::is_kept));
  return body;
}

void Emitter::collect(std::span<const Statement* const> statements) {
  for (const Statement* statement : statements) {
    if (statement->kind == StatementKind::let) {
      const auto name = static_cast<const LetStatement*>(statement)->name;
      const auto known = std::ranges::find(variables_, name);
      if (known == variables_.end()) {
        variables_.push_back(text(name));
        lets_.push_back(1);
      } else {
        ++lets_[static_cast<std::size_t>(known - variables_.begin())];
      }
    } else if (statement->kind == StatementKind::assign) {
      const auto& assign = *static_cast<const AssignStatement*>(statement);
      if (!assign.path.empty()) root_paths_.push_back(assign.path);
    } else if (statement->kind == StatementKind::conditional) {
      for (const auto& branch : static_cast<const ConditionalStatement*>(statement)->branches) {
        collect(branch.body);
      }
    }
  }
}

const RootPlan* Emitter::plan() {
  constexpr std::size_t deepest = 16;
  std::ranges::sort(root_paths_, std::ranges::lexicographical_compare);
  std::vector<Path> ends;  // those that go through no other's end
  for (const Path path : root_paths_) {
    if (path.size() > deepest) return nullptr;
    const bool goes_on = !ends.empty() && ends.back().size() <= path.size() &&
                         std::ranges::equal(ends.back(), path.first(ends.back().size()));
    if (!goes_on) ends.push_back(path);
  }
  root_paths_ = std::move(ends);
  if (root_paths_.empty()) return nullptr;
  const bool framed = std::ranges::all_of(
      root_paths_, [](const Path path) { return std::ranges::all_of(path, needs_no_escape); });
  const auto members = plan_members(0, root_paths_.size(), 0, framed);
  return memory_.make<RootPlan>(members, static_cast<std::uint32_t>(root_paths_.size()), framed,
                                document_shape(members, memory_));
}

/// The members at `depth` of the paths [first, end), which are the same up to there.
std::span<const RootPlan::Member> Emitter::plan_members(std::size_t first, std::size_t end,
                                                        std::size_t depth, bool framed) {
  std::vector<RootPlan::Member> members;
  while (first < end) {
    const std::string_view key = root_paths_[first][depth];
    std::size_t next = first + 1;
    while (next < end && root_paths_[next][depth] == key) ++next;
    const bool ends_here = root_paths_[first].size() == depth + 1;
    members.push_back({framed ? framed_key(key) : text(key), {}, static_cast<std::uint32_t>(first)});
    if (!ends_here) members.back().below = plan_members(first, next, depth + 1, framed);
    first = next;
  }
  return keep(members);
}

std::uint32_t Emitter::planned_slot(Path path) const {
  const auto found =
      std::ranges::lower_bound(root_paths_, path, std::ranges::lexicographical_compare);
  const bool is_planned = found != root_paths_.end() && std::ranges::equal(*found, path);
  return is_planned ? static_cast<std::uint32_t>(found - root_paths_.begin()) : Step::kNoSlot;
}

std::uint32_t Emitter::slot_of(std::string_view variable) const {
  return static_cast<std::uint32_t>(std::ranges::find(variables_, variable) - variables_.begin());
}

std::vector<Step> Emitter::steps(std::span<const Statement* const> statements) {
  std::vector<Step> steps;
  for (const Statement* statement : statements) steps.push_back(step(*statement));
  return steps;
}

Step Emitter::step(const Statement& statement) {
  Step step{};
  step.line = statement.line;
  switch (statement.kind) {
    case StatementKind::assign: {
      const auto& assign = static_cast<const AssignStatement&>(statement);
      step.kind = assign.path.empty() ? Step::Kind::replace_root : Step::Kind::assign_path;
      step.is_fresh =
          assign.value->kind == ExprKind::object || assign.value->kind == ExprKind::array;
      step.path = path(assign.path);
      step.slot = planned_slot(assign.path);
      step.value = query(*assign.value, Use::stored);
      break;
    }
    case StatementKind::let: {
      const auto& let = static_cast<const LetStatement&>(statement);
      step.kind = Step::Kind::let;
      step.slot = slot_of(let.name);
      step.value = query(*let.value);
      break;
    }
    case StatementKind::meta: {
      const auto& meta = static_cast<const MetaStatement&>(statement);
      step.kind = meta.all ? Step::Kind::replace_metadata : Step::Kind::set_metadata;
      step.key = text(meta.key);
      step.value = query(*meta.value, Use::stored);
      break;
    }
    case StatementKind::conditional: {
      std::vector<Step::Branch> branches;
      for (const auto& branch : static_cast<const ConditionalStatement&>(statement).branches) {
        branches.push_back({branch.condition ? query(*branch.condition) : nullptr,
                            keep(steps(branch.body))});
      }
      step.kind = Step::Kind::conditional;
      step.branches = keep(branches);
      break;
    }
  }
  return step;
}

// Queries -----------------------------------------------------------------------------------------

namespace {

/// A copy in which empty literals are empty arrays as any other. Constants are not nested deeply.
Value settled(Value value, Arena& arena) {
  if (value.is(Kind::array)) {
    Array* copy = make_array(arena, value.as_array().size);
    for (const Value& item : value.as_array()) copy->push(settled(item, arena), arena);
    return Value::array(copy);
  }
  if (!value.is(Kind::object)) return deep_copy(value, arena);
  const auto members = value.as_object().members(arena);
  Object* copy = make_object(arena, members.size());
  for (const auto& [key, member] : members) {
    copy->items[copy->size++] = {arena.copy(key), settled(member, arena)};
  }
  return Value::object(copy);
}

}  // namespace

Value Emitter::constant(Value value, Use use) {
  return use == Use::stored ? settled(value, memory_) : deep_copy(value, memory_);
}

const Node* Emitter::query(const Expr& expr, Use use) {
  switch (expr.kind) {
    case ExprKind::literal:
      return make(ConstantNode{{evaluate_constant, {}},
                               constant(static_cast<const LiteralExpr&>(expr).value, use)},
                  expr);
    case ExprKind::field: return field(static_cast<const FieldExpr&>(expr));
    case ExprKind::get: return get(static_cast<const GetExpr&>(expr));
    case ExprKind::variable:
    case ExprKind::metadata: return name(static_cast<const NameExpr&>(expr));
    case ExprKind::array: return array(static_cast<const ArrayExpr&>(expr), use);
    case ExprKind::object: return object(static_cast<const ObjectExpr&>(expr), use);
    case ExprKind::call: return call(static_cast<const CallExpr&>(expr));
    case ExprKind::binary: return binary(static_cast<const BinaryExpr&>(expr), use);
    case ExprKind::logical_not:
      return make(
          NotNode{{evaluate_not, {}}, query(*static_cast<const NotExpr&>(expr).operand)}, expr);
    case ExprKind::match: return match(static_cast<const MatchExpr&>(expr), use);
    case ExprKind::conditional: return conditional(static_cast<const ConditionalExpr&>(expr), use);
    case ExprKind::lambda: {
      const auto& lambda = static_cast<const LambdaExpr&>(expr);
      return make(
          LambdaNode{{evaluate_lambda, {}}, text(lambda.name), query(*lambda.body, use)}, expr);
    }
    case ExprKind::map: {
      const auto& map = static_cast<const MapExpr&>(expr);
      return make(MapNode{{evaluate_map, {}}, query(*map.target), query(*map.query, use)}, expr);
    }
  }
  return nullptr;
}

void Emitter::share_path(FieldNode& node) {
  const auto path = node.path;
  if (path.size() < 2 || std::ranges::find(path, "*") != path.end()) return;
  const auto prefix = path.first(path.size() - 1);
  auto known = std::ranges::find_if(prefixes_, [&](const auto& each) {
    return std::ranges::equal(each.path, prefix);
  });
  if (known == prefixes_.end()) known = prefixes_.insert(known, {prefix, {}});
  auto& members = known->members;
  auto member = std::ranges::find(members, path.back(), &LookupKey::text);
  if (member == members.end()) member = members.insert(member, {path.back(), key_tag(path.back())});
  node.prefix = static_cast<std::uint32_t>(known - prefixes_.begin() + 1);
  node.member = static_cast<std::uint32_t>(member - members.begin());
}

void Emitter::finish() {
  std::vector<SharedPath> shared;
  for (const auto& [path, members] : prefixes_) shared.push_back({path, keep(members)});
  program_.prefixes = keep(shared);
}

const Node* Emitter::field(const FieldExpr& expr) {
  FieldNode node{{nullptr, {}}, text(expr.name), path(expr.path), 0, 0};
  switch (expr.base) {
    case FieldExpr::Base::context:
      node.evaluate = expr.path.empty() ? evaluate_context : evaluate_context_path;
      share_path(node);
      break;
    case FieldExpr::Base::root: node.evaluate = evaluate_root; break;
    case FieldExpr::Base::named: node.evaluate = evaluate_named; break;
  }
  return make(node, expr);
}

const Node* Emitter::get(const GetExpr& expr) {
  const Node* const target = query(*expr.target);
  if (expr.target->kind != ExprKind::variable) {
    return make(GetNode{{evaluate_get, {}}, target, path(expr.path)}, expr);
  }
  const auto slot = slot_of(static_cast<const NameExpr*>(expr.target)->name);
  if (slot == variables_.size()) {  // never assigned
    return make(GetNode{{evaluate_get, {}}, target, path(expr.path)}, expr);
  }
  auto* const node = memory_.make<PathOfVariableNode>(
      PathOfVariableNode{{evaluate_path_of_variable, text(expr.annotation)}, target,
                         path(expr.path), slot, PathOfVariableNode::kNoMemo});
  if (lets_[slot] != 1) return node;
  auto memo = std::ranges::find_if(memos_, [&](const Memo& known) {
    return known.first->slot == slot && std::ranges::equal(known.first->path, node->path);
  });
  const bool is_first = memo == memos_.end();
  if (is_first) memo = memos_.insert(memo, {node});
  if (!memo->is_kept && (!is_first || loops_ > 0)) {
    memo->number = static_cast<std::uint32_t>(
        variables_.size() + std::ranges::count(memos_, true, &Memo::is_kept));
    memo->is_kept = true;
    memo->first->memo = memo->number;
  }
  if (memo->is_kept) node->memo = memo->number;
  return node;
}

const Node* Emitter::name(const NameExpr& expr) {
  if (expr.kind == ExprKind::variable) {
    return make(VariableNode{{evaluate_variable, {}}, text(expr.name), slot_of(expr.name)}, expr);
  }
  return make(MetadataNode{{expr.name.empty() ? evaluate_all_metadata : evaluate_metadata, {}},
                           text(expr.name)},
              expr);
}

const Node* Emitter::array(const ArrayExpr& expr, Use use) {
  std::vector<const Node*> items;
  for (const Expr* item : expr.items) items.push_back(query(*item, use));
  return make(ArrayNode{{evaluate_array, {}}, keep(items)}, expr);
}

const Node* Emitter::object(const ObjectExpr& expr, Use use) {
  const bool keys_known = std::ranges::all_of(
      expr.entries, [](const auto& entry) { return entry.key->kind == ExprKind::literal; });
  if (!keys_known) return dynamic_object(expr, use);

  const auto key_of = [](const ObjectExpr::Entry& entry) {
    return static_cast<const LiteralExpr*>(entry.key)->value.as_text();
  };
  std::vector<Member> layout;
  for (const auto& entry : expr.entries) layout.push_back({key_of(entry), Value::nothing()});
  std::ranges::sort(layout, {}, &Member::key);
  const auto [first, last] = std::ranges::unique(layout, {}, &Member::key);
  layout.erase(first, last);

  std::vector<bool> is_repeated(layout.size()), seen(layout.size());
  const auto slot_of_entry = [&](const ObjectExpr::Entry& entry) {
    return static_cast<std::uint32_t>(
        std::ranges::lower_bound(layout, key_of(entry), {}, &Member::key) - layout.begin());
  };
  for (const auto& entry : expr.entries) {
    const auto slot = slot_of_entry(entry);
    if (seen[slot]) is_repeated[slot] = true;
    seen[slot] = true;
  }
  bool is_settled = std::ranges::none_of(is_repeated, std::identity());
  std::vector<ObjectNode::Field> fields;
  for (const auto& entry : expr.entries) {
    const auto slot = slot_of_entry(entry);
    const bool is_constant = entry.value->kind == ExprKind::literal;
    if (is_constant && !is_repeated[slot]) {
      const Value value = static_cast<const LiteralExpr*>(entry.value)->value;
      if (!value.is_marker()) {
        layout[slot].value = constant(value, use);
        continue;
      }
      is_settled = false;
    }
    fields.push_back({slot, query(*entry.value, use)});  // a constant marker elides its member
  }
  const bool framed = std::ranges::all_of(layout, needs_no_escape, &Member::key);
  for (Member& member : layout) member.key = framed ? framed_key(member.key) : text(member.key);
  return make(ObjectNode{{evaluate_object, {}}, keep(layout), framed, is_settled, keep(fields)}, expr);
}

std::string_view Emitter::framed_key(std::string_view key) {
  constexpr std::string_view before = ",\"", after = "\":";
  const std::string slack(Object::kKeySlack, ' ');
  return concat(memory_, {before, key, after, slack}).substr(before.size(), key.size());
}

const Node* Emitter::dynamic_object(const ObjectExpr& expr, Use use) {
  std::vector<DynamicObjectNode::Entry> entries;
  for (const auto& [key, value] : expr.entries) {
    DynamicObjectNode::Entry entry{};
    if (key->kind == ExprKind::literal) {
      entry.key = text(static_cast<const LiteralExpr*>(key)->value.as_text());
    } else {
      entry.computed_key = query(*key);
    }
    entry.value = query(*value, use);
    entries.push_back(entry);
  }
  return make(DynamicObjectNode{{evaluate_dynamic_object, {}}, keep(entries)}, expr);
}

const Node* Emitter::call(const CallExpr& expr) {
  const Function& function = *expr.function;
  std::vector<Value> values;
  std::vector<const Node*> queries;
  std::vector<CallNode::Dynamic> dynamic;
  for (std::size_t i = 0; i < expr.arguments.size(); ++i) {
    const Expr* argument = expr.arguments[i];
    values.push_back(Value::nothing());
    queries.push_back(nullptr);
    if (!argument) continue;
    const Type type = function.variadic ? Type::any : function.parameters[i].type;
    if (type == Type::query || type == Type::value_or_query) {
      ++loops_;
      queries.back() = query(*argument);
      --loops_;
    } else if (argument->kind == ExprKind::literal) {
      values.back() = constant(static_cast<const LiteralExpr*>(argument)->value);
    } else {
      dynamic.push_back({static_cast<std::uint32_t>(i), query(*argument)});
    }
  }
  const auto evaluator = !dynamic.empty()                        ? evaluate_dynamic_call
                         : expr.target && !function.lazy_target ? evaluate_method
                                                                : evaluate_function;
  return make(CallNode{{evaluator, {}},
                       &function,
                       function.call,
                       expr.target ? query(*expr.target) : nullptr,
                       expr.state,
                       Arguments(keep(values), keep(queries)),
                       keep(dynamic)},
              expr);
}

const Node* Emitter::binary(const BinaryExpr& expr, Use use) {
  if (expr.op != Operator::coalesce) use = Use::read;
  const auto evaluator = [&]() -> Node::Evaluate {
    switch (expr.op) {
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
      case Operator::logical_and: return evaluate_and;
      case Operator::logical_or: return evaluate_or;
      case Operator::coalesce: return evaluate_coalesce;
    }
    return nullptr;
  }();
  return make(BinaryNode{{evaluator, {}}, query(*expr.left, use), query(*expr.right, use)}, expr);
}

const Node* Emitter::match(const MatchExpr& expr, Use use) {
  std::vector<MatchNode::Case> cases;
  for (const auto& [pattern, result] : expr.cases) {
    MatchNode::Case one{};
    if (pattern && pattern->kind == ExprKind::literal) {
      one.literal =
          memory_.make<Value>(constant(static_cast<const LiteralExpr*>(pattern)->value));
    } else if (pattern) {
      one.pattern = query(*pattern);
    }
    one.result = query(*result, use);
    cases.push_back(one);
  }
  return make(MatchNode{{evaluate_match, {}}, expr.subject ? query(*expr.subject) : nullptr,
                        keep(cases)},
              expr);
}

const Node* Emitter::conditional(const ConditionalExpr& expr, Use use) {
  std::vector<ConditionalNode::Branch> branches;
  for (const auto& [condition, result] : expr.branches) {
    branches.push_back({query(*condition), query(*result, use)});
  }
  return make(ConditionalNode{{evaluate_conditional, {}}, keep(branches),
                              expr.otherwise ? query(*expr.otherwise, use) : nullptr},
              expr);
}

}  // namespace tollgate::bloblang
