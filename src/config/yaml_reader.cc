// Reads YAML into Nodes from libyaml's events, which alone carry the place of every key and value.

#include <yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <optional>

#include <fmt/format.h>

#include "config/node.h"
#include "config/node_data.h"
#include "config/yaml_scalar.h"

namespace tollgate {

namespace {

constexpr std::size_t max_size = 32U << 20;     // bytes of a document
constexpr std::size_t max_depth = 500;          // levels of nesting, aliases followed
constexpr std::uint64_t max_weight = 1'000'000;  // nodes, aliases followed

constexpr std::string_view core_tags = "tag:yaml.org,2002:";

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

ScalarStyle style_of(yaml_scalar_style_t style) {
  switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE: return ScalarStyle::single_quoted;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE: return ScalarStyle::double_quoted;
    case YAML_LITERAL_SCALAR_STYLE: return ScalarStyle::literal;
    case YAML_FOLDED_SCALAR_STYLE: return ScalarStyle::folded;
    default: return ScalarStyle::plain;
  }
}

// A container whose end has not come yet.
struct Frame {
  NodeBuilder::Data data;
  std::string anchor;
  bool has_key = false;
  bool key_is_merge = false;
  std::string key;
  Position key_position;
  std::vector<std::pair<Position, Node>> merges;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : source_(std::make_shared<const SourceText>(text)) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~Reader() { yaml_parser_delete(&parser_); }
  Reader(const Reader&) = delete;

  std::expected<Node, YamlError> run() {
    while (!done_) {
      yaml_event_t event;
      if (yaml_parser_parse(&parser_, &event) == 0) return std::unexpected(syntax_error());
      handle(event);
      yaml_event_delete(&event);
      if (error_) return std::unexpected(*error_);
    }
    return root_ ? root_ : NodeBuilder::make({.kind = Node::Kind::null, .position = {}});
  }

 private:
  void handle(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_STREAM_END_EVENT:
      case YAML_DOCUMENT_END_EVENT: done_ = true; break;
      case YAML_SCALAR_EVENT: scalar(event); break;
      case YAML_ALIAS_EVENT: alias(event); break;
      case YAML_SEQUENCE_START_EVENT:
        open(event, Node::Kind::list, view(event.data.sequence_start.anchor),
             event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
        break;
      case YAML_MAPPING_START_EVENT:
        open(event, Node::Kind::map, view(event.data.mapping_start.anchor),
             event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
        break;
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT: close(); break;
      default: break;
    }
  }

  static Position position(const yaml_mark_t& mark) {
    return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
  }

  // Frames that await a key get none but scalars.
  bool awaits_key() const {
    return !frames_.empty() && frames_.back().data.kind == Node::Kind::map &&
           !frames_.back().has_key;
  }

  void fail(Position where, std::string_view message) {
    if (!error_) error_ = {where, fmt::format("yaml: line {}: {}", where.line, message)};
  }

  void scalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    const Position where = position(event.start_mark);
    if (awaits_key()) {
      const bool plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
      set_key(std::string(text), where, plain && text == "<<");
      if (scalar.anchor != nullptr) keep(view(scalar.anchor), Node::of(std::string(text)));
      return;
    }
    NodeBuilder::Data data;
    data.kind = kind_of(scalar.plain_implicit != 0, view(scalar.tag), text, where);
    data.style = style_of(scalar.style);
    data.position = where;
    data.text = text;
    data.source = source_;
    data.source_begin = source_->offset(event.start_mark.line, event.start_mark.column);
    data.source_end = source_->offset(event.end_mark.line, event.end_mark.column);
    const Node node = NodeBuilder::make(std::move(data));
    keep(view(scalar.anchor), node);
    add(node, false);
  }

  Node::Kind kind_of(bool plain_implicit, std::string_view tag, std::string_view text,
                     Position where) {
    if (plain_implicit && (tag.empty() || tag == "!")) return resolve_plain(text);
    if (!tag.starts_with(core_tags)) return Node::Kind::string;
    tag.remove_prefix(core_tags.size());
    if (tag == "null") return Node::Kind::null;
    const bool is_int = parse_yaml_integer(text).has_value();
    if (tag == "int" && is_int) return Node::Kind::integer;
    if (tag == "float" && parse_yaml_number(text)) return Node::Kind::number;
    if (tag == "bool" && parse_yaml_boolean(text)) return Node::Kind::boolean;
    if (tag == "int" || tag == "float" || tag == "bool") {
      fail(where, fmt::format("cannot decode !!str `{}` as a !!{}", text.substr(0, 40), tag));
    }
    return Node::Kind::string;
  }

  void alias(const yaml_event_t& event) {
    const std::string name(view(event.data.alias.anchor));
    const Position where = position(event.start_mark);
    const auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      error_ = {where, open_anchors_.contains(name)
                           ? fmt::format("yaml: anchor '{}' value contains itself", name)
                           : fmt::format("yaml: unknown anchor '{}' referenced", name)};
      return;
    }
    if (!awaits_key()) return add(found->second, true);
    if (!found->second.is_scalar()) return fail(where, "invalid map key");
    set_key(std::string(found->second.text()), where, false);
  }

