#include "naive_parse.h"

#include <algorithm>

namespace tollgate::fuzz {

using namespace bloblang;

namespace {

constexpr std::string_view kAnnotation = "``";  // paths are written before the last back quote

std::uint16_t over(std::uint16_t depth, const Expr* child) {
  return child ? std::max(depth, static_cast<std::uint16_t>(child->depth + 1)) : depth;
}

}  // namespace

Actions::Built PlainActions::call(std::string_view name, const Expr* target,
                                  std::span<const Argument> arguments) {
  NamedCall node{{ExprKind::call, 1, kAnnotation}, name, target, arguments};
  node.depth = over(node.depth, target);
  for (const Argument& argument : arguments) node.depth = over(node.depth, argument.value);
  return arena_.make<NamedCall>(node);
}

Actions::Built PlainActions::binary(Operator op, const Expr* left, const Expr* right) {
  BinaryExpr node{{ExprKind::binary, 1, kAnnotation}, op, left, right};
  node.depth = over(over(node.depth, left), right);
  return arena_.make<BinaryExpr>(node);
}

Actions::Built PlainActions::array(std::span<const Expr* const> items) {
  ArrayExpr node{{ExprKind::array, 1, kAnnotation}, items};
  for (const Expr* item : items) node.depth = over(node.depth, item);
  return arena_.make<ArrayExpr>(node);
}

Actions::Built PlainActions::object(std::span<const ObjectExpr::Entry> entries) {
  ObjectExpr node{{ExprKind::object, 1, kAnnotation}, entries};
  for (const auto& [key, value] : entries) node.depth = over(over(node.depth, key), value);
  return arena_.make<ObjectExpr>(node);
}

bool is_constant(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::literal: return true;
    case ExprKind::array:
      return std::ranges::all_of(static_cast<const ArrayExpr&>(expr).items,
                                 [](const Expr* item) { return is_constant(*item); });
    case ExprKind::object:
      return std::ranges::all_of(static_cast<const ObjectExpr&>(expr).entries, [](const auto& e) {
        return is_constant(*e.key) && is_constant(*e.value);
      });
    case ExprKind::binary: {
      const auto& binary = static_cast<const BinaryExpr&>(expr);
      const bool is_lazy = binary.op == Operator::logical_and ||
                           binary.op == Operator::logical_or || binary.op == Operator::coalesce;
      return !is_lazy && is_constant(*binary.left) && is_constant(*binary.right);
    }
    case ExprKind::call: {
      const auto& call = static_cast<const NamedCall&>(expr);
      return !call.target && (call.name == "deleted" || call.name == "nothing");
    }
    default: return false;
  }
}

}  // namespace tollgate::fuzz
