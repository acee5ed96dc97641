#include "bloblang/functions/yaml_read.h"

#include <yaml.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bloblang/functions/yaml_scalar.h"
#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

/// libyaml takes time proportional to the depth for each token, so it is kept well below its means.
constexpr std::size_t kMaxDepth = 1000;

std::string_view text_of(const yaml_char_t* text) {
  return text ? std::string_view(reinterpret_cast<const char*>(text)) : std::string_view{};
}

/// One event; freed with it.
struct Event {
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&raw); }

  yaml_event_t raw{};
};

/// A value under an anchor, and how many nodes a reader of it will see.
struct Anchored {
  Value value;
  double nodes = 0;
  bool complete = false;
};

/// A collection whose end has not been read yet.
struct Frame {
  bool is_mapping = false;
  std::string anchor;
  std::size_t line = 0;  ///< from 1
  std::size_t order = 0; ///< of its start among all collections
  double nodes = 1;

  std::vector<Value> items;  ///< of a sequence
  std::vector<Member> members;
  std::vector<Value> merged;  ///< values of merge keys
  std::unordered_map<std::string_view, std::size_t> key_lines;
  std::string_view key;
  bool has_key = false;
  bool key_merges = false;
};

/// What is wrong with a mapping, after the order of the mapping.
using Complaint = std::pair<std::size_t, std::string>;
constexpr auto kOrder = &Complaint::first;

