#include "config/set_path.h"

#include <charconv>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tollgate {

namespace {

/// "a.b~1c" as its keys "a" and "b.c".
std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> keys;
  while (true) {
    const std::size_t end = std::min(path.find('.'), path.size());
    std::string& key = keys.emplace_back();
    for (std::size_t i = 0; i < end; ++i) {
      const char next = i + 1 < end ? path[i + 1] : ' ';
      const bool escaped = path[i] == '~' && (next == '0' || next == '1');
      key += escaped ? (path[++i] == '0' ? '~' : '.') : path[i];
    }
    if (end == path.size()) return keys;
    path.remove_prefix(end + 1);
  }
}

/// Sets what the keys from number `at` on lead to.
class Setter {
 public:
  Setter(const std::vector<std::string>& path, const Node& value) : path_(path), value_(value) {}

  Result<Node> set(const Node& node, std::size_t at) const {
    if (at == path_.size()) return value_;
    const std::string& key = path_[at];
    const bool is_new = !node || node.is(Node::Kind::null);
    const bool is_index = key == "-" || key.find_first_not_of("0123456789") == key.npos;
    if (is_new && is_index && !key.empty()) return set_in_list(Node::list({}), at);
    if (node.is(Node::Kind::list)) return set_in_list(node, at);
    if (is_new || node.is(Node::Kind::map)) {
      const Node map = node.is(Node::Kind::map) ? node : Node::map({});
      return map.with(key, TRY(set(map[key], at + 1)));
    }
    return fail(at, "the value above it is neither an object nor a list");
  }

 private:
  Result<Node> set_in_list(const Node& list, std::size_t at) const {
    const std::string& key = path_[at];
    std::vector<Node> items = list.items();
    std::size_t index = items.size();
    if (key != "-") {
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
      if (error != std::errc() || end != key.data() + key.size()) {
        return fail(at, "failed to parse path segment as array index");
      }
      if (index >= items.size()) return fail(at, "target index greater than array length");
    }
    if (index == items.size()) items.emplace_back();
    items[index] = TRY(set(items[index], at + 1));
    return list.with_items(std::move(items));
  }

  std::unexpected<Error> fail(std::size_t at, std::string_view problem) const {
    const auto taken = std::span(path_).first(at + 1);
    return invalid(fmt::format("{}: {}", fmt::join(taken, "."), problem));
  }

  const std::vector<std::string>& path_;
  const Node& value_;
};

}  // namespace

Result<Node> set_at_path(const Node& root, const std::vector<std::string>& path,
                         const Node& value) {
  return Setter(path, value).set(root, 0);
}

Result<Node> set_at_path(const Node& root, std::string_view path, const Node& value) {
  return set_at_path(root, split_path(path), value);
}

std::vector<std::string> split_set_expressions(const std::vector<std::string>& flags) {
  constexpr std::string_view path_letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~-";
  std::vector<std::string> expressions;
  for (const std::string& flag : flags) {
    std::size_t from = 0;
    for (std::size_t comma = flag.find(','); comma != flag.npos; comma = flag.find(',', comma + 1)) {
      const std::size_t end = flag.find_first_not_of(path_letters, comma + 1);
      if (end == flag.npos || end == comma + 1 || flag[end] != '=') continue;
      expressions.push_back(flag.substr(from, comma - from));
      from = comma + 1;
    }
    expressions.push_back(flag.substr(from));
  }
  return expressions;
}

Result<Node> set_by_expression(const Node& root, std::string_view expression) {
  const std::size_t equals = expression.find('=');
  if (equals == 0 || equals == expression.npos || equals + 1 == expression.size()) {
    return invalid(
        fmt::format("invalid set expression '{}': expected foo=bar syntax", expression));
  }
  auto value = parse_yaml(expression.substr(equals + 1));
  if (!value) {
    return std::unexpected(
        std::move(value).error().within(fmt::format("invalid set expression '{}'", expression)));
  }
  auto changed = set_at_path(root, expression.substr(0, equals), *value);
  if (!changed) {
    return std::unexpected(
        std::move(changed).error().within("failed to set config field override"));
  }
  return changed;
}

}  // namespace tollgate