  void open(const yaml_event_t& event, Node::Kind kind, std::string_view anchor, bool flow) {
    const Position where = position(event.start_mark);
    if (awaits_key()) return fail(where, "invalid map key");
    if (frames_.size() >= max_depth) return fail(where, "exceeded the maximum depth of nesting");
    Frame frame;
    frame.data.kind = kind;
    frame.data.flow = flow;
    frame.data.position = where;
    frame.anchor = anchor;
    if (!anchor.empty()) {
      anchors_.erase(frame.anchor);
      open_anchors_.insert(frame.anchor);
    }
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.data.kind == Node::Kind::map) finish_map(frame);
    const Position where = frame.data.position;
    const Node node = NodeBuilder::make(std::move(frame.data));
    const NodeBuilder::Data& data = *NodeBuilder::open(node);
    if (data.depth > max_depth) return fail(where, "exceeded the maximum depth of nesting");
    if (data.weight > max_weight && data.weight / 10 > nodes_) {
      error_ = {where, "yaml: document contains excessive aliasing"};
      return;
    }
    open_anchors_.erase(frame.anchor);
    keep(frame.anchor, node);
    add(node, false);
  }

  void keep(std::string_view anchor, const Node& node) {
    if (!anchor.empty()) anchors_.insert_or_assign(std::string(anchor), node);
  }

  void set_key(std::string key, Position where, bool is_merge) {
    Frame& frame = frames_.back();
    frame.has_key = true;
    frame.key_is_merge = is_merge;
    frame.key = std::move(key);
    frame.key_position = where;
  }

  void add(const Node& node, bool aliased) {
    ++nodes_;
    if (frames_.empty()) {
      root_ = node;
      return;
    }
    Frame& frame = frames_.back();
    if (frame.data.kind == Node::Kind::list) {
      frame.data.items.push_back(node);
      return;
    }
    frame.has_key = false;
    if (frame.key_is_merge) {
      frame.merges.emplace_back(frame.key_position, node);
    } else {
      frame.data.entries.push_back({std::move(frame.key), frame.key_position, node, aliased});
    }
  }

  void finish_map(Frame& frame) {
    auto& entries = frame.data.entries;
    std::map<std::string, int, std::less<>> lines;
    for (const auto& entry : entries) {
      const auto [known, is_new] = lines.emplace(entry.key, entry.position.line);
      if (!is_new) {
        return fail(entry.position, fmt::format("mapping key \"{}\" already defined at line {}",
                                                entry.key, known->second));
      }
    }
    const auto merge = [&](const Node& from) {
      for (const auto& entry : from.entries()) {
        if (lines.emplace(entry.key, entry.position.line).second) entries.push_back(entry);
      }
    };
    for (const auto& [where, node] : frame.merges) {
      const bool maps = node.is(Node::Kind::list) &&
                        std::ranges::all_of(node.items(), [](const Node& item) {
                          return item.is(Node::Kind::map);
                        });
      if (!maps && !node.is(Node::Kind::map)) {
        return fail(where, "map merge requires map or sequence of maps as the value");
      }
      if (!maps) merge(node);
      for (const Node& item : node.items()) merge(item);
      nodes_ += entries.size();
    }
  }

  // The incumbent counts lines from 0 in some of libyaml's errors and from 1 in others.
  YamlError syntax_error() const {
    const bool scanning = parser_.error == YAML_SCANNER_ERROR;
    const char* problem =
        parser_.problem != nullptr ? parser_.problem : "unknown problem parsing YAML content";
    std::size_t line = parser_.context_mark.line != 0 ? parser_.context_mark.line
                                                      : parser_.problem_mark.line;
    if (line != 0 && scanning) ++line;
    const Position where = parser_.error == YAML_READER_ERROR
                               ? source_->place(std::min(parser_.problem_offset,
                                                         source_->text.size()))
                               : position(parser_.problem_mark);
    return {where, line != 0 ? fmt::format("yaml: line {}: {}", line, problem)
                             : fmt::format("yaml: {}", problem)};
  }

  yaml_parser_t parser_;
  std::shared_ptr<const SourceText> source_;
  std::vector<Frame> frames_;
  std::map<std::string, Node, std::less<>> anchors_;
  std::set<std::string, std::less<>> open_anchors_;
  std::uint64_t nodes_ = 0;
  Node root_;
  bool done_ = false;
  std::optional<YamlError> error_;
};

}  // namespace

std::expected<Node, YamlError> read_yaml(std::string_view text) {
  if (text.size() > max_size) {
    return std::unexpected(YamlError{{}, "yaml: the document is larger than 32 MiB"});
  }
  // The parser counts a byte order mark as a column, which ends the map that begins behind it.
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return Reader(text).run();
}

Result<Node> parse_yaml(std::string_view text) {
  auto node = read_yaml(text);
  if (!node) return invalid(std::move(node).error().message);
  return *std::move(node);
}

}  // namespace tollgate
