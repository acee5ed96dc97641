#include <algorithm>
#include <array>
#include <limits>

#include "bloblang/functions/json_path_scanner.h"
#include "bloblang/functions/json_path_tree.h"
#include "bloblang/functions/unquote_literal.h"
#include "bloblang/program/convert.h"
#include "value/number.h"

namespace tollgate::bloblang::json_path {
namespace {

constexpr int kMaxDepth = 200;
constexpr double kNoEnd = std::numeric_limits<std::int32_t>::max();

using Scanner = JsonPathScanner;
using Parsed = std::expected<NodePtr, std::string>;
using Done = std::expected<void, std::string>;

struct Operator {
  std::string_view name;
  int precedence;
};
constexpr Operator kOperators[] = {
    {"?", 0},   {"??", 0},  {"||", 20}, {"&&", 21}, {"==", 40}, {"!=", 40}, {">", 40},
    {">=", 40}, {"<", 40},  {"<=", 40}, {"=~", 40}, {"!~", 40}, {"in", 40}, {"^", 60},
    {"&", 60},  {"|", 60},  {"<<", 90}, {">>", 90}, {"+", 120}, {"-", 120}, {"*", 150},
    {"/", 150}, {"%", 150}, {"**", 200}};

const Operator* find_operator(std::string_view name) {
  for (const Operator& each : kOperators) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

bool starts_operator(std::string_view prefix) {
  return std::ranges::any_of(kOperators,
                             [&](const Operator& each) { return each.name.starts_with(prefix); });
}

bool is_symbol(std::int32_t token) {
  return token > 0 && token < 0x80 &&
         std::string_view("+-*/%>=<!^&|~?in").contains(static_cast<char>(token));
}

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

class Parser {
 public:
  Parser(std::string_view source, Arena& arena) : source_(source), scanner_(source), arena_(arena) {}

  Parsed run() {
    auto parsed = expression();
    if (parsed && camouflaged_ && last_ != Scanner::end) parsed = refuse(pending_error_);
    if (parsed) return parsed;
    return refuse("parsing error: " + std::string(source_) + "\t" + scanner_.token_position() +
                  " - " + scanner_.position() + " " + parsed.error());
  }

 private:
  // Tokens. A camouflaged token is one that was looked at and is to be scanned again; should the
  // text go on with nothing that can take it, `pending_error_` says what was expected.

  std::int32_t scan() {
    if (!camouflaged_) last_ = scanner_.scan();
    camouflaged_ = false;
    return last_;
  }

  void camouflage(std::string_view unit, std::initializer_list<std::int32_t> wanted = {}) {
    camouflaged_ = true;
    pending_error_ = unexpected_token(unit, wanted);
  }

  std::string unexpected_token(std::string_view unit,
                               std::initializer_list<std::int32_t> wanted = {}) const {
    std::string text = "unexpected " + Scanner::name(last_) + " while scanning " + std::string(unit);
    std::size_t left = wanted.size();
    for (const std::int32_t token : wanted) {
      if (left == wanted.size()) text += " expected ";
      text += Scanner::name(token);
      --left;
      if (left > 0) text += left == 1 ? " or " : ", ";
    }
    return text;
  }

  NodePtr make(Node::Kind kind, std::string_view text = {}) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->text = text;
    return node;
  }
  NodePtr constant(Value value) {
    auto node = make(Node::Kind::constant);
    node->value = value;
    return node;
  }
  NodePtr constant_text(std::string_view text) {
    return constant(Value::string(arena_.copy(text)));
  }

  // Expressions -----------------------------------------------------------------------------------

  /// An operand with the operator behind it; without one it is the last.
  struct Stage {
    NodePtr operand;
    const Operator* infix = nullptr;
    int precedence() const { return infix ? infix->precedence : 0; }
  };

  Parsed expression() {
    if (++depth_ > kMaxDepth) return refuse("nested too deeply");
    std::vector<Stage> stack;
    while (true) {
      NodePtr operand = TRY(operand_expression());
      Stage stage = TRY(operator_after(stack, std::move(operand)));
      if (auto pushed = push(stack, std::move(stage)); !pushed) return refuse(pushed.error());
      if (stack.back().infix) continue;
      --depth_;
      return std::move(stack.back().operand);
    }
  }

  /// Applies operators that bind at least as tightly as the one after `stage`.
  Done push(std::vector<Stage>& stack, Stage stage) {
    while (!stack.empty() && stack.back().precedence() >= stage.precedence()) {
      if (!stack.back().infix) break;
      Stage left = std::move(stack.back());
      stack.pop_back();
      stage.operand =
          TRY(combine(left.infix->name, std::move(left.operand), std::move(stage.operand)));
    }
    stack.push_back(std::move(stage));
    return {};
  }

  Parsed combine(std::string_view name, NodePtr left, NodePtr right) {
    auto node = make(Node::Kind::infix, name);
    const bool constants = left->is_constant() && right->is_constant();
    if ((name == "=~" || name == "!~") && right->is_constant()) {
      auto pattern = Pattern::compile(display(right->value, arena_));
      if (!pattern) return refuse(pattern.error());
      node->pattern = std::make_unique<Pattern>(std::move(*pattern));
    }
    node->children.push_back(std::move(left));
    node->children.push_back(std::move(right));
    return constants ? fold(*node) : Parsed(std::move(node));
  }

  Parsed fold(const Node& node) {
    const auto value = evaluate(node, Value::null(), arena_);
    if (!value) return refuse(value.error());
    return constant(*value);
  }

  std::expected<Stage, std::string> operator_after(std::vector<Stage>& stack, NodePtr operand) {
    while (true) {
      const std::int32_t token = scan();
      std::string name(token == Scanner::end ? std::string_view{} : scanner_.text());
      bool must_be_operator = false;
      if (is_symbol(token)) {
        std::int32_t next = scanner_.peek();
        while (is_symbol(next) && starts_operator(name + static_cast<char>(next))) {
          must_be_operator = true;
          name += static_cast<char>(next);
          scanner_.skip();
          next = scanner_.peek();
        }
      } else if (token != Scanner::identifier) {
        camouflage("operator");
        return Stage{std::move(operand)};
      }
      const Operator* const found = find_operator(name);
      if (!found) {
        if (must_be_operator) return refuse("unknown operator " + name);
        camouflage("operator");
        return Stage{std::move(operand)};
      }
      if (found->name != "?") return Stage{std::move(operand), found};
      if (auto pushed = push(stack, {std::move(operand)}); !pushed) return refuse(pushed.error());
      NodePtr condition = std::move(stack.back().operand);
      stack.pop_back();
      operand = TRY(conditional(std::move(condition)));
    }
  }

  Parsed conditional(NodePtr condition) {
    auto node = make(Node::Kind::conditional);
    node->children.push_back(std::move(condition));
    node->children.push_back(TRY(expression()));
    const std::int32_t token = scan();
    if (token == ':') {
      node->children.push_back(TRY(expression()));
    } else if (token == Scanner::end) {
      node->children.push_back(constant(Value::null()));
    } else {
      return refuse(unexpected_token("<> ? <> : <>", {':', Scanner::end}));
    }
    return node;
  }

  Parsed operand_expression() {
    if (++depth_ > kMaxDepth) return refuse("nested too deeply");
    auto parsed = operand_of(scan());
    --depth_;
    return parsed;
  }

  Parsed operand_of(std::int32_t token) {
    switch (token) {
      case '$': return path(false);
      case '@': return path(true);
      case '(': return parentheses();
      case '[': return list(Node::Kind::array, "array", ']');
      case '{': return list(Node::Kind::object, "object", '}');
      case '-': return prefix("-");
      case '!': return prefix("!");
      case '~': return prefix("~");
      case Scanner::integer:
      case Scanner::floating: return number();
      case Scanner::string:
      case Scanner::character:
      case Scanner::raw_string: return literal();
      case Scanner::identifier: return name();
      default: return refuse(unexpected_token("extensions"));
    }
  }

  Parsed prefix(std::string_view name) {
    auto node = make(Node::Kind::prefix, name);
    node->children.push_back(TRY(operand_expression()));
    return node->children[0]->is_constant() ? fold(*node) : Parsed(std::move(node));
  }

  Parsed parentheses() {
    NodePtr inner = TRY(expression());
    if (scan() != ')') return refuse(unexpected_token("parentheses", {')'}));
    return inner;
  }

  Parsed number() {
    const auto parsed = scan_float(scanner_.text());
    if (parsed.fault != NumberFault::none) {
      return refuse(number_error("ParseFloat", scanner_.text(), parsed.fault));
    }
    return constant(Value::float64(parsed.value));
  }

  Parsed literal() {
    std::string text;
    const std::string_view written = scanner_.text();
    const bool valid = written.starts_with('\'') ? unquote_single(written, text)
                                                 : unquote_literal(written, text);
    if (!valid) return refuse("could not parse string: invalid syntax");
    return constant_text(text);
  }

  /// In single quotes, where the double ones need no escape.
  static bool unquote_single(std::string_view written, std::string& text) {
    if (written.size() < 2 || !written.ends_with('\'')) return false;
    std::string swapped = "\"";
    for (std::size_t i = 1; i + 1 < written.size(); ++i) {
      const char c = written[i];
      if (c == '\'') return false;
      if (c == '\\') {
        const char escaped = written[++i];
        if (i + 1 >= written.size() || escaped == '"') return false;
        if (escaped != '\'') swapped += '\\';
        swapped += escaped;
      } else {
        if (c == '"') swapped += '\\';
        swapped += c;
      }
    }
    return unquote_literal(swapped + "\"", text);
  }

  /// An array, or an object as keys and values by turns.
  Parsed list(Node::Kind kind, std::string_view unit, std::int32_t close) {
    auto node = make(kind);
    while (true) {
      const std::int32_t token = scan();
      if (token == ',') continue;
      if (token == close) return node;
      camouflage(unit, {',', close});
      node->children.push_back(TRY(expression()));
      if (kind == Node::Kind::array) continue;
      scan();  // whatever it is, as the incumbent does
      node->children.push_back(TRY(expression()));
    }
  }

  // Names -----------------------------------------------------------------------------------------

  Parsed name() {
    const std::string text(scanner_.text());
    if (text == "true" || text == "false") return constant(Value::boolean(text == "true"));
    if (text == "date") {
      auto node = make(Node::Kind::date);
      if (scan() == '(') {
        if (auto done = arguments(*node); !done) return refuse(done.error());
      } else {
        camouflage("function call", {'('});
      }
      return node;
    }
    auto node = make(Node::Kind::variable);
    node->children.push_back(constant_text(text));
    while (true) {
      switch (scan()) {
        case '.':
          if (scan() != Scanner::identifier) {
            return refuse(unexpected_token("field", {Scanner::identifier}));
          }
          node->children.push_back(constant_text(scanner_.text()));
          break;
        case '[':
          node->children.push_back(TRY(expression()));
          if (scan() != ']') return refuse(unexpected_token("array key", {']'}));
          break;
        case '(': {
          auto called = make(Node::Kind::call, text);
          called->children.push_back(std::move(node));
          if (auto done = arguments(*called); !done) return refuse(done.error());
          return called;
        }
        default:
          camouflage("variable", {'.', '(', '['});
          return node;
      }
    }
  }

  Done arguments(Node& node) {
    if (scan() == ')') return {};
    camouflage("scan arguments", {')'});
    while (true) {
      node.children.push_back(TRY(expression()));
      const std::int32_t token = scan();
      if (token == ')') return {};
      if (token != ',') return refuse(unexpected_token("arguments", {')', ','}));
    }
  }

  // Paths -----------------------------------------------------------------------------------------

  Parsed path(bool from_current) {
    auto node = make(Node::Kind::path);
    node->from_current = from_current;
    while (true) {
      bool goes_on = false;
      switch (scan()) {
        case '.': goes_on = TRY(dot(*node)); break;
        case '[': goes_on = TRY(bracket(*node)); break;
        case '(': goes_on = TRY(script(*node)); break;
        default: camouflage("jsonpath", {'.', '[', '('}); return node;
      }
      if (!goes_on) return node;
    }
  }

  using GoesOn = std::expected<bool, std::string>;

  void add(Node& node, Selector::Kind kind, NodePtr key = nullptr) {
    Selector selector{kind};
    if (key) selector.keys.push_back(std::move(key));
    node.selectors.push_back(std::move(selector));
  }

  GoesOn dot(Node& node) {
    const std::int32_t token = scan();
    if (member_or_every(node, token)) return true;
    if (token != '.') {
      return refuse(unexpected_token("JSON select", {Scanner::identifier, '.', '*'}));
    }
    add(node, Selector::Kind::descend);
    return descend(node);
  }

  GoesOn descend(Node& node) {
    const std::int32_t token = scan();
    if (member_or_every(node, token)) return true;
    if (token == '(') return script(node);
    if (token != '[') {
      return refuse(unexpected_token("JSON mapper", {'[', Scanner::identifier, '*'}));
    }
    auto [keys, separator] = TRY(keys_in_bracket());
    if (separator == ':') return refuse("mapper can not be combined with range query");
    if (separator == '?') {
      if (keys.size() != 1) return refuse("filter needs exactly one key");
      add(node, Selector::Kind::filter, std::move(keys[0]));
    } else {
      add_several(node, std::move(keys));
    }
    return true;
  }

  /// What may stand behind one dot and behind two. False: `token` is neither, and nothing was added.
  bool member_or_every(Node& node, std::int32_t token) {
    if (token == Scanner::identifier) {
      add(node, Selector::Kind::member, constant_text(scanner_.text()));
    } else if (token == '*') {
      add(node, Selector::Kind::every);
    } else {
      return false;
    }
    return true;
  }

  void add_several(Node& node, std::vector<NodePtr> keys) {
    const bool all = keys.empty();
    node.selectors.push_back(
        {all ? Selector::Kind::every : Selector::Kind::several, std::move(keys)});
  }

  GoesOn script(Node& node) {
    add(node, Selector::Kind::script, TRY(expression()));
    if (scan() != ')') return refuse(unexpected_token("jsnopath script", {')'}));
    return true;
  }

  GoesOn bracket(Node& node) {
    auto [keys, separator] = TRY(keys_in_bracket());
    if (separator == ':') {
      if (keys.size() > 3) {
        return refuse("range query has at least the parameter [min:max:step]");
      }
      constexpr double defaults[] = {0, kNoEnd, 1};
      while (keys.size() < 3) keys.push_back(constant(Value::float64(defaults[keys.size()])));
      node.selectors.push_back({Selector::Kind::slice, std::move(keys)});
    } else if (separator == '?') {
      if (keys.size() != 1) return refuse("filter needs exactly one key");
      add(node, Selector::Kind::filter, std::move(keys[0]));
    } else if (keys.size() == 1) {
      add(node, Selector::Kind::member, std::move(keys[0]));
    } else {
      add_several(node, std::move(keys));
    }
    return true;
  }

  struct Keys {
    std::vector<NodePtr> keys;
    std::int32_t separator = 0;
  };

  /// `*` is no keys at all; a filter one key with the separator `?`.
  std::expected<Keys, std::string> keys_in_bracket() {
    Keys found;
    while (true) {
      std::int32_t token = scan();
      bool is_separator = false;
      if (token == '?') {
        is_separator = true;
      } else if (token == ':') {
        found.keys.push_back(constant(Value::float64(found.keys.size() == 1 ? kNoEnd : 0)));
        is_separator = true;
      } else if (token == '*') {
        if (scan() != ']') return refuse(unexpected_token("JSON bracket star", {']'}));
        return Keys{};
      } else if (token == ']' && found.separator == ':') {
        is_separator = true;
      } else {
        camouflage("jsonpath brackets");
        found.keys.push_back(TRY(expression()));
      }
      if (!is_separator) token = scan();
      if (found.separator == 0) found.separator = token;
      if (token == ']') return found;
      if (token == '?' && !found.keys.empty()) return refuse(unexpected_token("JSON filter", {']'}));
      if (token != ':' && token != ',' && token != '?') {
        return refuse(unexpected_token("JSON bracket separator", {':', ','}));
      }
      if (found.separator != token) {
        return refuse("mixed " + std::to_string(found.separator) + " and " +
                      std::to_string(token) + " in JSON bracket");
      }
    }
  }

  std::string_view source_;
  Scanner scanner_;
  Arena& arena_;
  std::int32_t last_ = 0;
  bool camouflaged_ = false;
  std::string pending_error_;
  int depth_ = 0;
};

}  // namespace

Parsed parse(std::string_view source, Arena& arena) { return Parser(source, arena).run(); }

}  // namespace tollgate::bloblang::json_path
