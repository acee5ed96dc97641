// Functions of category General that are not random: markers, errors, ranges, counters.

#include <atomic>
#include <limits>
#include <mutex>
#include <string>
#include <unordered_map>

#include "bloblang/functions/catalogue.h"
#include "bloblang/program/variables.h"

namespace tollgate::bloblang {
namespace {

constexpr auto kMaxInt = std::numeric_limits<std::int64_t>::max();

// Markers and errors ------------------------------------------------------------------------------

Value deleted(Call&, Value) { return Value::deleted(); }
Value nothing(Call&, Value) { return Value::nothing(); }
std::string annotate_deleted(const Arguments&, std::string_view) { return "delete"; }
std::string annotate_nothing(const Arguments&, std::string_view) { return "nothing"; }

Value throw_error(Call& call, Value) { return call.error(call.text(0)); }

Value variable(Call& call, Value) { return read_variable(call.scope(), call.text(0)); }
std::string annotate_variable(const Arguments& arguments, std::string_view) {
  return "variable " + std::string(arguments.text(0));
}

// Numbers and bytes -------------------------------------------------------------------------------

Value pi(Call&, Value) { return Value::float64(3.14159265358979323846); }

Prepared prepare_bytes(const Arguments& arguments) {
  const auto length = arguments.integer(0);
  if (length < 0) return std::unexpected("length must not be negative");
  if (static_cast<std::uint64_t>(length) > kMaxBytes) {
    return std::unexpected("length exceeds the limit of " + std::to_string(kMaxBytes) + " bytes");
  }
  return nullptr;
}

Value bytes(Call& call, Value) {
  const auto length = static_cast<std::size_t>(call.integer(0));
  if (const Value refusal = call.check_size(length); refusal.is_error()) return refusal;
  auto* memory = call.arena().allocate_array<char>(length);
  std::fill_n(memory, length, '\0');
  return Value::bytes({memory, length});
}

struct Span {
  std::int64_t start, step;
  std::uint64_t count;
};

/// Requires: prepare_range() accepted the arguments.
Span span_of(const Arguments& arguments) {
  const auto start = static_cast<std::uint64_t>(arguments.integer(0));
  const auto stop = static_cast<std::uint64_t>(arguments.integer(1));
  const auto step = static_cast<std::uint64_t>(arguments.integer(2));
  const bool down = arguments.integer(2) < 0;
  return {arguments.integer(0), arguments.integer(2),
          down ? (start - stop) / (0 - step) : (stop - start) / step};
}

Prepared prepare_range(const Arguments& arguments) {
  const auto start = arguments.integer(0), stop = arguments.integer(1), step = arguments.integer(2);
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  if (step == 0) return std::unexpected("step must be greater than or less than 0");
  if (step < 0 && stop > start) {
    return std::unexpected("with negative step arg stop (" + text(stop) + ") must be <= start (" +
                           text(start) + ")");
  }
  if (step > 0 && start >= stop) {
    return std::unexpected("with positive step arg start (" + text(start) + ") must be < stop (" +
                           text(stop) + ")");
  }
  if (span_of(arguments).count > kMaxElements) {
    return std::unexpected("range exceeds the limit of " + std::to_string(kMaxElements) +
                           " elements");
  }
  return nullptr;
}

Value range(Call& call, Value) {
  const Span span = span_of(call.arguments());
  if (const Value refusal = call.check_size(span.count * sizeof(Value)); refusal.is_error()) {
    return refusal;
  }
  Array* array = make_array(call.arena(), span.count);
  for (std::uint64_t i = 0; i < span.count; ++i) {
    // Without a sign: a product on the way may exceed int64 even if no element does.
    array->items[i] = Value::int64(static_cast<std::int64_t>(
        static_cast<std::uint64_t>(span.start) + static_cast<std::uint64_t>(span.step) * i));
  }
  array->size = static_cast<std::uint32_t>(span.count);
  return Value::array(array);
}

// Counters ----------------------------------------------------------------------------------------

/// The sequence of one counter() in a mapping, shared by all threads that run it.
struct Counter final : CallState {
  std::atomic<bool> started = false;
  std::mutex lock;  // guards what follows
  std::int64_t min = 0, max = 0, last = 0;
};

Prepared prepare_counter(const Arguments&) { return std::make_unique<Counter>(); }

/// A limit of the counter: an integer, or text that spells one.
Value as_limit(Call& call, Value value, std::string_view failure) {
  if (value.is_error()) return call.prefix(value, failure);
  const auto number = to_int(value);
  return number ? Value::int64(*number) : call.error(failure, number.error().message());
}

/// Resolves min and max; an error if they are of no use. The lock is not held meanwhile: their
/// queries may lead to this very counter again.
Value start_counter(Call& call, Counter& counter) {
  const Value min = as_limit(call, call.evaluate(0), "failed to resolve min argument: ");
  if (min.is_error()) return min;
  if (min.as_int64() < 0) {
    return call.error("min argument must be >0, got ", std::to_string(min.as_int64()));
  }
  const Value max = as_limit(call, call.evaluate(1), "failed to resolve max argument: ");
  if (max.is_error()) return max;
  if (max.as_int64() < 0 || max.as_int64() <= min.as_int64()) {
    return call.error("max argument must be >0 and >min, got ", std::to_string(max.as_int64()));
  }
  std::lock_guard guard(counter.lock);
  if (!counter.started) {
    counter.min = min.as_int64();
    counter.max = max.as_int64();
    counter.last = counter.min - 1;
    counter.started = true;
  }
  return Value::nothing();
}

Value count_up(Call& call, Value) {
  auto& counter = call.state<Counter>();
  if (!counter.started) {
    if (const Value problem = start_counter(call, counter); problem.is_error()) return problem;
  }
  Value set = Value::nothing();
  if (call.has_query(2)) {
    constexpr std::string_view kFailure = "failed to resolve set argument: ";
    set = call.evaluate(2);
    if (set.is_error()) return call.prefix(set, kFailure);
    if (!set.is_null() && !set.is_marker()) {
      const auto number = as_integer(set);
      if (!number) return call.prefix(call.type_error(set, "number"), kFailure);
      set = Value::int64(*number);
    }
  }
  std::lock_guard guard(counter.lock);
  if (set.is_null()) return Value::int64(counter.last);
  if (set.is(Kind::int64)) return Value::int64(counter.last = set.as_int64());
  if (set.is(Kind::deleted)) counter.last = counter.min - 1;
  const std::int64_t next = ++counter.last;
  if (next >= counter.max) counter.last = counter.min - 1;
  return Value::int64(next);
}

/// count(name): the counters of the whole process, by name.
Value count_named(Call& call, Value) {
  static std::mutex lock;
  static std::unordered_map<std::string, std::int64_t> counters;
  std::lock_guard guard(lock);
  return Value::int64(++counters[std::string(call.text(0))]);
}

// Entries -----------------------------------------------------------------------------------------

constinit const Function kEntries[] = {
    {.name = "deleted",
     .category = Category::general,
     .folds = true,
     .call = deleted,
     .annotate = annotate_deleted,
     .description = "Marks what it is assigned to for removal: a field, a metadata key, an element "
                    "of a literal, or with `root` the whole message, which then counts as handled.",
     .examples = {{.mapping = "root = this\nroot.password = deleted()",
                   .cases = {{R"({"name":"ada","password":"x"})", R"({"name":"ada"})"}}},
                  {.summary = "Keep only some messages.",
                   .mapping = "root = if this.level == \"debug\" { deleted() }",
                   .cases = {{R"({"level":"debug"})", Example::kDeleted},
                             {R"({"level":"info"})", R"({"level":"info"})"}}}}},
    {.name = "nothing",
     .category = Category::hidden,
     .folds = true,
     .call = nothing,
     .annotate = annotate_nothing,
     .description = "No value at all: an assignment of it is skipped."},
    {.name = "throw",
     .category = Category::general,
     .parameters = {{"why", Type::string, "The text of the error."}},
     .errors = Function::Errors::as_given,
     .call = throw_error,
     .description = "Fails the mapping with an error of this text.",
     .examples = {{.mapping = "root.kind = match {\n  this.exists(\"user\") => \"login\"\n"
                              "  _ => throw(\"unknown event\")\n}",
                   .cases = {{R"({"user":"ada"})", R"({"kind":"login"})"},
                             {"{}", "", "failed assignment (line 1): unknown event"}}}}},
    {.name = "var",
     .category = Category::hidden,
     .parameters = {{"name", Type::string}},
     .call = variable,
     .annotate = annotate_variable,
     .description = "The value of a variable, as `$name`."},
    {.name = "pi",
     .category = Category::general,
     .call = pi,
     .description = "The number π.",
     .examples = {{.mapping = "root.area = this.radius * this.radius * pi()",
                   .cases = {{R"({"radius":2})", R"({"area":12.566370614359172})"}}}}},
    {.name = "bytes",
     .category = Category::general,
     .parameters = {{"length", Type::integer, "How many bytes."}},
     .prepare = prepare_bytes,
     .call = bytes,
     .description = "That many zero bytes.",
     .examples = {{.mapping = "root.padding = bytes(3)",
                   .cases = {{"{}", R"({"padding":"AAAA"})"}}}}},
    {.name = "range",
     .category = Category::general,
     .parameters = {{"start", Type::integer, "The first number."},
                    {"stop", Type::integer, "Where to stop; not included."},
                    {"step", Type::integer, "The distance between numbers; may be negative.",
                     Need::defaulted, Value::int64(1)}},
     .prepare = prepare_range,
     .call = range,
     .description = "An array of integers from start up to, but not including, stop. A last step "
                    "that does not fit is left out.",
     .examples = {{.mapping = "root.up = range(0, 4)\nroot.down = range(start: 0, stop: -6, step: "
                              "-2)",
                   .cases = {{"{}", R"({"down":[0,-2,-4],"up":[0,1,2,3]})"}}},
                  {.mapping = "root = range(0, this.max)",
                   .cases = {{R"({"max":2})", "[0,1]"},
                             {R"({"max":0})", "",
                              "failed assignment (line 1): with positive step arg start (0) must "
                              "be < stop (0)"}}}}},
    {.name = "counter",
     .category = Category::general,
     .parameters = {{"min", Type::value_or_query, "The first number. Evaluated once.",
                     Need::defaulted, Value::int64(1)},
                    {"max", Type::value_or_query,
                     "After this number it starts over. Evaluated once.",
                     Need::defaulted, Value::int64(kMaxInt)},
                    {"set", Type::query,
                     "Evaluated at each call: an integer becomes the counter's value "
                     "and is returned, null reads it without counting, deleted() "
                     "starts over, anything else counts.", Need::optional}},
     .errors = Function::Errors::as_given,
     .stability = Function::Stability::experimental,
     .prepare = prepare_counter,
     .call = count_up,
     .description = "Counts its calls. Each place in a mapping where it stands is a counter of its "
                    "own, shared by all threads that run the mapping.",
     .examples = {{.mapping = "root.id = counter()",
                   .cases = {{"{}", R"({"id":1})"}, {"{}", R"({"id":2})"}}},
                  {.summary = "Start over on a condition.",
                   .mapping = "root.streak = counter(set: if this.ok != true { 0 })",
                   .cases = {{R"({"ok":true})", R"({"streak":1})"},
                             {R"({"ok":true})", R"({"streak":2})"},
                             {R"({"ok":false})", R"({"streak":0})"},
                             {R"({"ok":true})", R"({"streak":1})"}}}}},
    {.name = "count",
     .category = Category::deprecated,
     .parameters = {{"name", Type::string, "Which counter."}},
     .impure = true,
     .stability = Function::Stability::deprecated,
     .call = count_named,
     .description = "Counts its calls by name, over the whole process. Prefer `counter`."},
};

}  // namespace

constinit const std::span<const Function> kGeneralFunctions = kEntries;

}  // namespace tollgate::bloblang
