#include <algorithm>

#include "bloblang/functions/json_path_tree.h"
#include "bloblang/program/convert.h"
#include "bloblang/program/limits.h"
#include "value/coerce.h"
#include "value/number.h"
#include "value/time_layout.h"

namespace tollgate::bloblang::json_path {
namespace {

constexpr std::size_t kMaxDepth = 2000;
/// Values looked at by one evaluation.
constexpr std::size_t kMaxSteps = 5'000'000;

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

constexpr std::string_view kDateLayouts[] = {
    layout::ansic,
    layout::unix_date,
    layout::ruby_date,
    "3:04PM",
    layout::rfc3339,
    layout::rfc3339_nano,
    "2006-01-02",
    "2006-01-02 15:04",
    "2006-01-02 15:04:05",
    "2006-01-02 15:04:05-07:00",
    "2006-01-02T15Z0700",
    "2006-01-02T15:04Z0700",
    "2006-01-02T15:04:05Z0700",
    "2006-01-02T15:04:05.999999999Z0700"};

class Evaluation {
 public:
  Evaluation(Value root, Arena& arena) : root_(root), arena_(arena) {}

  Outcome run(const Node& node) {
    Outcome outcome = evaluate(node, Value::null(), 0);
    if (!exceeded_.empty()) return refuse(exceeded_);
    return outcome;
  }

 private:
  // Expressions -----------------------------------------------------------------------------------

  /// `current` is what `@` stands for.
  Outcome evaluate(const Node& node, Value current, std::size_t depth) {
    if (!may_go_on(depth)) return refuse(exceeded_);
    const auto child = [&](std::size_t i) {
      return evaluate(*node.children[i], current, depth + 1);
    };
    switch (node.kind) {
      case Node::Kind::constant: return node.value;
      case Node::Kind::path: return path(node, current, depth);
      case Node::Kind::prefix: return apply_prefix(node.text, TRY(child(0)), arena_);
      case Node::Kind::infix: return infix(node, current, depth);
      case Node::Kind::conditional: return child(is_zero(TRY(child(0))) ? 2 : 1);
      case Node::Kind::array: {
        Array* const all = make_array(arena_, node.children.size());
        for (std::size_t i = 0; i < node.children.size(); ++i) {
          all->items[i] = TRY(child(i));
          all->size = static_cast<std::uint32_t>(i + 1);
        }
        return Value::array(all);
      }
      case Node::Kind::object: {
        Object* const object = make_object(arena_, node.children.size() / 2);
        for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
          const Value value = TRY(child(i + 1));
          object->set(arena_.copy(display(TRY(child(i)), arena_)), value, arena_);
        }
        return Value::object(object);
      }
      case Node::Kind::variable: return variable(node, current, depth);
      case Node::Kind::date: return date(node, current, depth);
      case Node::Kind::call: {
        const auto function = child(0);
        if (!function) return refuse("could not call function: " + function.error());
        return refuse("could not call '" + node.text + "' type " + std::string(go_type(*function)));
      }
    }
    return Value::null();
  }

  Outcome infix(const Node& node, Value current, std::size_t depth) {
    const Value left = TRY(evaluate(*node.children[0], current, depth + 1));
    if (node.text == "=~" || node.text == "!~") return matches(node, left, current, depth);
    Value decided;
    if (decides(node.text, left, decided)) return decided;
    const Value right = TRY(evaluate(*node.children[1], current, depth + 1));
    return apply_infix(node.text, left, right, arena_);
  }

  Outcome matches(const Node& node, Value left, Value current, std::size_t depth) {
    const std::string text = display(left, arena_);
    const bool wanted = node.text == "=~";
    if (node.pattern) return Value::boolean(node.pattern->matches(text) == wanted);
    const Value source = TRY(evaluate(*node.children[1], current, depth + 1));
    const auto pattern = Pattern::compile(display(source, arena_));
    if (!pattern) return refuse(pattern.error());
    return Value::boolean(pattern->matches(text) == wanted);
  }

  Outcome variable(const Node& node, Value current, std::size_t depth) {
    std::vector<std::string> keys;
    for (const NodePtr& key : node.children) {
      keys.push_back(display(TRY(evaluate(*key, current, depth + 1)), arena_));
    }
    Value value = root_;
    std::string so_far;
    for (const std::string& key : keys) {
      so_far += (so_far.empty() ? "" : ".") + key;
      if (value.is(Kind::object)) {
        const Value* const found = value.as_object().find(key, arena_);
        value = found ? *found : Value::null();
      } else if (value.is(Kind::array)) {
        const auto index = parse_int(key);
        const Array& array = value.as_array();
        if (index && *index >= 0 && *index < array.size) value = array.items[*index];
      } else {
        return refuse("unknown parameter " + so_far);
      }
    }
    return value;
  }

  Outcome date(const Node& node, Value current, std::size_t depth) {
    constexpr std::string_view kWrong = "date() expects exactly one string argument";
    std::vector<Value> arguments;
    for (const NodePtr& child : node.children) {
      arguments.push_back(TRY(evaluate(*child, current, depth + 1)));
    }
    if (arguments.size() != 1 || !arguments[0].is(Kind::string)) return refuse(std::string(kWrong));
    const std::string_view text = arguments[0].as_text();
    for (const std::string_view layout : kDateLayouts) {
      const auto time = parse_time_in(text, layout, Zone::local());
      if (time) return Value::timestamp(arena_.make<Timestamp>(*time));
    }
    return refuse("date() could not parse " + std::string(text));
  }

