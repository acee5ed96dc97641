// What a query begins with: match, if, lambda, brackets, literals, calls and references.

#include <algorithm>

#include "bloblang/syntax/grammar.h"

namespace tollgate::bloblang {

namespace {

std::uint16_t one_deeper(std::uint16_t depth) { return static_cast<std::uint16_t>(depth + 1); }

}  // namespace

bool Grammar::primary(std::size_t& at, QueryPlace& place, const Expr*& out) {
  Alternatives alternatives;
  const LambdaName* names = place.names;
  const auto failed = [&] { return alternatives.add(failure()); };
  const auto refused = [&] {
    refuse(alternatives.best());
    return expecting(false, "query");
  };
  if (match(at, names, out)) return true;
  if (failed()) return refused();
  if (conditional(at, names, out)) return true;
  if (failed()) return refused();
  if (lambda(at, place, out)) return true;
  if (failed()) return refused();
  if (brackets(at, names, out)) return true;
  if (failed()) return refused();
  if (literal(at, names, out)) return true;
  if (failed()) return refused();
  if (function_call(at, names, out)) return true;
  if (failed()) return refused();
  if (metadata(at, out)) return true;
  if (failed()) return refused();
  if (variable(at, out)) return true;
  if (failed()) return refused();
  if (root_field(at, names, out)) return true;
  failed();
  return refused();
}

// match -------------------------------------------------------------------------------------------

bool Grammar::match(std::size_t& at, const LambdaName* names, const Expr*& out) {
  std::size_t cursor = at;
  if (!term(cursor, "match") || !spaces(cursor)) return false;
  MatchExpr expr{{ExprKind::match, 1, "match expression"}, nullptr, {}};
  QueryPlace subject{names}, pattern{names}, result{names};
  bool has_subject = false;
  if (!optional(cursor, has_subject,
                [&](std::size_t& a) { return query(a, subject, expr.subject); })) {
    return false;
  }
  if (!has_subject) expr.subject = nullptr;
  skip_blank(cursor);
  if (!required(character(cursor, '{'))) return false;
  skip_blank(cursor);

  std::vector<MatchExpr::Case> cases;
  const bool matched = list(
      cursor,
      [&](std::size_t& a) {
        MatchExpr::Case one{};
        if (!match_case(a, pattern, result, one)) return false;
        cases.push_back(one);
        return true;
      },
      [&](std::size_t& a) {
        return attempt(a, [&](std::size_t& b) {
          skip_spaces(b);
          Alternatives alternatives;
          if (!character(b, ',')) {
            alternatives.add(failure());
            if (!line_break(b)) {
              alternatives.add(failure());
              return refuse(alternatives.best());
            }
          }
          skip_blank(b);
          return true;
        });
      },
      [&](std::size_t& a) {
        return attempt(a, [&](std::size_t& b) {
          skip_blank(b);
          return character(b, '}');
        });
      });
  if (!required(matched)) return false;
  expr.cases = keep(cases);
  std::uint16_t depth = expr.subject ? expr.subject->depth : 0;
  for (const auto& [when, then] : cases) {
    depth = std::max({depth, when ? when->depth : std::uint16_t{0}, then->depth});
  }
  expr.depth = one_deeper(depth);
  if (!finish(at, make(expr), out)) return false;
  at = cursor;
  return true;
}

bool Grammar::match_case(std::size_t& at, QueryPlace& pattern, QueryPlace& result,
                         MatchExpr::Case& out) {
  std::size_t cursor = at;
  const auto arrow = [&](std::size_t& a) {
    skip_spaces(a);
    return term(a, "=>");
  };
  Alternatives alternatives;
  const bool wildcard = attempt(cursor, [&](std::size_t& a) {
    return expecting(character(a, '_'), "match case") && arrow(a);
  });
  if (!wildcard) {
    if (alternatives.add(failure())) return refuse(alternatives.best());
    const bool matched = attempt(cursor, [&](std::size_t& a) {
      return expecting(query(a, pattern, out.pattern), "match case") && arrow(a);
    });
    if (!matched) {
      alternatives.add(failure());
      return refuse(alternatives.best());
    }
  } else {
    out.pattern = nullptr;
  }
  skip_spaces(cursor);
  if (!query(cursor, result, out.result)) return false;
  at = cursor;
  return true;
}

// if ----------------------------------------------------------------------------------------------

bool Grammar::braced_query(std::size_t& at, QueryPlace& place, const Expr*& out) {
  if (!required(character(at, '{'))) return false;
  skip_blank(at);
  if (!required(query(at, place, out))) return false;
  skip_blank(at);
  return required(character(at, '}'));
}

bool Grammar::conditional_branch(std::size_t& at, QueryPlace& condition, QueryPlace& result,
                                 ConditionalExpr::Branch& out) {
  if (!spaces(at)) return false;
  if (!required(query(at, condition, out.condition))) return false;
  skip_blank(at);
  return braced_query(at, result, out.result);
}

bool Grammar::conditional(std::size_t& at, const LambdaName* names, const Expr*& out) {
  std::size_t cursor = at;
  QueryPlace first_condition{names}, first_result{names};
  std::vector<ConditionalExpr::Branch> branches(1);
  if (!term(cursor, "if") ||
      !conditional_branch(cursor, first_condition, first_result, branches[0])) {
    return false;
  }
  QueryPlace condition{names}, result{names}, otherwise{names};
  ConditionalExpr expr{{ExprKind::conditional, 1, "if expression"}, {}, nullptr};
  bool matched = true;
  while (matched) {
    ConditionalExpr::Branch branch{};
    if (!optional(cursor, matched, [&](std::size_t& a) {
          skip_blank(a);
          return term(a, "else if") && conditional_branch(a, condition, result, branch);
        })) {
      return false;
    }
    if (matched) branches.push_back(branch);
  }
  if (!optional(cursor, matched, [&](std::size_t& a) {
        skip_blank(a);
        if (!term(a, "else")) return false;
        skip_blank(a);
        return braced_query(a, otherwise, expr.otherwise);
      })) {
    return false;
  }
  std::uint16_t depth = expr.otherwise ? expr.otherwise->depth : 0;
  for (const auto& [when, then] : branches) depth = std::max({depth, when->depth, then->depth});
  expr.depth = one_deeper(depth);
  expr.branches = keep(branches);
  if (!finish(at, make(expr), out)) return false;
  at = cursor;
  return true;
}

// Lambdas and brackets ----------------------------------------------------------------------------

bool Grammar::lambda(std::size_t& at, QueryPlace& place, const Expr*& out) {
  std::size_t cursor = at;
  std::string_view name;
  const bool opened = word(cursor, name, "context name") && spaces(cursor) &&
                      term(cursor, "->") && spaces(cursor);
  if (!expecting(opened, "function")) return false;
  if (name != "_") {
    if (has_name(place.lambda_names, name)) {
      return fail(Failure::broken(
          at, "context label `" + std::string(name) + "` would shadow a parent context"));
    }
    if (name == "root" || name == "this") {
      return fail(
          Failure::broken(at, "context label `" + std::string(name) + "` is not allowed"));
    }
    place.lambda_names = arena_.make<LambdaName>(LambdaName{name, place.lambda_names});
  }
  QueryPlace inner{place.lambda_names};
  const Expr* body = nullptr;
  if (!required(query(cursor, inner, body))) return false;
  if (body->kind == ExprKind::lambda) {
    const auto other = static_cast<const LambdaExpr*>(body)->name;
    return fail(Failure::broken(
        at, "it would be in poor taste to capture the same context under both '" +
                std::string(name) + "' and '" + std::string(other) + "'"));
  }
  const auto* expr = make(
      LambdaExpr{{ExprKind::lambda, one_deeper(body->depth), body->annotation}, name, body});
  if (!finish(at, expr, out)) return false;
  at = cursor;
  return true;
}

bool Grammar::brackets(std::size_t& at, const LambdaName* names, const Expr*& out) {
  std::size_t cursor = at;
  if (!expecting(character(cursor, '('), "function")) return false;
  skip_blank(cursor);
  QueryPlace place{names};
  const Expr* inner = nullptr;
  if (!query(cursor, place, inner)) return false;
  skip_blank(cursor);
  if (!required(expecting(character(cursor, ')'), "closing bracket"))) return false;
  out = inner;
  at = cursor;
  return true;
}

// Literals ----------------------------------------------------------------------------------------

/// Everything but arrays and objects. False with alternatives.best() being fatal ends the parse.
bool Grammar::scalar(std::size_t& at, Value& out, Alternatives& alternatives) {
  for (const bool truth : {true, false}) {
    if (term(at, truth ? "true" : "false")) return out = Value::boolean(truth), true;
  }
  alternatives.add(Failure::expecting(at, "boolean"));
  if (number(at, out)) return true;
  if (alternatives.add(failure())) return false;
  std::string_view text;
  if (triple_quoted(at, text) || (!alternatives.add(failure()) && quoted(at, text))) {
    out = Value::string(text);
    return true;
  }
  if (alternatives.best().fatal || alternatives.add(failure())) return false;
  if (term(at, "null")) return out = Value::null(), true;
  alternatives.add(failure());
  return false;
}

bool Grammar::literal(std::size_t& at, const LambdaName* names, const Expr*& out) {
  Alternatives alternatives;
  Value value;
  if (scalar(at, value, alternatives)) {
    out = make(LiteralExpr{
        {ExprKind::literal, 1, text({kind_name(value.kind()), " literal"})}, value});
    return true;
  }
  if (alternatives.best().fatal) return refuse(alternatives.best());
  if (array(at, names, out)) return true;
  if (alternatives.add(failure())) return refuse(alternatives.best());
  if (object(at, names, out)) return true;
  alternatives.add(failure());
  return refuse(alternatives.best());
}

bool Grammar::array(std::size_t& at, const LambdaName* names, const Expr*& out) {
  std::size_t cursor = at;
  if (!expecting(character(cursor, '['), "array")) return false;
  skip_blank(cursor);
  QueryPlace place{names};
  std::vector<const Expr*> items;
  const bool matched = list(
      cursor,
      [&](std::size_t& a) {
        const Expr* item = nullptr;
        if (!expecting(query(a, place, item), "object")) return false;
        items.push_back(item);
        return true;
      },
      [&](std::size_t& a) {
        return attempt(a, [&](std::size_t& b) {
          skip_spaces(b);
          if (!character(b, ',')) return false;
          skip_blank(b);
          return true;
        });
      },
      [&](std::size_t& a) {
        return attempt(a, [&](std::size_t& b) {
          skip_blank(b);
          return character(b, ']');
        });
      });
  if (!matched) return false;
  auto built = actions_.array(keep(items));
  if (!built) return fail(Failure::broken(at, std::move(built.error())));
  if (!finish(at, *built, out)) return false;
  at = cursor;
  return true;
}

bool Grammar::object(std::size_t& at, const LambdaName* names, const Expr*& out) {
  std::size_t cursor = at;
  if (!expecting(character(cursor, '{'), "object")) return false;
  skip_blank(cursor);
  QueryPlace key{names}, value{names};
  std::vector<ObjectExpr::Entry> entries;
  const bool matched = list(
      cursor,
      [&](std::size_t& a) {
        ObjectExpr::Entry one{};
        if (!object_entry(a, key, value, one)) return false;
        entries.push_back(one);
        return true;
      },
      [&](std::size_t& a) {
        return attempt(a, [&](std::size_t& b) {
          skip_spaces(b);
          if (!character(b, ',')) return false;
          skip_blank(b);
          return true;
        });
      },
      [&](std::size_t& a) {
        return attempt(a, [&](std::size_t& b) {
          skip_blank(b);
          return character(b, '}');
        });
      });
  if (!matched) return false;
  auto built = actions_.object(keep(entries));
  if (!built) return fail(Failure::broken(at, std::move(built.error())));
  if (!finish(at, *built, out)) return false;
  at = cursor;
  return true;
}

bool Grammar::object_entry(std::size_t& at, QueryPlace& key, QueryPlace& value,
                           ObjectExpr::Entry& out) {
  std::size_t cursor = at;
  std::string_view name;
  Alternatives alternatives;
  if (quoted(cursor, name)) {
    out.key = make(LiteralExpr{{ExprKind::literal, 1, "string literal"}, Value::string(name)});
  } else {
    if (alternatives.add(failure())) return refuse(alternatives.best());
    if (!expecting(query(cursor, key, out.key), "object")) {
      alternatives.add(failure());
      return refuse(alternatives.best());
    }
  }
  skip_spaces(cursor);
  if (!character(cursor, ':')) return false;
  skip_blank(cursor);
  if (!expecting(query(cursor, value, out.value), "object")) return false;
  at = cursor;
  return true;
}

// References --------------------------------------------------------------------------------------

bool Grammar::metadata(std::size_t& at, const Expr*& out) {
  std::size_t cursor = at;
  if (!expecting(character(cursor, '@'), "metadata path")) return false;
  std::string_view key;
  if (peek(cursor) == '"') {
    if (!quoted(cursor, key)) return false;
  } else {
    word(cursor, key, "");
  }
  const auto annotation = key.empty() ? "meta object" : text({"meta field ", key});
  out = make(NameExpr{{ExprKind::metadata, 1, annotation}, key});
  at = cursor;
  return true;
}

bool Grammar::variable(std::size_t& at, const Expr*& out) {
  std::size_t cursor = at;
  std::string_view name;
  if (!expecting(character(cursor, '$') && word(cursor, name, ""), "variable path")) return false;
  out = make(NameExpr{{ExprKind::variable, 1, text({"variable ", name})}, name});
  at = cursor;
  return true;
}

bool Grammar::root_field(std::size_t& at, const LambdaName* names, const Expr*& out) {
  std::string_view name;
  if (!word(at, name, "field path")) return false;
  FieldExpr field{{ExprKind::field, 1, {}}, FieldExpr::Base::context, {}, {}};
  if (name == "root") {
    field.base = FieldExpr::Base::root;
    field.annotation = "field `root`";
  } else if (name == "this") {
    field.annotation = "field `this`";
  } else if (has_name(names, name)) {
    field.base = FieldExpr::Base::named;
    field.name = name;
    field.annotation = text({"field `", name, "`"});
  } else {  // short for this.name
    field.path = keep(std::vector{name});
    field.annotation = text({"field `this.", name, "`"});
  }
  out = make(field);
  return true;
}

}  // namespace tollgate::bloblang
