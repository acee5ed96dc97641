#include "bloblang/bloblang.h"

#include <algorithm>

#include "bloblang/compiler/compiler.h"
#include "bloblang/program/error.h"
#include "bloblang/program/messages.h"
#include "bloblang/vm/machine.h"
#include "value/json.h"

namespace tollgate {

using bloblang::Run;

namespace {

/// Keeps the program as long as the batch: what it puts into messages views its constants.
void retain(BatchMemory& memory, const std::shared_ptr<const Program>& program) {
  const auto known = std::ranges::find_if(
      memory.retained, [&](const auto& kept) { return kept.get() == program.get(); });
  if (known == memory.retained.end()) memory.retained.push_back(program);
}

Run make_run(Arena& arena, const Batch* batch, std::size_t index) {
  Run run(arena);
  run.batch = batch;
  run.index = static_cast<std::uint32_t>(index);
  run.epoch = bloblang::next_epoch();
  run.memory_at_start = arena.footprint();
  return run;
}

void use_metadata_of(Run& run, const Message& message) {
  run.metadata = const_cast<Object*>(message.metadata());  // copied before it is changed
  run.has_metadata = true;
}

/// A run that makes `output` of a message of `source`.
Run make_run(Arena& arena, Batch& source, std::size_t index, Message& output) {
  Run run = make_run(arena, &source, index);
  run.writable_batch = &source;
  run.output = &output;
  use_metadata_of(run, output);
  return run;
}

/// Gives `message` the payload that a mapping made.
Mapped store(Message& message, Value root) {
  if (root.is(Kind::nothing)) return Mapped::unchanged;
  if (root.is(Kind::deleted)) return Mapped::deleted;
  if (root.is_text()) {
    message.set_bytes(root.as_text());
  } else {
    message.set_document(root);
  }
  return Mapped::replaced;
}

void store_metadata(Message& message, const Run& run) {
  if (run.metadata_changed) message.set_all_metadata(run.metadata);
}

}  // namespace

// Mapping -----------------------------------------------------------------------------------------

Mapping::Mapping(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
Mapping::Mapping(Mapping&&) noexcept = default;
Mapping& Mapping::operator=(Mapping&&) noexcept = default;
Mapping::~Mapping() = default;

std::expected<Mapping, ParseError> Mapping::compile(std::string_view source,
                                                    const CompileOptions& options) {
  auto program = bloblang::compile_mapping(source, options);
  if (!program) return std::unexpected(std::move(program.error()));
  Mapping mapping(std::move(*program));
  // By its text: a file that is imported may say `from` too.
  mapping.reads_other_messages_ = source.contains("from") || source.contains("import");
  return mapping;
}

MapResult Mapping::map(Batch& input, std::size_t index, Message& out) const {
  retain(out.memory(), program_);
  Run run = make_run(out.memory().arena, input, index, out);
  Value root = Value::nothing();
  const Value outcome = bloblang::run_statements(*program_, run, root);
  if (outcome.is_error()) return {Mapped::failed, outcome.as_text()};
  store_metadata(out, run);
  return {store(out, root), {}};
}

MapResult Mapping::encode(Batch& batch, std::size_t index, Arena& scratch) const {
  Message& message = batch[index];
  Arena& arena = message.memory().arena;
  Run run = make_run(scratch, batch, index, message);
  run.text_arena = &arena;
  Value root = Value::nothing();
  const Value outcome = bloblang::run_statements(*program_, run, root);
  if (outcome.is_error()) return {Mapped::failed, outcome.as_text()};
  if (run.metadata_changed && run.metadata) {
    run.metadata = &deep_copy(Value::object(run.metadata), arena).as_object();
  }
  store_metadata(message, run);
  if (run.text) {
    message.set_json(*run.text);
  } else if (root.is_marker()) {
    return {store(message, root), {}};
  } else if (root.is_text()) {
    message.set_bytes(arena.copy(root.as_text()));
  } else {
    message.set_json(print_json(root, arena, scratch));
  }
  return {Mapped::replaced, {}};
}

MapResult Mapping::mutate(Batch& batch, std::size_t index) const {
  Message& message = batch[index];
  retain(message.memory(), program_);
  Run run = make_run(message.memory().arena, batch, index, message);
  run.edits_output = true;
  Value root = bloblang::document_of(run, &message);
  const bool has_document = !root.is_error();
  if (!has_document) {
    run.document = root;
    root = Value::nothing();
  } else if (root.is_null()) {  // the incumbent loses a null while it is edited
    run.document = bloblang::make_error(run, {bloblang::kEmptyMessage});
  } else {
    run.linked_root = &root;
  }
  const Value outcome = bloblang::run_statements(*program_, run, root);
  store_metadata(message, run);
  if (outcome.is_error()) {
    if (run.linked_root) {
      message.set_document(root);
    } else if (has_document && !run.document.is_error()) {
      message.set_document(run.document);
    }
    return {Mapped::failed, outcome.as_text()};
  }
  return {store(message, root), {}};
}

MapResult Mapping::overlay(Batch& source, std::size_t index, Message& target) const {
  Arena& arena = target.memory().arena;
  retain(target.memory(), program_);
  Run run = make_run(arena, source, index, target);
  Value root = target.document();
  if (root.is_error()) root = Value::nothing();
  const Value outcome = bloblang::run_statements(*program_, run, root);
  if (outcome.is_error()) return {Mapped::failed, outcome.as_text()};
  if (&source.memory() != &target.memory()) {  // what came of the source must not outlive it
    root = deep_copy(root, arena);
    if (run.metadata && run.metadata_changed) {
      run.metadata = &deep_copy(Value::object(run.metadata), arena).as_object();
    }
  }
  store_metadata(target, run);
  return {store(target, root), {}};
}

Value Mapping::query(const Batch& batch, std::size_t index, Arena& scratch) const {
  Run run = make_run(scratch, &batch, index);
  if (index < batch.size()) use_metadata_of(run, batch[index]);
  Value root = Value::nothing();
  const Value outcome = bloblang::run_statements(*program_, run, root);
  return outcome.is_error() ? outcome : root;
}

Result<bool> Mapping::check(const Batch& batch, std::size_t index, Arena& scratch) const {
  Value root = query(batch, index, scratch);
  if (root.is(Kind::deleted)) {
    return invalid("query mapping resulted in deleted message, expected a boolean value");
  }
  if (root.is(Kind::nothing) && index < batch.size()) root = batch[index].document(scratch);
  if (root.is_text()) {  // a payload of text is read again as a document
    Message text(batch.memory());
    text.set_bytes(root.as_text());
    root = static_cast<const Message&>(text).document(scratch);
  }
  if (root.is_error()) return invalid(std::string(root.as_text()));
  if (root.is(Kind::boolean)) return root.as_boolean();
  Run run(scratch);
  return invalid(
      std::string(bloblang::type_error(run, root, {"bool"}, "mapping").as_text()));
}

Value Mapping::query(Value context, Arena& scratch) const {
  const Batch none;
  Run run = make_run(scratch, &none, 0);
  return bloblang::run_over_value(*program_, run, context);
}

// Interpolated ------------------------------------------------------------------------------------

std::expected<Interpolated, ParseError> Interpolated::compile(std::string_view text,
                                                              const CompileOptions& options) {
  Interpolated result;
  result.text_ = text;
  if (text.find('$') == text.npos) return result;
  auto program = bloblang::compile_field(text, options);
  if (!program) return std::unexpected(std::move(program.error()));
  const auto parts = (*program)->parts;
  if (std::ranges::any_of(parts, [](const auto& part) { return part.query != nullptr; })) {
    result.program_ = std::move(*program);
    return result;
  }
  result.text_.clear();
  for (const auto& part : parts) result.text_ += part.text;
  return result;
}

Result<std::string_view> Interpolated::eval(const Batch& batch, std::size_t index,
                                            Arena& scratch) const {
  if (!program_) return std::string_view(text_);
  Run run = make_run(scratch, &batch, index);
  if (index < batch.size()) use_metadata_of(run, batch[index]);
  run.has_metadata = true;
  const auto parts = program_->parts;
  auto* texts = scratch.allocate_array<std::string_view>(parts.size());
  std::size_t total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    texts[i] = parts[i].text;
    if (parts[i].query) {
      const Value value = bloblang::run_query(*parts[i].query, run);
      if (value.is_error()) return invalid(std::string(value.as_text()));
      texts[i] = to_text(value, scratch);
    }
    total += texts[i].size();
  }
  if (parts.size() == 1) return texts[0];
  auto* memory = scratch.allocate_array<char>(total);
  char* end = memory;
  for (std::size_t i = 0; i < parts.size(); ++i) end = std::ranges::copy(texts[i], end).out;
  return std::string_view(memory, total);
}

}  // namespace tollgate
