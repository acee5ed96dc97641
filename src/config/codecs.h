#pragma once

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/field_spec.h"
#include "config/field_types.h"
#include "config/lint.h"
#include "config/node.h"

namespace tollgate {

/// How a C++ type appears in YAML. `describe` fills type, shape and flags; `print` gives the
/// default as a node; `read` reports to the context and leaves `out` alone if the node is not of
/// this type.
/// Specialised here for std::string, integers, double, bool, Duration, InterpolatedText,
/// MappingText, Node (anything), Child<kind>, and vectors, string maps and optionals of these.
template <typename T>
struct Codec;

template <>
struct Codec<std::string> {
  static void describe(FieldSpec& spec) { spec.type = "string"; }
  static Node print(const std::string& value) { return Node::of(value); }
  static void read(const Node& node, std::string& out, ReadContext& context);
};

template <>
struct Codec<bool> {
  static void describe(FieldSpec& spec) { spec.type = "bool"; }
  static Node print(bool value) { return Node::of(value); }
  static void read(const Node& node, bool& out, ReadContext& context);
};

template <>
struct Codec<double> {
  static void describe(FieldSpec& spec) { spec.type = "float"; }
  static Node print(double value) { return Node::of(value); }
  static void read(const Node& node, double& out, ReadContext& context);
};

/// Reads an integer within [least, most]; nothing, with a complaint, if it is none.
std::optional<std::int64_t> read_integer(const Node& node, std::int64_t least, std::int64_t most,
                                         ReadContext& context);

template <std::integral T>
struct Codec<T> {
  static void describe(FieldSpec& spec) { spec.type = "int"; }
  static Node print(T value) { return Node::of(static_cast<std::int64_t>(value)); }
  static void read(const Node& node, T& out, ReadContext& context) {
    constexpr auto most = std::cmp_greater(std::numeric_limits<T>::max(),
                                           std::numeric_limits<std::int64_t>::max())
                              ? std::numeric_limits<std::int64_t>::max()
                              : static_cast<std::int64_t>(std::numeric_limits<T>::max());
    constexpr auto least = static_cast<std::int64_t>(std::numeric_limits<T>::min());
    if (const auto number = read_integer(node, least, most, context)) out = static_cast<T>(*number);
  }
};

template <>
struct Codec<Duration> {
  static void describe(FieldSpec& spec) { spec.type = "string"; }
  static Node print(const Duration& value) { return Node::of(value.text); }
  static void read(const Node& node, Duration& out, ReadContext& context);
};

template <>
struct Codec<MappingText> {
  static void describe(FieldSpec& spec) {
    spec.type = "string";
    spec.bloblang = true;
  }
  static Node print(const MappingText& value) { return Node::of(value.text); }
  static void read(const Node& node, MappingText& out, ReadContext& context);
};

template <>
struct Codec<InterpolatedText> {
  static void describe(FieldSpec& spec) {
    spec.type = "string";
    spec.interpolated = true;
  }
  static Node print(const InterpolatedText& value) { return Node::of(value.text); }
  static void read(const Node& node, InterpolatedText& out, ReadContext& context);
};

template <>
struct Codec<Node> {
  static void describe(FieldSpec& spec) { spec.type = "unknown"; }
  static Node print(const Node& value) { return value; }
  static void read(const Node& node, Node& out, ReadContext&) { out = node; }
};

template <ComponentKind kind>
struct Codec<Child<kind>> {
  static void describe(FieldSpec& spec) { spec.type = kind_name(kind); }
  static Node print(const Child<kind>& value) { return value.node; }
  static void read(const Node& node, Child<kind>& out, ReadContext& context) {
    context.lint_child(kind, node);
    out.node = node;
  }
};

/// Unset by default. A key that is there, even if null, sets it.
template <typename T>
struct Codec<std::optional<T>> {
  static void describe(FieldSpec& spec) {
    Codec<T>::describe(spec);
    spec.optional = true;
  }
  static Node print(const std::optional<T>& value) {
    return value ? Codec<T>::print(*value) : Node();
  }
  static void read(const Node& node, std::optional<T>& out, ReadContext& context) {
    if constexpr (std::is_constructible_v<T, const char*>) {
      Codec<T>::read(node, out.emplace(), context);
    } else {
      Codec<T>::read(node, out.emplace(T{}), context);
    }
  }
};

template <typename T>
struct Codec<std::vector<T>> {
  static void describe(FieldSpec& spec) {
    Codec<T>::describe(spec);
    spec.shape = spec.shape == FieldSpec::Shape::list ? FieldSpec::Shape::list_of_lists
                                                      : FieldSpec::Shape::list;
  }
  static Node print(const std::vector<T>& value) {
    std::vector<Node> items;
    for (const T& item : value) items.push_back(Codec<T>::print(item));
    return Node::list(std::move(items));
  }
  static void read(const Node& node, std::vector<T>& out, ReadContext& context) {
    if (!context.expect_list(node)) return;
    std::vector<T> items;
    for (std::size_t i = 0; i < node.items().size(); ++i) {
      const auto scope = context.enter_item(i);
      T item{};
      Codec<T>::read(node.items()[i], item, context);
      items.push_back(std::move(item));
    }
    out = std::move(items);
  }
};

/// Shared by the two map types: `add` takes each key with its value.
template <typename T, typename Add>
void read_string_map(const Node& node, ReadContext& context, Add add) {
  for (const auto& entry : node.entries()) {
    const auto scope = context.enter_key(entry.key);
    T value{};
    Codec<T>::read(entry.value, value, context);
    add(entry.key, std::move(value));
  }
}

template <typename T>
struct Codec<std::map<std::string, T>> {
  static void describe(FieldSpec& spec) {
    Codec<T>::describe(spec);
    spec.shape = FieldSpec::Shape::map;
  }
  static Node print(const std::map<std::string, T>& value) {
    std::vector<Node::Entry> entries;
    for (const auto& [key, each] : value) entries.push_back({key, {}, Codec<T>::print(each)});
    return Node::map(std::move(entries));
  }
  static void read(const Node& node, std::map<std::string, T>& out, ReadContext& context) {
    if (!context.expect_map(node)) return;
    std::map<std::string, T> entries;
    read_string_map<T>(node, context, [&](const std::string& key, T value) {
      entries.insert_or_assign(key, std::move(value));
    });
    out = std::move(entries);
  }
};

/// A map whose order matters.
template <typename T>
struct Codec<std::vector<std::pair<std::string, T>>> {
  using Pairs = std::vector<std::pair<std::string, T>>;

  static void describe(FieldSpec& spec) {
    Codec<T>::describe(spec);
    spec.shape = FieldSpec::Shape::map;
  }
  static Node print(const Pairs& value) {
    std::vector<Node::Entry> entries;
    for (const auto& [key, each] : value) entries.push_back({key, {}, Codec<T>::print(each)});
    return Node::map(std::move(entries));
  }
  static void read(const Node& node, Pairs& out, ReadContext& context) {
    if (!context.expect_map(node)) return;
    Pairs entries;
    read_string_map<T>(node, context, [&](const std::string& key, T value) {
      entries.emplace_back(key, std::move(value));
    });
    out = std::move(entries);
  }
};

}  // namespace tollgate
