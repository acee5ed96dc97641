#include "bloblang/compiler/shapes.h"

#include <algorithm>
#include <string>
#include <vector>

#include "bloblang/vm/operations.h"

namespace tollgate::bloblang {

namespace {

template <typename T>
std::span<const T> keep(const std::vector<T>& items, Arena& memory) {
  T* copy = memory.allocate_array<T>(items.size());
  std::ranges::copy(items, copy);
  return {copy, items.size()};
}

/// Writes the JSON of objects down to the values that are not known yet.
class ShapeWriter {
 public:
  explicit ShapeWriter(Arena& memory) : memory_(memory) {}

  void open() { text_ += '{'; }
  void key(std::string_view name) {
    if (text_.empty() || text_.back() != '{') text_ += ',';
    append_json_string(text_, name);
    text_ += ':';
  }
  void value(std::uint32_t number) { parts_.push_back({take(), number}); }
  /// False if it has no JSON form.
  bool constant(Value value) { return append_json(text_, value, memory_); }
  void close() { text_ += '}'; }

  JsonShape finish() { return {keep(parts_, memory_), take()}; }

 private:
  /// What was written since the last value.
  std::string_view take() {
    const std::size_t size = text_.size();
    text_.append(JsonShape::kSlack, ' ');
    const auto kept = memory_.copy(text_).substr(0, size);
    text_.clear();
    return kept;
  }

  Arena& memory_;
  std::string text_;
  std::vector<JsonShape::Part> parts_;
};

/// Gives the values that have to be evaluated their numbers.
void number_values(const ObjectNode& literal, std::vector<const Node*>& values) {
  for (const auto& field : literal.fields) {
    if (const ObjectNode* const within = settled_object(*field.value)) {
      number_values(*within, values);
    } else {
      values.push_back(field.value);
    }
  }
}

bool write_literal(const ObjectNode& literal, std::span<const Node* const> values, ShapeWriter& out) {
  out.open();
  for (std::size_t slot = 0; slot < literal.layout.size(); ++slot) {
    const auto& [key, constant] = literal.layout[slot];
    out.key(key);
    if (!constant.is(Kind::nothing)) {
      if (!out.constant(constant)) return false;
      continue;
    }
    const Node* const value = std::ranges::find(literal.fields, slot, &ObjectNode::Field::slot)->value;
    if (const ObjectNode* const within = settled_object(*value)) {
      if (!write_literal(*within, values, out)) return false;
    } else {
      out.value(static_cast<std::uint32_t>(std::ranges::find(values, value) - values.begin()));
    }
  }
  out.close();
  return true;
}

void write_members(std::span<const RootPlan::Member> members, ShapeWriter& out) {
  out.open();
  for (const auto& [key, below, slot] : members) {
    out.key(key);
    if (below.empty()) {
      out.value(slot);
    } else {
      write_members(below, out);
    }
  }
  out.close();
}

}  // namespace

const ObjectText* object_text(const Node& node, Arena& memory) {
  constexpr std::size_t most = 4096;  // of the values: numbering them takes the square of the time
  const ObjectNode* const literal = settled_object(node);
  if (!literal) return nullptr;
  std::vector<const Node*> values;
  number_values(*literal, values);
  ShapeWriter out(memory);
  if (values.size() > most || !write_literal(*literal, values, out)) return nullptr;
  return memory.make<ObjectText>(keep(values, memory), out.finish());
}

JsonShape document_shape(std::span<const RootPlan::Member> members, Arena& memory) {
  ShapeWriter out(memory);
  write_members(members, out);
  return out.finish();
}

}  // namespace tollgate::bloblang
