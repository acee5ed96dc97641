#include "config/set_path.h"

#include <charconv>

#include <fmt/format.h>

namespace tollgate {

namespace {

struct Path {
  std::string_view whole;
  std::size_t at = 0;  // of the part that comes next

  bool ended() const { return at > whole.size(); }
  std::string_view taken() const { return whole.substr(0, at == 0 ? 0 : at - 1); }

  std::string take() {
    const std::size_t end = std::min(whole.find('.', at), whole.size());
    const std::string_view raw = whole.substr(at, end - at);
    at = end + 1;
    std::string part;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const char next = i + 1 < raw.size() ? raw[i + 1] : ' ';
      const bool escaped = raw[i] == '~' && (next == '0' || next == '1');
      part += escaped ? (raw[++i] == '0' ? '~' : '.') : raw[i];
    }
    return part;
  }
};

Result<Node> set_in(const Node& node, Path path, const Node& value);

Result<Node> set_in_list(const Node& list, const std::string& part, Path path, const Node& value) {
  std::vector<Node> items = list.items();
  std::size_t index = items.size();
  if (part != "-") {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    if (error != std::errc() || end != part.data() + part.size()) {
      return invalid(fmt::format("{}: failed to parse path segment as array index", path.taken()));
    }
    if (index > items.size()) {
      return invalid(fmt::format("{}: target index greater than array length", path.taken()));
    }
  }
  if (index == items.size()) items.emplace_back();
  items[index] = TRY(set_in(items[index], path, value));
  return list.with_items(std::move(items));
}

Result<Node> set_in(const Node& node, Path path, const Node& value) {
  if (path.ended()) return value;
  const std::string part = path.take();
  const bool is_new = !node || node.is(Node::Kind::null);
  if (is_new && (part == "-" || part == "0")) return set_in_list(Node::list({}), part, path, value);
  if (node.is(Node::Kind::list)) return set_in_list(node, part, path, value);
  if (is_new || node.is(Node::Kind::map)) {
    const Node map = node.is(Node::Kind::map) ? node : Node::map({});
    return map.with(part, TRY(set_in(map[part], path, value)));
  }
  return invalid(
      fmt::format("{}: the value above it is neither an object nor a list", path.taken()));
}

}  // namespace

Result<Node> set_at_path(const Node& root, std::string_view path, const Node& value) {
  return set_in(root, {path}, value);
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
