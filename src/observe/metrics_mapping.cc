#include <algorithm>

#include "base/arena.h"
#include "message/message.h"
#include "observe/metrics.h"
#include "value/json.h"

namespace tollgate {

namespace {

/// A metadata value as a label's.
std::string label_text(Value value, Arena& arena) {
  if (value.is_text() || value.is(Kind::number_text)) return std::string(value.as_text());
  std::string text;
  append_json(text, value, arena);
  return text;
}

Labels labels_of(const Message& message, Arena& arena) {
  Labels labels;
  const Object* metadata = message.metadata();
  for (std::uint32_t i = 0; metadata && i < metadata->size; ++i) {
    const Member& member = metadata->items[i];
    labels.emplace_back(member.key, label_text(member.value, arena));
  }
  return labels;
}

/// The name that `message` holds as its payload; null if it holds something else.
const std::string_view* name_of(Message& message, std::string_view& name) {
  if (message.has_document() && !message.document().is_text()) return nullptr;
  name = message.bytes();
  return &name;
}

}  // namespace

void MetricsRegistry::set_mapping(std::shared_ptr<const Mapping> mapping) {
  if (!mapping) {
    rename_ = nullptr;
    return;
  }
  rename_ = [mapping = std::move(mapping), logger = logger_](const std::string& name,
                                                             const Labels& labels) -> Renamed {
    Batch batch;
    Message& message = batch.add();
    message.set_document(Value::string(name));
    for (const auto& [key, value] : labels) message.set_metadata(key, Value::string(value));
    Message out = message.copy();
    const MapResult result = mapping->map(batch, 0, out);
    switch (result.what) {
      case Mapped::deleted:
        logger.trace("Deleting metrics path: {}", name);
        return {name, labels, true};
      case Mapped::failed:
        logger.error("Failed to apply path mapping on '{}': {}", name, result.error);
        return {name, {}};
      case Mapped::unchanged: return {name, labels_of(out, batch.arena())};
      case Mapped::replaced: break;
    }
    std::string_view renamed;
    if (!name_of(out, renamed)) {
      logger.error("Path mapping returned invalid result, expected string, found {}",
                   kind_name(out.document().kind()));
      return {name, labels};
    }
    logger.trace("Updated metrics path '{}' to: {}", name, renamed);
    return {std::string(renamed), labels_of(out, batch.arena())};
  };
}

}  // namespace tollgate
