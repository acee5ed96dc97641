// json_path.

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "bloblang/functions/catalogue.h"
#include "value/number.h"

namespace tollgate::bloblang {
namespace {

constexpr std::size_t kMaxDepth = 1000;
constexpr std::size_t kMaxFound = 1'000'000;

/// One step of a path. All but `member` may lead to any number of values.
struct Step {
  enum class Kind : std::uint8_t { member, every, descend, slice, either };
  Kind kind;
  std::vector<std::string> keys = {};  ///< of member (one) and either
  std::int64_t from = 0;               ///< of slice
  std::optional<std::int64_t> to = {};
};

struct QueryState final : CallState {
  std::vector<Step> steps;
};

/// Splits "$.a['b'][0,1][2:]..*" into steps.
class PathParser {
 public:
  explicit PathParser(std::string_view text) : rest_(text) {}

  std::optional<std::vector<Step>> parse() {
    if (!take("$")) return std::nullopt;
    while (!rest_.empty()) {
      if (!step()) return std::nullopt;
    }
    return std::move(steps_);
  }

 private:
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool step() {
    if (take("..")) {
      steps_.push_back({Step::Kind::descend});
      return rest_.starts_with('[') ? take("[") && bracket() : name();
    }
    if (take(".")) return name();
    return take("[") && bracket();
  }

  bool name() {
    if (take("*")) {
      steps_.push_back({Step::Kind::every});
      return true;
    }
    std::size_t n = 0;
    while (n < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[n])) ||
                                rest_[n] == '_' || (rest_[n] & 0x80) != 0)) {
      ++n;
    }
    if (n == 0) return false;
    steps_.push_back({Step::Kind::member, {std::string(rest_.substr(0, n))}});
    rest_.remove_prefix(n);
    return true;
  }

  std::optional<std::string> key() {
    std::string text;
    if (rest_.starts_with('"') || rest_.starts_with('\'')) {
      const auto end = rest_.find(rest_[0], 1);
      if (end == rest_.npos) return std::nullopt;
      text = rest_.substr(1, end - 1);
      rest_.remove_prefix(end + 1);
      return text;
    }
    std::size_t n = take("-") ? (text = "-", 0) : 0;
    while (n < rest_.size() && rest_[n] >= '0' && rest_[n] <= '9') ++n;
    if (n == 0) return std::nullopt;
    text += rest_.substr(0, n);
    rest_.remove_prefix(n);
    return text;
  }

  bool bracket() {
    if (take("*]")) {
      steps_.push_back({Step::Kind::every});
      return true;
    }
    Step step{Step::Kind::member};
    if (!rest_.starts_with(':')) {
      auto first = key();
      if (!first) return false;
      step.keys.push_back(std::move(*first));
    }
    if (take(":")) return slice(step);
    while (take(",")) {
      auto next = key();
      if (!next) return false;
      step.kind = Step::Kind::either;
      step.keys.push_back(std::move(*next));
    }
    steps_.push_back(std::move(step));
    return take("]");
  }

  bool slice(Step& step) {
    step.kind = Step::Kind::slice;
    if (!step.keys.empty()) {
      const auto from = parse_int(step.keys[0]);
      if (!from) return false;
      step.from = *from;
    }
    if (!rest_.starts_with(']')) {
      const auto text = key();
      step.to = text ? parse_int(*text) : std::nullopt;
      if (!step.to) return false;
    }
    steps_.push_back(std::move(step));
    return take("]");
  }

  std::string_view rest_;
  std::vector<Step> steps_;
};

Prepared prepare(const Arguments& arguments) {
  auto state = std::make_unique<QueryState>();
  auto steps = PathParser(arguments.text(0)).parse();
  if (!steps) {
    const std::string text(arguments.text(0));
    const std::string prefix = "evaluating json path expression: parsing error: " + text;
    if (!text.empty() && !text.ends_with('[')) {
      return std::unexpected(prefix + " is not a path that can be followed");
    }
    const std::string end = "1:" + std::to_string(text.size() + 1);
    return std::unexpected(prefix + "\t" + (text.empty() ? "" : ":" + end) + " - " + end +
                           " unexpected EOF while scanning extensions");
  }
  state->steps = std::move(*steps);
  return state;
}

