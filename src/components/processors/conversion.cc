#include "components/processors/conversion.h"

#include "components/processors/parse_failure.h"
#include "value/json.h"

namespace tollgate {

Result<ProcessorFactory> Conversion::factory(std::string_view expression, Options options) {
  auto compiled = Mapping::compile(expression);
  if (!compiled) return invalid(compiled.error().one_line());
  options.mapping = std::make_shared<const Mapping>(std::move(*compiled));
  return [options = std::move(options)] { return std::make_unique<Conversion>(options); };
}

Result<MessageProcessor::Verdict> Conversion::transform(Batch& batch, std::size_t index) {
  Message& message = batch[index];
  if (options_.from_document && message.document().is_error()) {
    return invalid("parsing message as JSON: " + parse_failure(message, message.document()));
  }
  message.bytes();  // what `content()` reads of a constant batch
  const Value made = options_.mapping->query(batch, index, batch.arena());
  if (made.is_error()) {
    std::string_view reason = made.as_text();
    if (const std::size_t at = reason.find(options_.reason_after); at != reason.npos) {
      reason.remove_prefix(at + options_.reason_after.size());
    }
    return invalid(std::string(options_.error_prefix) + std::string(reason));
  }
  if (!options_.to_document) {
    message.set_bytes(made.as_text());
  } else if (made.is_text()) {
    // A message of a text document has the bare text as its bytes; this one is JSON.
    std::string json;
    append_json(json, made, batch.arena());
    message.set_bytes(batch.arena().copy(json));
  } else {
    message.set_document(made);
  }
  return Verdict::keep;
}

}  // namespace tollgate
