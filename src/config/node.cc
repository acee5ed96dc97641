#include "config/node.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "config/node_data.h"

namespace tollgate {

namespace {

std::uint64_t add(std::uint64_t a, std::uint64_t b) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  return a > most - b ? most : a + b;
}

}  // namespace

Node NodeBuilder::make(Data data) {
  data.weight = 1;
  data.depth = 1;
  const auto count = [&data](const Node& child) {
    const Data* inner = open(child);
    if (inner == nullptr) return;
    data.weight = add(data.weight, inner->weight);
    data.depth = std::max<std::uint16_t>(data.depth, inner->depth + 1);
  };
  for (const Node& item : data.items) count(item);
  for (const auto& entry : data.entries) count(entry.value);
  return Node(std::make_shared<const Data>(std::move(data)));
}

Node Node::null() { return NodeBuilder::make({.kind = Kind::null, .text = "null"}); }
Node Node::of(std::string text) {
  return NodeBuilder::make({.kind = Kind::string, .text = std::move(text)});
}
Node Node::of(std::int64_t number) {
  return NodeBuilder::make({.kind = Kind::integer, .text = std::to_string(number)});
}
Node Node::of(double number) {
  if (std::isfinite(number) && number == std::floor(number) && std::abs(number) < 1e15) {
    return NodeBuilder::make({.kind = Kind::number, .text = fmt::format("{:.0f}", number)});
  }
  return NodeBuilder::make({.kind = Kind::number, .text = fmt::format("{}", number)});
}
Node Node::of(bool truth) {
  return NodeBuilder::make({.kind = Kind::boolean, .text = truth ? "true" : "false"});
}
Node Node::list(std::vector<Node> items) {
  return NodeBuilder::make({.kind = Kind::list, .items = std::move(items)});
}
Node Node::map(std::vector<Entry> entries) {
  return NodeBuilder::make({.kind = Kind::map, .entries = std::move(entries)});
}

Node::Kind Node::kind() const { return data_ ? data_->kind : Kind::absent; }

std::string_view Node::text() const {
  return data_ ? std::string_view(data_->text) : std::string_view();
}

const std::vector<Node>& Node::items() const {
  static const std::vector<Node> none;
  return data_ ? data_->items : none;
}

const std::vector<Node::Entry>& Node::entries() const {
  static const std::vector<Entry> none;
  return data_ ? data_->entries : none;
}

Node Node::operator[](std::string_view key) const {
  const auto found = std::ranges::find(entries(), key, &Entry::key);
  return found == entries().end() ? Node() : found->value;
}

Position Node::position() const { return data_ ? data_->position : Position{}; }

std::string_view Node::tag() const {
  switch (kind()) {
    case Kind::absent:
    case Kind::null: return "!!null";
    case Kind::boolean: return "!!bool";
    case Kind::integer: return "!!int";
    case Kind::number: return "!!float";
    case Kind::string: return "!!str";
    case Kind::list: return "!!seq";
    case Kind::map: return "!!map";
  }
  return "";
}

Node Node::with(std::string_view key, Node value) const {
  std::vector<Entry> changed = entries();
  const auto found = std::ranges::find(changed, key, &Entry::key);
  if (found == changed.end()) {
    changed.push_back({std::string(key), value.position(), value});
  } else {
    found->value = std::move(value);
    found->aliased = false;
  }
  return with_entries(std::move(changed));
}

Node Node::without(std::string_view key) const {
  std::vector<Entry> changed = entries();
  std::erase_if(changed, [&](const Entry& entry) { return entry.key == key; });
  return with_entries(std::move(changed));
}

Node Node::with_items(std::vector<Node> items) const {
  NodeBuilder::Data data = data_ ? *data_ : NodeBuilder::Data{};
  data.kind = Kind::list;
  data.entries.clear();
  data.items = std::move(items);
  return NodeBuilder::make(std::move(data));
}

Node Node::with_entries(std::vector<Entry> entries) const {
  NodeBuilder::Data data = data_ ? *data_ : NodeBuilder::Data{};
  data.kind = Kind::map;
  data.items.clear();
  data.entries = std::move(entries);
  return NodeBuilder::make(std::move(data));
}

Node Node::remarked(std::string remark) const {
  NodeBuilder::Data data = data_ ? *data_ : NodeBuilder::Data{};
  data.remark = std::move(remark);
  return NodeBuilder::make(std::move(data));
}

}  // namespace tollgate
