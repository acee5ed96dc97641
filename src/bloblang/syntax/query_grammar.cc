// Operators, method chains and calls.

#include <algorithm>

#include "bloblang/program/limits.h"
#include "bloblang/syntax/grammar.h"
#include "bloblang/syntax/paths.h"

namespace tollgate::bloblang {

namespace {

/// How deep brackets may stand in brackets: parsing recurses on the thread's stack.
constexpr int kMaxNesting = 400;
/// Backtracking can be made to take for ever; no mapping that a person wrote comes near this.
constexpr std::uint64_t kMaxParseSteps = 5'000'000;

struct Sign {
  std::string_view text;
  Operator op;
  int level;  // binds tighter the lower it is
};

constexpr Sign kSigns[] = {
    {"+", Operator::add, 1},           {"-", Operator::subtract, 1},
    {"/", Operator::divide, 0},        {"*", Operator::multiply, 0},
    {"%", Operator::modulo, 0},        {"&&", Operator::logical_and, 3},
    {"||", Operator::logical_or, 3},   {"==", Operator::equal, 2},
    {"!=", Operator::not_equal, 2},    {">=", Operator::greater_or_equal, 2},
    {"<=", Operator::less_or_equal, 2}, {">", Operator::greater, 2},
    {"<", Operator::less, 2},          {"|", Operator::coalesce, 0},
};
constexpr int kLevels = 4;

int level_of(Operator op) {
  return std::ranges::find(kSigns, op, &Sign::op)->level;
}

}  // namespace

bool Grammar::has_name(const LambdaName* names, std::string_view name) const {
  for (; names; names = names->next) {
    if (names->name == name) return true;
  }
  return false;
}

bool Grammar::finish(std::size_t at, const Expr* expr, const Expr*& out) {
  if (expr->depth > kMaxQueryDepth) return fail(Failure::broken(at, "query is nested too deeply"));
  out = expr;
  return true;
}

bool Grammar::query(std::size_t& at, QueryPlace& place, const Expr*& out) {
  std::size_t cursor = at;
  skip_spaces(cursor);
  if (nesting_ >= kMaxNesting) {
    return fail(Failure::broken(cursor, "query is nested too deeply"));
  }
  if (++steps_ > kMaxParseSteps) return fail(Failure::broken(cursor, "mapping is too complex"));
  ++nesting_;
  const bool matched = operations(cursor, place, out);
  --nesting_;
  if (matched) at = cursor;
  return matched;
}

// Operators ---------------------------------------------------------------------------------------

bool Grammar::operations(std::size_t& at, QueryPlace& place, const Expr*& out) {
  std::vector<Operand> operands(1);
  std::vector<Operator> signs;
  std::size_t cursor = at;
  if (!operand(cursor, place, operands[0])) return false;
  while (true) {
    std::size_t next = cursor;
    skip_spaces(next);
    Operator sign{};
    if (!operation_sign(next, sign)) break;
    skip_blank(next);
    Operand right;
    if (!operand(next, place, right)) return false;
    signs.push_back(sign);
    operands.push_back(right);
    cursor = next;
  }
  std::vector<const Expr*> values;
  for (const Operand& one : operands) {
    values.push_back(one.value);
    if (one.is_negative && !negate(at, values.back())) return false;
  }
  if (!combine(at, values, signs, out)) return false;
  at = cursor;
  return true;
}

bool Grammar::operation_sign(std::size_t& at, Operator& out) {
  for (const Sign& sign : kSigns) {
    if (rest(at).starts_with(sign.text)) {
      at += sign.text.size();
      out = sign.op;
      return true;
    }
  }
  return false;
}

bool Grammar::operand(std::size_t& at, QueryPlace& place, Operand& out) {
  std::size_t cursor = at;
  out.is_negative = peek(cursor) == '-';
  if (out.is_negative) {
    ++cursor;
    skip_blank(cursor);
  }
  if (!with_tails(cursor, place, out.value)) return false;
  at = cursor;
  return true;
}

/// A minus is a subtraction from zero. `at` is where the whole operation begins, for complaints.
bool Grammar::negate(std::size_t at, const Expr*& value) {
  auto* zero = make(LiteralExpr{{ExprKind::literal, 1, "number literal"}, Value::int64(0)});
  auto built = actions_.binary(Operator::subtract, zero, value);
  if (!built) return fail(Failure::broken(at, std::move(built.error())));
  return finish(at, *built, value);
}

/// Folds the list of operands level by level, each from left to right.
bool Grammar::combine(std::size_t at, std::vector<const Expr*>& operands,
                      std::vector<Operator>& signs, const Expr*& out) {
  for (int level = 0; level < kLevels && !signs.empty(); ++level) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < signs.size(); ++i) {
      if (level_of(signs[i]) != level) {
        signs[kept] = signs[i];
        operands[++kept] = operands[i + 1];
        continue;
      }
      auto built = actions_.binary(signs[i], operands[kept], operands[i + 1]);
      if (!built) return fail(Failure::broken(at, std::move(built.error())));
      if (!finish(at, *built, operands[kept])) return false;
    }
    signs.resize(kept);
    operands.resize(kept + 1);
  }
  out = operands[0];
  return true;
}

// Chains ------------------------------------------------------------------------------------------

