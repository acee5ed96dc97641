#include "bloblang/syntax/paths.h"

#include <algorithm>
#include <string>

#include "bloblang/program/convert.h"

namespace tollgate::bloblang {

namespace {

std::span<const std::string_view> join(Arena& arena, std::span<const std::string_view> path,
                                       std::span<const std::string_view> more) {
  auto* all = arena.allocate_array<std::string_view>(path.size() + more.size());
  std::ranges::copy(more, std::ranges::copy(path, all).out);
  return {all, path.size() + more.size()};
}

}  // namespace

std::size_t path_length(const Expr* expr) {
  if (expr->kind == ExprKind::field) return static_cast<const FieldExpr*>(expr)->path.size();
  return expr->kind == ExprKind::get ? static_cast<const GetExpr*>(expr)->path.size() : 0;
}

const Expr* extend_path(Arena& arena, const Expr* target, std::span<const std::string_view> more) {
  const auto longer = [&](std::string_view annotation) {  // it ends in a back quote
    std::string text(annotation.substr(0, annotation.size() - 1));
    if (!more.empty()) text += '.';
    append_dot_path(text, more);
    return arena.copy(text + '`');
  };
  if (target->kind == ExprKind::field) {
    FieldExpr field = *static_cast<const FieldExpr*>(target);
    field.annotation = longer(field.annotation);
    field.path = join(arena, field.path, more);
    return arena.make<FieldExpr>(field);
  }
  if (target->kind == ExprKind::get) {
    GetExpr get = *static_cast<const GetExpr*>(target);
    get.annotation = longer(get.annotation);
    get.path = join(arena, get.path, more);
    return arena.make<GetExpr>(get);
  }
  const auto depth = static_cast<std::uint16_t>(target->depth + 1);
  std::string annotation = "path `";
  append_dot_path(annotation, more);
  return arena.make<GetExpr>(GetExpr{{ExprKind::get, depth, arena.copy(annotation + '`')}, target,
                                     join(arena, {}, more)});
}

}  // namespace tollgate::bloblang