  // Paths -----------------------------------------------------------------------------------------

  Outcome path(const Node& node, Value current, std::size_t depth) {
    const Value start = node.from_current ? current : root_;
    const std::span<const Selector> selectors = node.selectors;
    if (std::ranges::all_of(selectors, &Selector::is_plain)) return plain(selectors, start, depth);
    std::vector<Value> found;
    follow(selectors, start, depth, found);
    Array* const all = make_array(arena_, found.size());
    for (const Value& value : found) all->items[all->size++] = value;
    return Value::array(all);
  }

  Outcome plain(std::span<const Selector> selectors, Value value, std::size_t depth) {
    for (const Selector& selector : selectors) value = TRY(step(selector, value, depth));
    return value;
  }

  Outcome step(const Selector& selector, Value value, std::size_t depth) {
    if (selector.kind == Selector::Kind::member) return member(*selector.keys[0], value, depth);
    return evaluate(*selector.keys[0], value, depth + 1);
  }

  Outcome member(const Node& key, Value value, std::size_t depth) {
    constexpr std::string_view kFailure = "could not select value, invalid key: ";
    if (value.is(Kind::array)) {
      const auto index = integer(key, value, depth);
      if (!index) return refuse(std::string(kFailure) + index.error());
      const Array& array = value.as_array();
      if (*index < 0 || *index >= array.size) {
        return refuse("index " + std::to_string(*index) + " out of bounds");
      }
      return array.items[*index];
    }
    if (value.is(Kind::object)) {
      const auto name = evaluate(key, value, depth + 1);
      if (!name) return refuse(std::string(kFailure) + name.error());
      const std::string text = display(*name, arena_);
      if (const Value* const found = value.as_object().find(text, arena_)) return *found;
      return refuse("unknown key " + text);
    }
    return refuse("unsupported value type " + std::string(go_type(value)) +
                  " for select, expected map[string]interface{} or []interface{}");
  }

  std::expected<std::int64_t, std::string> integer(const Node& key, Value current,
                                                   std::size_t depth) {
    const Value value = TRY(evaluate(key, current, depth + 1));
    const auto number = as_float(value);
    if (number) return truncate_to_int(*number);
    return refuse("expected number but got " + display(value, arena_) + " (" +
                  std::string(go_type(value)) + ")");
  }

  /// Collects what the selectors lead to; what has no such member is passed over.
  void follow(std::span<const Selector> selectors, Value value, std::size_t depth,
              std::vector<Value>& found) {
    if (!may_go_on(depth)) return;
    if (selectors.empty()) return found.push_back(value);
    const Selector& selector = selectors[0];
    const auto rest = selectors.subspan(1);
    const auto go_on = [&](Value next) { follow(rest, next, depth + 1, found); };
    switch (selector.kind) {
      case Selector::Kind::member:
      case Selector::Kind::script:
        if (const auto next = step(selector, value, depth)) go_on(*next);
        return;
      case Selector::Kind::every:
        return visit(value, go_on);
      case Selector::Kind::descend:
        go_on(value);
        return visit(value, [&](Value below) { follow(selectors, below, depth + 1, found); });
      case Selector::Kind::several:
        for (const NodePtr& key : selector.keys) {
          if (const auto next = member(*key, value, depth)) go_on(*next);
        }
        return;
      case Selector::Kind::filter:
        return visit(value, [&](Value item) {
          const auto outcome = evaluate(*selector.keys[0], item, depth + 1);
          if (outcome && as_bool(*outcome).value_or(false)) go_on(item);
        });
      case Selector::Kind::slice:
        return slice(selector, value, depth, go_on);
    }
  }

  template <typename Use>
  void visit(Value value, Use use) {
    if (value.is(Kind::array)) {
      for (const Value& item : value.as_array()) use(item);
    } else if (value.is(Kind::object)) {
      for (const auto& [key, item] : value.as_object().members(arena_)) use(item);
    }
  }

  template <typename Use>
  void slice(const Selector& selector, Value value, std::size_t depth, Use use) {
    if (!value.is(Kind::array)) return;
    const Array& array = value.as_array();
    const std::int64_t size = array.size;
    const auto from = integer(*selector.keys[0], value, depth);
    const auto to = integer(*selector.keys[1], value, depth);
    const auto by = integer(*selector.keys[2], value, depth);
    if (!from || !to || !by || *from > *to) return;
    const auto inside = [size](std::int64_t i) {
      return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
    };
    const std::int64_t first = inside(*from), end = inside(*to), step = *by == 0 ? 1 : *by;
    // Steps beyond the array's size would overflow, and end the loop as well.
    const std::int64_t bounded = std::clamp(step, -size - 1, size + 1);
    if (step > 0) {
      for (std::int64_t i = first; i < end; i += bounded) use(array.items[i]);
    } else {
      for (std::int64_t i = end - 1; i >= first; i += bounded) use(array.items[i]);
    }
  }

  bool may_go_on(std::size_t depth) {
    if (depth > kMaxDepth) exceeded_ = "the path leads too deep";
    if (++steps_ > kMaxSteps) exceeded_ = "the path leads to too many values";
    return exceeded_.empty();
  }

  Value root_;
  Arena& arena_;
  std::size_t steps_ = 0;
  std::string exceeded_;  // which limit, if one was
};

}  // namespace

Outcome evaluate(const Node& node, Value document, Arena& arena) {
  return Evaluation(document, arena).run(node);
}

}  // namespace tollgate::bloblang::json_path
