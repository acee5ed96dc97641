#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tollgate {

/// Where in the user's file something stands; 1-based, 0 when unknown.
struct Position {
  int line = 0;
  int column = 0;
};

/// One value of a configuration document, with its place: a handle on an immutable shared tree.
///
/// Aliases and merge keys (`<<`) are resolved when the document is read; a node keeps the place
/// where it was written. The YAML library stays behind this header.
class Node {
 public:
  enum class Kind : std::uint8_t { absent, null, boolean, integer, number, string, list, map };
  struct Entry;

  Node() = default;  ///< absent

  static Node null();
  static Node of(std::string text);  ///< a string; for values made by the program
  static Node of(const char* text) { return of(std::string(text)); }
  static Node of(std::int64_t number);
  static Node of(int number) { return of(std::int64_t{number}); }
  static Node of(double number);
  static Node of(bool truth);
  static Node list(std::vector<Node> items);
  static Node map(std::vector<Entry> entries);

  Kind kind() const;
  explicit operator bool() const { return kind() != Kind::absent; }
  bool is(Kind k) const { return kind() == k; }
  bool is_scalar() const { return kind() >= Kind::null && kind() <= Kind::string; }

  /// A scalar's text as written (after unquoting); "" otherwise.
  std::string_view text() const;
  const std::vector<Node>& items() const;     ///< of a list; else empty
  const std::vector<Entry>& entries() const;  ///< of a map in the order written; else empty
  /// The value of `key` in a map; absent if there is none.
  Node operator[](std::string_view key) const;

  Position position() const;
  /// "!!str", "!!map" …: what messages call the type.
  std::string_view tag() const;
  /// The file's place of the byte at (line, column), 1-based, of this scalar's text: block scalars
  /// are indented and start a line later, quoted ones a column later.
  Position position_in_text(int line, int column) const;

  /// A map like this one with `key` set (in place, or added at the end) or removed.
  Node with(std::string_view key, Node value) const;
  Node without(std::string_view key) const;
  /// A list or map like this one with other contents; keeps place and layout.
  Node with_items(std::vector<Node> items) const;
  Node with_entries(std::vector<Entry> entries) const;
  /// This node with a remark (`# …`) that print_yaml writes behind it.
  Node remarked(std::string remark) const;

 private:
  struct Data;
  explicit Node(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
  friend class NodeBuilder;
};

struct Node::Entry {
  std::string key;
  Position position;  ///< of the key
  Node value;
  bool aliased = false;  ///< the value was written as an alias (`*name`)
};

/// Reads one YAML document. The error has Fault::invalid and the incumbent's wording with the line.
Result<Node> parse_yaml(std::string_view text);

/// parse_yaml() for texts where the place of the mistake is wanted apart from the message.
struct YamlError {
  Position where;       ///< 0 if unknown
  std::string message;  ///< "yaml: line 3: …", the line counted as the incumbent counts it
};
std::expected<Node, YamlError> read_yaml(std::string_view text);

/// YAML with 2-space indent and literal blocks for text of several lines. Nodes that were read keep
/// their quotes and flow style.
std::string print_yaml(const Node& node);
/// Compact JSON of the node.
std::string print_json(const Node& node);

}  // namespace tollgate