/// Builds the value of a text's first document from libyaml's events, without recursion.
class Reader {
 public:
  Reader(std::string_view text, Arena& arena) : arena_(arena) {
    usable_ = yaml_parser_initialize(&parser_) == 1;
    if (usable_) {
      yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(
                                                 text.empty() ? "" : text.data()),
                                   text.size());
    }
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (usable_) yaml_parser_delete(&parser_);
  }

  std::expected<Value, std::string> read() {
    if (!usable_) return std::unexpected("out of memory");
    while (!finished_ && fault_.empty()) {
      Event event;
      if (yaml_parser_parse(&parser_, &event.raw) == 0) {
        fault_ = parser_fault();
      } else {
        take(event.raw);
      }
    }
    if (!fault_.empty()) return std::unexpected(fault_);
    if (!complaints_.empty()) return std::unexpected(joined_complaints());
    return root_;
  }

 private:
  std::string parser_fault() const {
    std::size_t line = 0;
    if (parser_.context_mark.line != 0 || parser_.problem_mark.line != 0) {
      line = parser_.context_mark.line != 0 ? parser_.context_mark.line : parser_.problem_mark.line;
      if (parser_.error == YAML_SCANNER_ERROR) ++line;
    }
    const std::string where = line == 0 ? "" : "line " + std::to_string(line) + ": ";
    return where + (parser_.problem ? parser_.problem : "unknown problem parsing YAML content");
  }

  std::string joined_complaints() {
    std::ranges::stable_sort(complaints_, {}, kOrder);
    std::string all = "unmarshal errors:";
    for (const auto& complaint : complaints_) all += "\n  " + complaint.second;
    return all;
  }

  void take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_STREAM_END_EVENT:
      case YAML_DOCUMENT_END_EVENT:
        finished_ = true;
        return;
      case YAML_ALIAS_EVENT:
        return take_alias(text_of(event.data.alias.anchor), event.start_mark.line + 1);
      case YAML_SCALAR_EVENT:
        return take_scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return open(false, text_of(event.data.sequence_start.anchor), event.start_mark.line + 1);
      case YAML_MAPPING_START_EVENT:
        return open(true, text_of(event.data.mapping_start.anchor), event.start_mark.line + 1);
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return close();
      default:
        return;
    }
  }

  void open(bool is_mapping, std::string_view anchor, std::size_t line) {
    if (stack_.size() >= kMaxDepth) {
      fault_ = "exceeded max depth of " + std::to_string(kMaxDepth);
      return;
    }
    Frame& frame = stack_.emplace_back();
    frame.is_mapping = is_mapping;
    frame.anchor = anchor;
    frame.line = line;
    frame.order = next_order_++;
    count_nodes(1, false);
    if (!anchor.empty()) anchors_[frame.anchor] = {};
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (std::ranges::find(complaints_, frame.order, kOrder) != complaints_.end()) {
      // What is inside of a refused mapping is not looked at.
      std::erase_if(complaints_, [&](const Complaint& c) { return c.first > frame.order; });
    }
    const Value value = frame.is_mapping ? finish_mapping(frame) : finish_sequence(frame);
    if (!frame.anchor.empty()) anchors_[frame.anchor] = {value, frame.nodes, true};
    place(value, frame.nodes, nullptr, frame.line);
  }

  Value finish_sequence(const Frame& frame) {
    Array* const array = make_array(arena_, frame.items.size());
    std::ranges::copy(frame.items, array->items);
    array->size = static_cast<std::uint32_t>(frame.items.size());
    return Value::array(array);
  }

  Value finish_mapping(Frame& frame) {
    // Of equal keys the last wins: merged ones first, those that count most last.
    std::vector<Member> all;
    for (const Value& merged : frame.merged) collect_merged(merged, all);
    std::ranges::reverse(all);
    all.insert(all.end(), frame.members.begin(), frame.members.end());
    auto* const members = arena_.allocate_array<Member>(all.size());
    std::ranges::copy(all, members);
    return Value::object(make_object_of(arena_, members, all.size()));
  }

  void collect_merged(Value merged, std::vector<Member>& all) {
    if (merged.is(Kind::object)) {
      const auto members = merged.as_object().members(arena_);
      all.insert(all.end(), members.begin(), members.end());
      return;
    }
    bool fits = merged.is(Kind::array);
    if (fits) {
      for (const Value& item : merged.as_array()) {
        fits = fits && item.is(Kind::object);
        if (fits) collect_merged(item, all);
      }
    }
    if (!fits && fault_.empty()) {
      fault_ = "map merge requires map or sequence of maps as the value";
    }
  }

  void take_alias(std::string_view name, std::size_t line) {
    const auto found = anchors_.find(std::string(name));
    if (found == anchors_.end()) {
      fault_ = "unknown anchor '" + std::string(name) + "' referenced";
    } else if (!found->second.complete) {
      fault_ = "anchor '" + std::string(name) + "' value contains itself";
    } else {
      count_nodes(found->second.nodes, true);
      const Value value = found->second.value;
      place(value, found->second.nodes, nullptr, line);
    }
  }

  /// Refuses documents that are nearly all aliases: a few lines can stand for billions of nodes.
  void count_nodes(double nodes, bool aliased) {
    decoded_ += nodes;
    if (aliased) aliased_ += nodes;
    constexpr double few = 400'000;
    constexpr double many = 4'000'000;
    double allowed = 0.99;
    if (decoded_ >= many) {
      allowed = 0.10;
    } else if (decoded_ > few) {
      allowed = 0.99 - 0.89 * (decoded_ - few) / (many - few);
    }
    if (aliased_ > 100 && decoded_ > 1000 && aliased_ / decoded_ > allowed) {
      fault_ = "document contains excessive aliasing";
    }
  }

  void take_scalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    const std::string_view text = arena_.copy(
        std::string_view(reinterpret_cast<const char*>(scalar.value), scalar.length));
    count_nodes(1, false);
    Value value = Value::string(text);
    bool merges = false;
    constexpr std::string_view core = "tag:yaml.org,2002:";
    const std::string_view tag = text_of(scalar.tag);
    if (scalar.plain_implicit && (tag.empty() || tag == "!")) {
      const YamlScalar plain = resolve_yaml(text, arena_);
      value = plain.value;
      merges = plain.tag == "!!merge";
    } else if (tag.starts_with(core)) {
      const std::string name = "!!" + std::string(tag.substr(core.size()));
      const auto tagged = resolve_tagged_yaml(name, text, arena_);
      if (!tagged) return refuse_tag(name, text);
      value = *tagged;
      merges = name == "!!merge";
    }
    const std::string_view anchor = text_of(scalar.anchor);
    if (!anchor.empty()) anchors_[std::string(anchor)] = {value, 1, true};
    place(value, 1, &text, event.start_mark.line + 1, merges);
  }

  void refuse_tag(const std::string& tag, std::string_view text) {
    if (tag == "!!binary") {
      fault_ = "!!binary value contains invalid base64 data";
      return;
    }
    fault_ = "cannot decode " + std::string(resolve_yaml(text, arena_).tag) + " `" +
             std::string(text) + "` as a " + tag;
  }

  /// Puts a finished node where it belongs. `text` is how a scalar is written.
  void place(Value value, double nodes, const std::string_view* text, std::size_t line,
             bool merges = false) {
    if (stack_.empty()) {
      root_ = value;
      return;
    }
    Frame& frame = stack_.back();
    frame.nodes += nodes;
    if (!frame.is_mapping) {
      frame.items.push_back(value);
    } else if (!frame.has_key) {
      take_key(frame, value, text, line, merges);
    } else {
      frame.has_key = false;
      if (frame.key_merges) {
        frame.merged.push_back(value);
      } else {
        frame.members.push_back({frame.key, value});
      }
    }
  }

  void take_key(Frame& frame, Value value, const std::string_view* text, std::size_t line,
                bool merges) {
    if (value.is(Kind::array) || value.is(Kind::object)) {
      fault_ = "invalid map key: " + display(value, arena_);
      return;
    }
    frame.has_key = true;
    frame.key_merges = merges;
    if (text) {
      frame.key = *text;
    } else {
      frame.key = value.is_text() ? value.as_text() : arena_.copy(display(value, arena_));
    }
    const auto [first, is_new] = frame.key_lines.emplace(frame.key, line);
    if (is_new) return;
    std::string complaint = "line " + std::to_string(line) + ": mapping key ";
    append_go_quoted(complaint, frame.key);
    complaint += " already defined at line " + std::to_string(first->second);
    complaints_.emplace_back(frame.order, std::move(complaint));
  }

  yaml_parser_t parser_{};
  bool usable_ = false;
  Arena& arena_;
  bool finished_ = false;
  std::string fault_;
  std::vector<Complaint> complaints_;  ///< by order of the collection
  std::vector<Frame> stack_;
  std::map<std::string, Anchored> anchors_;
  std::size_t next_order_ = 0;
  double decoded_ = 0;
  double aliased_ = 0;
  Value root_ = Value::null();
};

}  // namespace

std::expected<Value, std::string> read_yaml(std::string_view text, Arena& arena) {
  return Reader(text, arena).read();
}

}  // namespace tollgate::bloblang
