#include "bloblang/compiler/compiler.h"

#include "bloblang/compiler/analysis.h"
#include "bloblang/compiler/emitter.h"
#include "bloblang/syntax/diagnostics.h"
#include "bloblang/syntax/parser.h"

namespace tollgate::bloblang {

std::expected<std::shared_ptr<const Program>, ParseError> compile_mapping(
    std::string_view source, const CompileOptions& options) {
  const std::string text = to_valid_utf8(source);
  Arena arena;
  Analysis analysis(options, arena);
  auto tree = parse_mapping({text, options.import_directory, arena, analysis});
  if (!tree) return std::unexpected(std::move(tree.error()));

  auto program = std::make_shared<Program>();
  Emitter emitter(*program);
  program->main = emitter.body("", tree->statements);
  std::vector<MapTable::Entry> entries;
  for (const MapDefinition& map : tree->maps) {
    const Body body = emitter.body("map " + std::string(map.name), map.body);
    entries.push_back({emitter.text(map.name), program->memory.make<Body>(body)});
  }
  auto* table = program->memory.allocate_array<MapTable::Entry>(entries.size());
  std::copy(entries.begin(), entries.end(), table);
  program->maps.entries = {table, entries.size()};
  emitter.finish();
  program->states = analysis.take_states();
  return program;
}

std::expected<std::shared_ptr<const Program>, ParseError> compile_field(
    std::string_view source, const CompileOptions& options) {
  const std::string text = to_valid_utf8(source);
  Arena arena;
  Analysis analysis(options, arena);
  auto parts = parse_field({text, options.import_directory, arena, analysis});
  if (!parts) return std::unexpected(std::move(parts.error()));

  auto program = std::make_shared<Program>();
  Emitter emitter(*program);
  auto* table = program->memory.allocate_array<Program::Part>(parts->size());
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const FieldPart& part = (*parts)[i];
    table[i] = {emitter.text(part.text), part.query ? emitter.query(*part.query) : nullptr};
  }
  program->parts = {table, parts->size()};
  emitter.finish();
  program->states = analysis.take_states();
  return program;
}

}  // namespace tollgate::bloblang
