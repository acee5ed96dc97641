#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/node.h"

namespace tollgate {

/// How a scalar was written; decides how it is printed and where its text lies in the file.
enum class ScalarStyle : std::uint8_t { any, plain, single_quoted, double_quoted, literal, folded };

/// The text of a file, cut into lines as libyaml counts them; shared by all nodes read from it.
struct SourceText {
  std::string text;
  std::vector<std::size_t> line_starts;

  explicit SourceText(std::string_view content);
  /// Line `line` (0-based) with its end; empty beyond the last.
  std::string_view line(std::size_t line) const;
  /// The offset of a mark, whose column counts characters.
  std::size_t offset(std::size_t line, std::size_t column) const;
  /// The 1-based place, in characters, of the byte at `offset`.
  Position place(std::size_t offset) const;
};

/// What a Node handles. Immutable once the builder has handed it out.
struct Node::Data {
  Kind kind = Kind::absent;
  ScalarStyle style = ScalarStyle::any;
  bool flow = false;           // of a list or map: written as [...] or {...}
  std::uint16_t depth = 1;     // levels of nesting below and including this node
  std::uint64_t weight = 1;    // nodes below and including this one, aliases counted in full
  Position position;
  std::string text;
  std::string remark;
  std::vector<Node> items;
  std::vector<Entry> entries;

  // Of a scalar that was read, for position_in_text().
  std::shared_ptr<const SourceText> source;
  std::size_t source_begin = 0;  // offset of its first byte (the quote, or the | of a block)
  std::size_t source_end = 0;
};

/// Makes and opens nodes; for the files of this folder that read and print YAML.
class NodeBuilder {
 public:
  using Data = Node::Data;

  static Node make(Data data);
  static const Data* open(const Node& node) { return node.data_.get(); }
};

}  // namespace tollgate