bool Grammar::with_tails(std::size_t& at, QueryPlace& place, const Expr*& out) {
  std::size_t cursor = at;
  const bool negated = peek(cursor) == '!';
  if (negated) {
    ++cursor;
    skip_spaces(cursor);
  }
  const LambdaName* names = place.names;
  const Expr* value = nullptr;
  if (!primary(cursor, place, value)) return false;
  while (peek(cursor) == '.') {
    ++cursor;
    skip_blank(cursor);
    if (!required(tail(cursor, names, value))) return false;
  }
  if (negated) {
    value = make(NotExpr{{ExprKind::logical_not, static_cast<std::uint16_t>(value->depth + 1),
                          text({"not ", value->annotation})},
                         value});
  }
  if (!finish(at, value, out)) return false;
  at = cursor;
  return true;
}

bool Grammar::tail(std::size_t& at, const LambdaName* names, const Expr*& target) {
  Alternatives alternatives;
  if (map_tail(at, names, target)) return true;
  if (alternatives.add(failure())) return refuse(alternatives.best());
  if (method_tail(at, names, target)) return true;
  if (alternatives.add(failure())) return refuse(alternatives.best());
  if (field_tail(at, target)) return true;
  alternatives.add(failure());
  return refuse(alternatives.best());
}

bool Grammar::map_tail(std::size_t& at, const LambdaName* names, const Expr*& target) {
  std::size_t cursor = at;
  if (!expecting(character(cursor, '('), "method")) return false;
  skip_blank(cursor);
  QueryPlace place{names};
  const Expr* inner = nullptr;
  if (!query(cursor, place, inner)) return false;
  skip_blank(cursor);
  if (!character(cursor, ')')) return false;
  const auto depth = static_cast<std::uint16_t>(std::max(target->depth, inner->depth) + 1);
  const auto* map = make(MapExpr{{ExprKind::map, depth, inner->annotation}, target, inner});
  if (!finish(at, map, target)) return false;
  at = cursor;
  return true;
}

bool Grammar::method_tail(std::size_t& at, const LambdaName* names, const Expr*& target) {
  std::size_t cursor = at;
  std::string_view name;
  std::vector<Argument> given;
  if (!snake_case(cursor, name, "method") || !arguments(cursor, names, given)) return false;
  if (!finish_call(at, cursor, name, target, given, target)) return false;
  at = cursor;
  return true;
}

bool Grammar::function_call(std::size_t& at, const LambdaName* names, const Expr*& out) {
  std::size_t cursor = at;
  std::string_view name;
  std::vector<Argument> given;
  if (!snake_case(cursor, name, "function") || !arguments(cursor, names, given)) return false;
  if (!finish_call(at, cursor, name, nullptr, given, out)) return false;
  at = cursor;
  return true;
}

/// Complaints about a call point behind it.
bool Grammar::finish_call(std::size_t start, std::size_t end, std::string_view name,
                          const Expr* target, const std::vector<Argument>& given,
                          const Expr*& out) {
  auto built = actions_.call(name, target, keep(given));
  if (!built) return fail(Failure::broken(end, std::move(built.error())));
  return finish(start, *built, out);
}

/// Adds a segment to the path of a field, or starts a path into any other value.
bool Grammar::field_tail(std::size_t& at, const Expr*& target) {
  std::size_t cursor = at;
  std::string_view segment;
  if (peek(cursor) == '"') {
    if (!quoted(cursor, segment)) return false;
  } else if (!word(cursor, segment, "field path")) {
    return false;
  }
  if (!finish(at, extend_path(arena_, target, {&segment, 1}), target)) return false;
  if (path_length(target) > kMaxQueryDepth) {
    return fail(Failure::broken(at, "path is too long"));
  }
  at = cursor;
  return true;
}

// Arguments ---------------------------------------------------------------------------------------

bool Grammar::arguments(std::size_t& at, const LambdaName* names, std::vector<Argument>& out) {
  std::size_t cursor = at;
  if (!expecting(character(cursor, '('), "function arguments")) return false;
  skip_blank(cursor);
  QueryPlace place{names};
  const bool matched = list(
      cursor,
      [&](std::size_t& a) {
        Argument one{};
        if (!required(expecting(argument(a, place, names, one), "function argument"))) return false;
        out.push_back(one);
        return true;
      },
      [&](std::size_t& a) {
        return required(expecting(attempt(a,
                                          [&](std::size_t& b) {
                                            skip_spaces(b);
                                            if (!character(b, ',')) return false;
                                            skip_blank(b);
                                            return true;
                                          }),
                                  "comma"));
      },
      [&](std::size_t& a) {
        return required(expecting(attempt(a,
                                          [&](std::size_t& b) {
                                            skip_blank(b);
                                            return character(b, ')');
                                          }),
                                  "closing bracket"));
      });
  if (matched) at = cursor;
  return matched;
}

bool Grammar::argument(std::size_t& at, QueryPlace& place, const LambdaName* names, Argument& out) {
  Alternatives alternatives;
  if (named_argument(at, names, out)) return true;
  if (alternatives.add(failure())) return refuse(alternatives.best());
  if (query(at, place, out.value)) {
    out.name = {};
    return true;
  }
  alternatives.add(failure());
  return refuse(alternatives.best());
}

bool Grammar::named_argument(std::size_t& at, const LambdaName* names, Argument& out) {
  std::size_t cursor = at;
  if (!snake_case(cursor, out.name, "snake-case") || !character(cursor, ':')) return false;
  skip_spaces(cursor);
  QueryPlace place{names};
  if (!required(expecting(query(cursor, place, out.value), "argument value"))) return false;
  at = cursor;
  return true;
}

}  // namespace tollgate::bloblang
