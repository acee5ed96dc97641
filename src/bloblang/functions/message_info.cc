// Functions that read the message a mapping works on, or another one of its batch.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/path_state.h"
#include "bloblang/program/messages.h"
#include "message/message.h"
#include "value/empty_literal.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

// Payload -----------------------------------------------------------------------------------------

Value batch_index(Call& call, Value) { return Value::int64(call.scope().index); }

Value batch_size(Call& call, Value) {
  const Batch* batch = call.run().batch;
  return Value::int64(batch ? static_cast<std::int64_t>(batch->size()) : 0);
}

std::string_view encode(Value document, Arena& arena) {
  std::string text;
  append_json(text, document, arena);
  return arena.copy(text);
}

Value content(Call& call, Value) {
  const Message* message = current_message(call.scope());
  if (!message) return no_bytes();
  Run& run = call.run();
  if (run.edits_output && message == run.output) {  // its payload is what the document is by now
    const Value document = run.linked_root ? *run.linked_root : run.document;
    const bool has_document = !document.is_error() && !document.is(Kind::nothing);
    if (has_document) return Value::bytes(encode(document, run.arena));
  }
  if (message->has_bytes()) return Value::bytes(message->bytes());
  if (run.writable_batch) return Value::bytes(const_cast<Message*>(message)->bytes());
  if (!message->has_document()) return Value::bytes({});
  return Value::bytes(encode(message->document(run.arena), run.arena));
}

Value json(Call& call, Value) {
  Run& run = call.run();
  const Message* message = current_message(call.scope());
  // The run's own document is there already, or is wanted again by the next call.
  const bool own = message && message == run.output && root_context(run);
  const Value document = own ? *root_context(run) : document_of(run, message);
  if (document.is_error()) {
    const bool is_empty = document.as_text() == kEmptyMessage;
    return is_empty ? call.error("target message part does not exist") : document;
  }
  if (call.text(0).empty()) return resolve_number(document);
  const Value* found = find_in(document, call.state<PathState>().path, run.arena);
  return found ? resolve_number(*found) : Value::null();
}

std::string annotate_json(const Arguments& arguments, std::string_view) {
  return "json path `" + std::string(arguments.text(0)) + "`";
}

// Errors ------------------------------------------------------------------------------------------

const MessageError* error_of(Call& call) {
  const Message* message = current_message(call.scope());
  return message ? message->error() : nullptr;
}

Value error(Call& call, Value) {
  const MessageError* error = error_of(call);
  return error ? Value::string(error->text) : Value::null();
}

Value errored(Call& call, Value) { return Value::boolean(error_of(call) != nullptr); }

template <std::string_view MessageError::* part>
Value error_source(Call& call, Value) {
  const MessageError* error = error_of(call);
  return error && error->has_source ? Value::string(error->*part) : Value::null();
}

// Metadata ----------------------------------------------------------------------------------------

Value lookup(const Object* table, std::string_view key, Arena& arena) {
  const Value* found = table ? table->find(key, arena) : nullptr;
  return found ? *found : Value::null();
}

/// Metadata as meta() shows it: text, structures as JSON.
Value as_metadata_text(Value value, Arena& arena) {
  const bool is_structure = value.is(Kind::array) || value.is(Kind::object);
  return Value::string(is_structure ? encode(value, arena) : to_text(value, arena));
}

Value text_of(const Object* table, std::string_view key, Arena& arena) {
  if (!key.empty()) {
    const Value* found = table ? table->find(key, arena) : nullptr;
    const Value text = found ? as_metadata_text(*found, arena) : Value::string({});
    return text.as_text().empty() ? Value::null() : text;
  }
  Object* all = copy_table(table, arena);
  for (std::uint32_t i = 0; i < all->size; ++i) {
    all->items[i].value = as_metadata_text(all->items[i].value, arena);
  }
  return Value::object(all);
}

const Object* table_of(Call& call) {
  const Message* message = current_message(call.scope());
  return message ? message->metadata() : nullptr;
}

Value metadata(Call& call, Value) {
  const Object* table = table_of(call);
  if (call.text(0).empty()) return Value::object(copy_table(table, call.arena()));
  return lookup(table, call.text(0), call.arena());
}

Value meta(Call& call, Value) { return text_of(table_of(call), call.text(0), call.arena()); }

Value root_meta(Call& call, Value) {
  const Run& run = call.run();
  if (!run.has_metadata) return call.error("root metadata cannot be queried in this context");
  return text_of(run.metadata, call.text(0), call.arena());
}