/// Follows a path through one value.
class Search {
 public:
  Search(Call& call, std::span<const Step> steps) : call_(call), steps_(steps) {}

  Value run(Value target) {
    for (const Step& step : steps_) is_single_ = is_single_ && step.kind == Step::Kind::member;
    follow(target, 0, 0);
    if (is_single_) return single_;
    if (found_.size() > kMaxFound) return call_.error("the path leads to too many values");
    Array* const all = make_array(call_.arena(), found_.size());
    for (const Value& value : found_) all->items[all->size++] = value;
    return Value::array(all);
  }

 private:
  void follow(Value value, std::size_t at, std::size_t depth) {
    if (found_.size() > kMaxFound || depth > kMaxDepth) return;
    if (at == steps_.size()) {
      single_ = value;
      if (!is_single_) found_.push_back(value);
      return;
    }
    const Step& step = steps_[at];
    switch (step.kind) {
      case Step::Kind::member:
      case Step::Kind::either:
        for (const std::string& key : step.keys) member(value, key, at, depth);
        return;
      case Step::Kind::every:
        return each(value, at + 1, depth);
      case Step::Kind::descend:
        follow(value, at + 1, depth + 1);
        return each(value, at, depth);
      case Step::Kind::slice:
        return slice(value, step, at, depth);
    }
  }

  void each(Value value, std::size_t next, std::size_t depth) {
    if (value.is(Kind::array)) {
      for (const Value& item : value.as_array()) follow(item, next, depth + 1);
    } else if (value.is(Kind::object)) {
      for (const auto& [key, inner] : value.as_object().members(call_.arena())) {
        follow(inner, next, depth + 1);
      }
    }
  }

  void slice(Value value, const Step& step, std::size_t at, std::size_t depth) {
    if (!value.is(Kind::array)) return;
    const Array& array = value.as_array();
    const std::int64_t size = array.size;
    const auto inside = [&](std::int64_t i) {
      return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
    };
    const std::int64_t end = inside(step.to.value_or(size));
    for (std::int64_t i = inside(step.from); i < end; ++i) {
      follow(array.items[i], at + 1, depth + 1);
    }
  }

  void member(Value value, const std::string& key, std::size_t at, std::size_t depth) {
    if (value.is(Kind::object)) {
      const Value* const inner = value.as_object().find(key, call_.arena());
      return inner ? follow(*inner, at + 1, depth + 1) : refuse("unknown key " + key);
    }
    if (!value.is(Kind::array)) {
      return refuse("unsupported value type " + std::string(go_type(value)) +
                    " for select, expected map[string]interface{} or []interface{}");
    }
    const auto index = parse_int(key);
    if (!index) {
      return refuse("could not select value, invalid key: expected number but got " + key +
                    " (string)");
    }
    const Array& array = value.as_array();
    if (*index < 0 || *index >= array.size) {
      return refuse("index " + std::to_string(*index) + " out of bounds");
    }
    follow(array.items[*index], at + 1, depth + 1);
  }

  /// Matters only where one value is looked for.
  void refuse(const std::string& reason) {
    if (is_single_) single_ = call_.error(reason);
  }

  Call& call_;
  std::span<const Step> steps_;
  bool is_single_ = true;
  Value single_;
  std::vector<Value> found_;
};

Value query(Call& call, Value target) {
  return Search(call, call.state<QueryState>().steps).run(target);
}

constinit const Function kEntries[] = {
    {.name = "json_path",
     .category = Category::object_array,
     .parameters = {{"expression", Type::string, "A JSONPath: $.a['b'][0], $..c, $.d[*], $.e[1:3]."}},
     .errors = Function::Errors::as_given,
     .prepare = prepare,
     .call = query,
     .description = "What a JSONPath leads to: one value, or an array if it may lead to several.",
     .examples = {{.mapping = "root = this.json_path(\"$..b\")",
                   .cases = {{R"({"a":[{"b":1},{"b":2}]})", "[1,2]"}}}}},
};

}  // namespace

constinit const std::span<const Function> kJsonPathMethods = kEntries;

}  // namespace tollgate::bloblang
