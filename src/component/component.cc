#include "component/component.h"

#include "component/build_context.h"

namespace tollgate {

Result<> no_errors(const ReadContext& context) {
  for (const Lint& lint : context.lints()) {
    if (lint.level == Lint::Level::error) {
      return invalid("line " + std::to_string(lint.where.line) + ": " + lint.message);
    }
  }
  return {};
}

Result<std::vector<ProcessorFactory>> BuildContext::processors(
    std::string_view where, const std::vector<ChildProcessor>& list) {
  std::vector<ProcessorFactory> made;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = std::string(where) + (where.empty() ? "" : ".") + std::to_string(i);
    made.push_back(TRY(processor(place, list[i].node)));
  }
  return made;
}

const Schema<BatchPolicyConfig>& batch_policy_schema() {
  using Policy = BatchPolicyConfig;
  static const Schema<Policy> fields{
      field("count", &Policy::count, "Flush at this many messages; 0 turns it off."),
      field("byte_size", &Policy::byte_size, "Flush at this many payload bytes; 0 turns it off."),
      field("period", &Policy::period, "Flush this long after the previous flush."),
      field("check", &Policy::check,
            "Flush when this mapping gives true for the message just added."),
      field("processors", &Policy::processors,
            "Run on the batch as it is flushed, for example to archive it into one message.")
          .advanced(),
  };
  return fields;
}

Delivery Delivery::of(Batch batch, Transaction::Done done) {
  Delivery delivery;
  delivery.bytes = 0;
  for (Message& message : batch) delivery.bytes += message.bytes().size() + sizeof(Message);
  delivery.open = [batch = std::move(batch)]() mutable -> Result<Batch> { return std::move(batch); };
  delivery.done = std::move(done);
  return delivery;
}

}  // namespace tollgate
