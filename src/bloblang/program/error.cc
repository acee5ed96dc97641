#include "bloblang/program/error.h"

#include "bloblang/program/convert.h"
#include "value/number.h"

namespace tollgate::bloblang {

namespace {

/// "expected a, b or c value, got KIND" and the display of the value, apart from each other.
struct TypeText {
  std::string head, tail;
};

TypeText type_text(Value got, std::initializer_list<std::string_view> expected, Arena& arena) {
  TypeText text;
  std::size_t i = 0;
  text.head = expected.size() ? "expected " : "unexpected";
  for (const auto kind : expected) {
    if (i > 0) text.head += expected.size() > 2 && i + 1 < expected.size() ? ", " : " or ";
    text.head += kind;
    ++i;
  }
  text.head += " value, got ";
  text.head += kind_name(got.kind());
  if (got.is(Kind::string)) {
    text.tail = " (\"" + std::string(got.as_text()) + "\")";
  } else if (got.is(Kind::boolean) || got.is_number()) {
    text.tail = " (" + display(got, arena) + ")";
  }
  return text;
}

}  // namespace

Value make_error(Run& run, std::initializer_list<std::string_view> parts) {
  return Value::error(concat(run.arena, parts));
}

Value type_error(Run& run, Value got, std::initializer_list<std::string_view> expected,
                 std::string_view source) {
  // A number that is refused as one is beyond a float64.
  if (got.is(Kind::number_text) && expected.size() == 1 && *expected.begin() == "number") {
    return make_error(run, {number_error("ParseFloat", got.as_text(), NumberFault::range)});
  }
  const TypeText text = type_text(got, expected, run.arena);
  const bool named = !source.empty();
  const auto whole = concat(run.arena, {text.head, named ? " from " : "", source, text.tail});
  run.note = {.text = whole.data(), .form = ErrorNote::Form::type_error};
  if (!named) run.note.source_at = static_cast<std::uint32_t>(text.head.size());
  return Value::error(whole);
}

Value mismatch_error(Run& run, std::string_view operation, const Node& left_node,
                     const Node& right_node, Value left, Value right) {
  const auto text = concat(
      run.arena, {"cannot ", operation, " types ", kind_name(left.kind()), " (from ",
                  left_node.annotation, ") and ", kind_name(right.kind()), " (from ",
                  right_node.annotation, ")"});
  run.note = {.text = text.data(), .form = ErrorNote::Form::mismatch};
  return Value::error(text);
}

Value exhausted_error(const Run& run) {
  return Value::error(run.steps > kMaxSteps ? "the mapping takes too many steps"
                                            : "the mapping exceeds its memory limit");
}

Value check_text_size(Run& run, std::size_t bytes) {
  if (bytes <= kMaxBytes) return Value::nothing();
  return make_error(run, {"the result exceeds the limit of ", std::to_string(kMaxBytes), " bytes"});
}

const ErrorNote* note_of(const Run& run, Value error) {
  const char* text = error.as_text().data();
  return text && run.note.text == text ? &run.note : nullptr;
}

Value prefix_error(Run& run, std::initializer_list<std::string_view> prefix, Value error) {
  const ErrorNote* note = note_of(run, error);
  const auto head = concat(run.arena, prefix);
  const auto text = concat(run.arena, {head, error.as_text()});
  if (note) {
    run.note.text = text.data();
    run.note.form = ErrorNote::Form::plain;  // the sentence has begun already
    run.note.source_at = 0;
  }
  return Value::error(text);
}

Value name_source(Run& run, Value error, std::string_view source) {
  const ErrorNote* note = note_of(run, error);
  if (note && note->form == ErrorNote::Form::mismatch) return error;
  if (note && note->form == ErrorNote::Form::type_error) {
    if (note->source_at == 0) return error;
    const auto text = error.as_text();
    const auto at = note->source_at;
    const auto named =
        concat(run.arena, {text.substr(0, at), " from ", source, text.substr(at)});
    run.note.text = named.data();
    run.note.source_at = 0;
    return Value::error(named);
  }
  if (note && note->names_source) return error;
  const Value named = prefix_error(run, {source, ": "}, error);
  if (!note) run.note = {.text = named.as_text().data()};
  run.note.names_source = true;
  return named;
}

}  // namespace tollgate::bloblang
