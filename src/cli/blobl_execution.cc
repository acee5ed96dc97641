#include "cli/blobl.h"
#include "value/json.h"

namespace tollgate {

namespace {

/// A mapping that needs a document where there is none fails as a whole, not in one assignment.
std::string_view without_place(std::string_view error) {
  const auto reason = error.find("): ");
  if (!error.starts_with("failed assignment (line ") || reason == error.npos) return error;
  const auto rest = error.substr(reason + 3);
  return rest.starts_with("unable to reference message as structured") ? rest : error;
}

}  // namespace

Result<std::string> execute_mapping(const Mapping& mapping, std::string_view document,
                                    const MappingExecution& how) {
  Batch batch;
  Message& message = batch.add();
  message.set_bytes(document);
  if (how.raw) message.set_document(Value::string(document));
  Message out = message.copy();
  const MapResult result = mapping.map(batch, 0, out);
  if (result.what == Mapped::failed) return invalid(std::string(without_place(result.error)));
  if (result.what == Mapped::deleted) return std::string();
  // What a mapping makes of text is text, even where it looks like a document.
  const bool assigned = result.what == Mapped::replaced;
  if (assigned && !out.has_document()) return std::string(out.bytes());
  const Value value = out.document();
  if (value.is(Kind::error)) return std::string(out.bytes());  // no JSON: as it came
  if (assigned && value.is_text()) return std::string(value.as_text());
  std::string text;
  append_json(text, value, batch.arena(),
              {.escape_html = true, .indent = how.pretty ? "  " : ""});
  return text;
}

}  // namespace tollgate
