#include "bloblang/vm/machine.h"

#include <pthread.h>

#include "bloblang/program/apply.h"
#include "bloblang/program/error.h"
#include "bloblang/program/messages.h"
#include "bloblang/vm/root.h"
#include "bloblang/vm/statements.h"

namespace tollgate::bloblang {

namespace {

/// What an execution of a body keeps besides documents, on the stack if it is little.
class Frame {
 public:
  Frame(const Body& body, Run& run, Value& root)
      : values_(memory_for(body, run)),
        variables_{values_, body.variables},
        root_(run, root, body.plan, values_ + named(body)) {
    std::fill_n(values_, named(body), Value::nothing());
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  Variables& variables() { return variables_; }
  Root& root() { return root_; }

 private:
  static constexpr std::size_t kSmall = 48;

  static std::size_t named(const Body& body) { return body.variables.size() + body.memos; }
  Value* memory_for(const Body& body, Run& run) {
    const std::size_t count = named(body) + (body.plan ? body.plan->slots : 0);
    return count <= kSmall ? static_cast<Value*>(static_cast<void*>(small_))
                           : run.arena.allocate_array<Value>(count);
  }

  alignas(Value) std::byte small_[kSmall * sizeof(Value)];
  Value* values_;
  Variables variables_;
  Root root_;
};

/// A message that is not JSON: the reason is told where `this` was asked for.
Value explain_missing_document(Run& run, Value error) {
  const ErrorNote* note = note_of(run, error);
  if (!note || !note->no_context || !run.document.is_error()) return error;
  const auto reason = run.document.as_text();
  const bool is_empty = reason == kEmptyMessage;
  return make_error(run, {"unable to reference message as structured (with 'this",
                          note->field.empty() ? "" : ".", note->field, "'): ",
                          is_empty ? "" : "parse as json: ", reason});
}

/// "failed assignment (line N): …" around an error of a map. Of nested maps only the innermost
/// frame is kept, and of a runaway recursion only its reason.
Value frame_map_error(Run& run, const Step& step, Value error) {
  const ErrorNote* note = note_of(run, error);
  const auto text = error.as_text();
  if (note && note->assignment_tail) {
    const auto inner = text.substr(text.size() - note->assignment_tail);
    run.note.text = inner.data();
    run.note.names_source = run.note.tail_names_source;
    return Value::error(inner);
  }
  const auto reason =
      note && note->recursion_tail ? text.substr(text.size() - note->recursion_tail) : text;
  const bool recursed = note && note->recursion_tail;
  const Value framed =
      make_error(run, {"failed assignment (line ", std::to_string(step.line), "): ", reason});
  const ErrorNote before = note ? *note : ErrorNote{};
  const bool names_source = before.names_source && !recursed;
  run.note = {.text = framed.as_text().data(),
              .names_source = names_source,
              .no_context = before.no_context,
              .tail_names_source = names_source,
              .field = before.field};
  run.note.assignment_tail = static_cast<std::uint32_t>(framed.as_text().size());
  if (recursed) run.note.recursion_tail = static_cast<std::uint32_t>(reason.size());
  return framed;
}

Value run_body(const Body& body, const Scope& scope) {
  Run& run = *scope.run;
  Value root = Value::nothing();
  Frame frame(body, run, root);
  Scope inner = scope;
  inner.root = &frame.root();
  inner.variables = &frame.variables();
  const Step* failed = nullptr;
  const Value outcome = execute(body.steps, inner, false, failed);
  return outcome.is_error() ? frame_map_error(run, *failed, outcome) : frame.root().settled();
}

// Deep recursion ----------------------------------------------------------------------------------

/// What one thread's stack must have left before a map is entered on it: enough for a body of
/// kMaxQueryDepth nested queries.
constexpr std::size_t kStackReserve = std::size_t{2} << 20;
constexpr std::size_t kExtraStack = std::size_t{32} << 20;

std::size_t stack_left() {
  thread_local const char* const bottom = [] {
    pthread_attr_t attributes;
    void* start = nullptr;
    std::size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
      pthread_attr_getstack(&attributes, &start, &size);
      pthread_attr_destroy(&attributes);
    }
    return static_cast<const char*>(start);
  }();
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  return here - reinterpret_cast<std::uintptr_t>(bottom);
}

struct Elsewhere {
  const Body& body;
  const Scope& scope;
  Value result;
};

/// Goes on with the recursion on the stack of another thread, while this one waits.
Value run_body_elsewhere(const Body& body, const Scope& scope) {
  Elsewhere work{body, scope, {}};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kExtraStack);
  pthread_t thread;
  const auto start = [](void* argument) -> void* {
    auto& mine = *static_cast<Elsewhere*>(argument);
    mine.result = run_body(mine.body, mine.scope);
    return nullptr;
  };
  const int failure = pthread_create(&thread, &attributes, start, &work);
  pthread_attr_destroy(&attributes);
  if (failure != 0) return make_error(*scope.run, {"maps are nested too deeply"});
  pthread_join(thread, nullptr);
  return work.result;
}

}  // namespace

Value apply_body(const Body& body, const Scope& scope, const Value& context) {
  scope.run->steps += 3;  // it takes as long as several calls
  Scope inner = scope.with(context);
  if (++inner.depth > kMaxMapDepth) {
    Run& run = *scope.run;
    const Value error = make_error(
        run, {"entering ", body.annotation, " exceeded maximum allowed stacks of ",
              std::to_string(kMaxMapDepth), ", this could be due to unbounded recursion"});
    run.note = {.text = error.as_text().data()};
    run.note.recursion_tail = static_cast<std::uint32_t>(error.as_text().size());
    return error;
  }
  if (stack_left() < kStackReserve) [[unlikely]] return run_body_elsewhere(body, inner);
  return run_body(body, inner);
}

// Entry points ------------------------------------------------------------------------------------

Value run_statements(const Program& program, Run& run, Value& root) {
  Frame frame(program.main, run, root);
  Scope scope{.run = &run,
              .maps = &program.maps,
              .variables = &frame.variables(),
              .root = &frame.root(),
              .index = run.index};
  if (!program.prefixes.empty() && !run.linked_root) {
    run.prefixes = run.arena.allocate_array<Prefix>(program.prefixes.size());
    std::fill_n(run.prefixes, program.prefixes.size(), Prefix());
    run.shared_paths = program.prefixes.data();
  }
  const Step* failed = nullptr;
  const Value outcome = execute(program.main.steps, scope, true, failed);
  if (!outcome.is_error()) [[likely]] {
    const bool wants_text = run.text_arena && !run.text;
    if (!wants_text || !frame.root().print(*run.text_arena)) frame.root().settled();
    return Value::null();
  }
  return make_error(run, {"failed assignment (line ", std::to_string(failed->line), "): ",
                          explain_missing_document(run, outcome).as_text()});
}

Value run_over_value(const Program& program, Run& run, const Value& context) {
  Scope scope{.run = &run, .maps = &program.maps, .index = run.index, .depth = 1};
  return run_body(program.main, scope.with(context));
}

Value run_query(const Node& query, Run& run) {
  const Scope scope{.run = &run, .index = run.index};
  return evaluate(query, scope);
}

}  // namespace tollgate::bloblang