std::string annotate_key(const Arguments& arguments, std::string_view function) {
  const std::string name(function);
  const auto key = arguments.text(0);
  return key.empty() ? name + " object" : name + " field " + std::string(key);
}
std::string annotate_metadata(const Arguments& arguments, std::string_view) {
  return annotate_key(arguments, "metadata");
}
std::string annotate_meta(const Arguments& arguments, std::string_view) {
  return annotate_key(arguments, "meta");
}
std::string annotate_root_meta(const Arguments& arguments, std::string_view) {
  return annotate_key(arguments, "root_meta");
}

// Tracing -----------------------------------------------------------------------------------------

// Messages carry no spans, so these answer as the incumbent does without a tracer.
Value tracing_id(Call&, Value) { return Value::string("00000000000000000000000000000000"); }
Value tracing_span(Call& call, Value) { return Value::object(make_object(call.arena())); }

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "batch_index",
     .category = Category::message_info,
     .call = batch_index,
     .description = "The place of the message within its batch, from 0.",
     .examples = {{.mapping = "root = if batch_index() > 0 { deleted() }",
                   .cases = {{R"({"a":1})", R"({"a":1})"}}}}},
    {.name = "batch_size",
     .category = Category::message_info,
     .call = batch_size,
     .description = "How many messages the batch has.",
     .examples = {{.mapping = "root.is_last = batch_index() == batch_size() - 1",
                   .cases = {{"{}", R"({"is_last":true})"}}}}},
    {.name = "content",
     .category = Category::message_info,
     .call = content,
     .description = "The payload of the message as bytes, whatever the context is.",
     .examples = {{.mapping = "root.raw = content().string()",
                   .cases = {{R"({"a":1})", R"({"raw":"{\"a\":1}"})"}}}}},
    {.name = "json",
     .category = Category::message_info,
     .parameters = {{"path", Type::string, "A dot path into the document; empty is all of it.",
                     Need::defaulted, Value::string("")}},
     .prepare = prepare_path,
     .call = json,
     .annotate = annotate_json,
     .description = "The message's document, or what is at a path of it, whatever the context is.",
     .examples = {{.mapping = "root.name = json(\"user.name\")",
                   .cases = {{R"({"user":{"name":"ada"}})", R"({"name":"ada"})"}}}}},
    {.name = "error",
     .category = Category::message_info,
     .call = error,
     .description = "Why the message failed, null if it did not.",
     .examples = {{.mapping = "root.failure = error()", .cases = {{"{}", R"({"failure":null})"}}}}},
    {.name = "errored",
     .category = Category::message_info,
     .call = errored,
     .description = "Whether the message failed.",
     .examples = {{.mapping = "root.status = if errored() { 500 } else { 200 }",
                   .cases = {{"{}", R"({"status":200})"}}}}},
    {.name = "error_source_name",
     .category = Category::message_info,
     .call = error_source<&MessageError::source_name>,
     .description = "The type of the component that failed the message; null if it is not known."},
    {.name = "error_source_label",
     .category = Category::message_info,
     .call = error_source<&MessageError::source_label>,
     .description = "The label of the component that failed the message; null if it is not known."},
    {.name = "error_source_path",
     .category = Category::message_info,
     .call = error_source<&MessageError::source_path>,
     .description = "Where in the configuration the component stands that failed the message; null "
                    "if it is not known."},
    {.name = "metadata",
     .category = Category::message_info,
     .parameters = {{"key", Type::string, "The key; empty is all of them, as an object.",
                     Need::defaulted, Value::string("")}},
     .call = metadata,
     .annotate = annotate_metadata,
     .description = "Metadata of the message as it came in; `@` sees what the mapping changed.",
     .examples = {{.mapping = "root.tenant = metadata(\"tenant\").or(\"none\")",
                   .cases = {{"{}", R"({"tenant":"none"})"}}}}},
    {.name = "meta",
     .category = Category::deprecated,
     .parameters = {{"key", Type::string, "The key; empty is all of them, as an object.",
                     Need::defaulted, Value::string("")}},
     .stability = Function::Stability::deprecated,
     .call = meta,
     .annotate = annotate_meta,
     .description = "As metadata(), but text; null if it is empty."},
    {.name = "root_meta",
     .category = Category::deprecated,
     .parameters = {{"key", Type::string, "The key; empty is all of them, as an object.",
                     Need::defaulted, Value::string("")}},
     .stability = Function::Stability::deprecated,
     .call = root_meta,
     .annotate = annotate_root_meta,
     .description = "As meta(), but of the message that is being made. Prefer `@`."},
    {.name = "tracing_id",
     .category = Category::message_info,
     .stability = Function::Stability::experimental,
     .call = tracing_id,
     .description = "The message's trace id; all zeros without one."},
    {.name = "tracing_span",
     .category = Category::message_info,
     .stability = Function::Stability::experimental,
     .call = tracing_span,
     .description = "The message's span as a text map; empty without one."},
};

}  // namespace

constinit const std::span<const Function> kMessageFunctions = kEntries;

}  // namespace tollgate::bloblang
