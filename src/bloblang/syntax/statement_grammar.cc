// Statements, maps, imports and whole files.

#include <algorithm>

#include "bloblang/program/limits.h"
#include "bloblang/syntax/grammar.h"

namespace tollgate::bloblang {

namespace {
constexpr int kMaxImportDepth = 100;
}

// Files -------------------------------------------------------------------------------------------

/// The three forms of a mapping: one import instead of everything, statements, one bare query.
bool Grammar::mapping(MappingTree& out) {
  bool applies = false;
  if (!sole_import(out, applies)) return false;
  if (applies) return true;

  Collected collected;
  if (file(collected)) {
    out = {keep(collected.statements), keep(collected.maps)};
    return true;
  }
  const Failure why = failure();
  if (why.fatal) return false;
  std::size_t reached = 0;
  if (sole_query(out, reached)) return true;
  return refuse(failure().at > why.at ? Failure(failure()) : why);
}

/// `from "file"`. True with `applies` false if this is something else.
bool Grammar::sole_import(MappingTree& out, bool& applies) {
  std::size_t cursor = 0;
  std::string_view path;
  skip_blank(cursor);
  if (!term(cursor, "from") || !spaces(cursor) || !quoted(cursor, path)) return !failure().fatal;
  skip_blank(cursor);
  Collected collected;
  if (!read_import(0, path, collected)) return false;
  if (!at_end(cursor)) {
    return fail(Failure::broken(
        0, "unexpected content after single root import: " + std::string(rest(cursor))));
  }
  applies = true;
  out = {keep(collected.statements), keep(collected.maps)};
  return true;
}

bool Grammar::sole_query(MappingTree& out, std::size_t& reached) {
  std::size_t start = 0;
  skip_blank(start);
  std::size_t cursor = start;
  QueryPlace place;
  const Expr* value = nullptr;
  if (!query(cursor, place, value)) return false;
  const std::size_t end = cursor;
  skip_blank(cursor);
  reached = cursor;
  if (!at_end(cursor)) {
    std::string_view shown = source().substr(start, end - start);
    std::size_t cut = 0;
    int characters = 0;
    while (cut < shown.size() && characters < 12) {
      do ++cut;
      while (cut < shown.size() && (static_cast<unsigned char>(shown[cut]) & 0xc0) == 0x80);
      ++characters;
    }
    const std::string beginning =
        cut < shown.size() ? std::string(shown.substr(0, cut)) + "..." : std::string(shown);
    return fail(Failure::expecting(
        cursor, "the mapping to end here as the beginning is shorthand for `root = " + beginning +
                    "`, but this shorthand form cannot be followed with more assignments"));
  }
  const Statement* only = make(AssignStatement{{StatementKind::assign, 1}, {}, value});
  out = {keep(std::vector{only}), {}};
  return true;
}

bool Grammar::read_import(std::size_t at, std::string_view path, Collected& out) {
  if (import_depth_ >= kMaxImportDepth) {
    return fail(Failure::broken(at, "imports are nested too deeply"));
  }
  auto import = actions_.import(path, directory_);
  if (!import) {
    return fail(Failure::broken(at, "failed to read import: " + import.error()));
  }
  const auto content = arena_.copy(to_valid_utf8(import->content));
  const auto directory = arena_.copy(import->directory);
  Grammar inner({content, directory, arena_, actions_}, import_depth_ + 1);
  if (inner.file(out)) return true;
  Failure why = Failure::broken(at, "import failed");
  auto imported = std::make_shared<ParseError>(to_parse_error(inner.failure(), content));
  imported->file = path;
  why.imported = std::move(imported);
  why.imported_source = content;
  return fail(std::move(why));
}

/// Statements up to the end of the text.
bool Grammar::file(Collected& out) {
  std::size_t cursor = 0;
  StatementPlaces places;
  skip_blank(cursor);
  while (true) {
    const Statement* one = nullptr;
    if (!statement(cursor, 0, places, true, &out, one)) return false;
    if (one) out.statements.push_back(one);
    skip_spaces(cursor);
    if (at_end(cursor)) return true;
    if (!line_break(cursor)) return false;
    skip_blank(cursor);
    if (at_end(cursor)) return true;
  }
}

// Statements --------------------------------------------------------------------------------------

bool Grammar::statement(std::size_t& at, std::size_t body, StatementPlaces& places,
                        bool meta_allowed, Collected* maps, const Statement*& out) {
  Alternatives alternatives;
  const auto failed = [&] { return alternatives.add(failure()); };
  const auto refused = [&] { return refuse(alternatives.best()); };
  out = nullptr;
  if (maps) {
    if (import_statement(at, *maps)) return true;
    if (failed()) return refused();
    if (map_statement(at, *maps)) return true;
    if (failed()) return refused();
  }
  if (let_statement(at, body, places.let, out)) return true;
  if (failed()) return refused();
  if (meta_statement(at, body, places.meta, meta_allowed, out)) return true;
  if (failed()) return refused();
  if (assign_statement(at, body, places.assign, out)) return true;
  if (failed()) return refused();
  if (if_statement(at, body, out)) return true;
  failed();
  return refused();
}

bool Grammar::import_statement(std::size_t& at, Collected& maps) {
  std::size_t cursor = at;
  std::string_view path;
  if (!term(cursor, "import") || !spaces(cursor)) return false;
  if (!required(expecting(quoted(cursor, path), "filepath"))) return false;
  Collected imported;
  if (!read_import(at, path, imported)) return false;
  if (imported.maps.empty()) {
    return fail(Failure::broken(at, "no maps to import from '" + std::string(path) + "'"));
  }
  std::string collisions;
  for (const MapDefinition& map : imported.maps) {
    if (std::ranges::find(maps.maps, map.name, &MapDefinition::name) == maps.maps.end()) {
      maps.maps.push_back(map);
    } else {
      collisions += (collisions.empty() ? "" : " ") + std::string(map.name);
    }
  }
  if (!collisions.empty()) {
    return fail(Failure::broken(at, "map name collisions from import '" + std::string(path) +
                                        "': [" + collisions + "]"));
  }
  at = cursor;
  return true;
}

bool Grammar::map_statement(std::size_t& at, Collected& maps) {
  std::size_t cursor = at;
  MapDefinition map;
  if (!term(cursor, "map") || !spaces(cursor)) return false;
  if (!required(name(cursor, "map name", map.name))) return false;
  if (!spaces(cursor) || !block(cursor, at, false, map.body)) return false;
  if (std::ranges::find(maps.maps, map.name, &MapDefinition::name) != maps.maps.end()) {
    return fail(Failure::broken(at, "map name collision: " + std::string(map.name)));
  }
  maps.maps.push_back(map);
  at = cursor;
  return true;
}

bool Grammar::let_statement(std::size_t& at, std::size_t body, QueryPlace& place,
                            const Statement*& out) {
  std::size_t cursor = at;
  LetStatement let{{StatementKind::let, 0}, {}, nullptr};
  if (!expecting(term(cursor, "let"), "assignment") || !spaces(cursor)) return false;
  if (!required(name(cursor, "variable name", let.name))) return false;
  if (!spaces(cursor) || !character(cursor, '=') || !spaces(cursor) ||
      !query(cursor, place, let.value)) {
    return false;
  }
  let.line = line_in(body, at);
  out = make(let);
  at = cursor;
  return true;
}

bool Grammar::meta_statement(std::size_t& at, std::size_t body, QueryPlace& place, bool allowed,
                             const Statement*& out) {
  std::size_t cursor = at;
  MetaStatement meta{{StatementKind::meta, 0}, false, {}, nullptr};
  if (!expecting(term(cursor, "meta"), "assignment") || !spaces(cursor)) return false;
  if (peek(cursor) == '"') {
    if (!quoted(cursor, meta.key)) return false;
  } else {
    meta.all = !word(cursor, meta.key, "");
  }
  skip_spaces(cursor);
  if (!character(cursor, '=') || !spaces(cursor) || !query(cursor, place, meta.value)) return false;
  if (!allowed) {
    return fail(Failure::broken(at, "setting meta fields is not allowed within this block"));
  }
  meta.line = line_in(body, at);
  out = make(meta);
  at = cursor;
  return true;
}

bool Grammar::assign_statement(std::size_t& at, std::size_t body, QueryPlace& place,
                               const Statement*& out) {
  std::size_t cursor = at;
  std::vector<std::string_view> path;
  AssignStatement assign{{StatementKind::assign, 0}, {}, nullptr};
  if (!target_path(cursor, path) || !spaces(cursor) || !character(cursor, '=') ||
      !spaces(cursor) || !query(cursor, place, assign.value)) {
    return false;
  }
  if (path.front() == "root") path.erase(path.begin());
  assign.path = keep(path);
  assign.line = line_in(body, at);
  out = make(assign);
  at = cursor;
  return true;
}

/// A path that does not parse to its end is taken as far as it goes: what follows is then missing
/// its white space.
bool Grammar::target_path(std::size_t& at, std::vector<std::string_view>& out) {
  std::string_view segment;
  if (!word(at, segment, "assignment")) return false;
  out.push_back(segment);
  std::size_t cursor = at;
  std::vector<std::string_view> more;
  while (peek(cursor) == '.') {
    ++cursor;
    if (peek(cursor) == '"') {
      if (!quoted(cursor, segment)) return false;
    } else if (!word(cursor, segment, "")) {
      return true;
    }
    more.push_back(segment);
    if (more.size() > kMaxQueryDepth) return fail(Failure::broken(cursor, "path is too long"));
  }
  out.insert(out.end(), more.begin(), more.end());
  at = cursor;
  return true;
}

bool Grammar::name(std::size_t& at, std::string_view expected, std::string_view& out) {
  if (peek(at) == '"') return expecting(quoted(at, out), expected);
  return word(at, out, expected);
}

// if ----------------------------------------------------------------------------------------------

bool Grammar::if_statement(std::size_t& at, std::size_t body, const Statement*& out) {
  std::size_t cursor = at;
  std::vector<ConditionalStatement::Branch> branches(1);
  const std::uint32_t line = rest(at).starts_with("if") ? line_in(body, at) : 0;  // before its parts
  if (!if_branch(cursor, body, "if", branches[0])) return false;
  bool matched = true;
  while (matched) {
    ConditionalStatement::Branch branch{};
    if (!optional(cursor, matched, [&](std::size_t& a) {
          skip_blank(a);
          return if_branch(a, body, "else if", branch);
        })) {
      return false;
    }
    if (matched) branches.push_back(branch);
  }
  ConditionalStatement::Branch last{};
  if (!optional(cursor, matched, [&](std::size_t& a) { return else_branch(a, body, last); })) {
    return false;
  }
  if (matched) branches.push_back(last);
  out = make(ConditionalStatement{{StatementKind::conditional, line}, keep(branches)});
  at = cursor;
  return true;
}

bool Grammar::if_branch(std::size_t& at, std::size_t body, std::string_view keyword,
                        ConditionalStatement::Branch& out) {
  std::size_t cursor = at;
  QueryPlace place;
  const bool opened = term(cursor, keyword);
  if (!opened && keyword == "if") return expecting(false, "assignment");
  if (!opened || !spaces(cursor)) return false;
  if (!required(query(cursor, place, out.condition))) return false;
  skip_blank(cursor);
  if (!block(cursor, body, true, out.body)) return false;
  at = cursor;
  return true;
}

bool Grammar::else_branch(std::size_t& at, std::size_t body, ConditionalStatement::Branch& out) {
  std::size_t cursor = at;
  skip_blank(cursor);
  if (!term(cursor, "else")) return false;
  skip_blank(cursor);
  if (!block(cursor, body, true, out.body)) return false;
  out.condition = nullptr;
  at = cursor;
  return true;
}

/// Statements in braces, a line each.
bool Grammar::block(std::size_t& at, std::size_t body, bool meta_allowed, Statements& out) {
  std::size_t cursor = at;
  if (!character(cursor, '{')) return false;
  skip_blank(cursor);
  if (++nesting_ > 200) return fail(Failure::broken(at, "statements are nested too deeply"));
  StatementPlaces places;
  std::vector<const Statement*> statements;
  const bool matched = list(
      cursor,
      [&](std::size_t& a) {
        const Statement* one = nullptr;
        if (!statement(a, body, places, meta_allowed, nullptr, one)) return false;
        statements.push_back(one);
        return true;
      },
      [&](std::size_t& a) {
        return attempt(a, [&](std::size_t& b) {
          skip_spaces(b);
          if (!line_break(b)) return false;
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
  --nesting_;
  if (!matched) return false;
  out = keep(statements);
  at = cursor;
  return true;
}

// Entry points ------------------------------------------------------------------------------------

std::expected<MappingTree, ParseError> parse_mapping(const ParseInput& input) {
  Grammar grammar(input);
  MappingTree tree;
  if (grammar.mapping(tree)) return tree;
  return std::unexpected(to_parse_error(grammar.failure(), input.source));
}

}  // namespace tollgate::bloblang
