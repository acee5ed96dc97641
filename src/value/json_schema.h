#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "value/value.h"

namespace tollgate {

/// One complaint about a document.
struct SchemaFailure {
  std::string field;        ///< "a.b.0", "(root)"
  std::string description;  ///< "Invalid type. Expected: integer, given: string"
  std::string property;     ///< the property it names, if it names one
};

/// Complaints as the `json_schema` processor and method word them: one line each.
std::string describe(const std::vector<SchemaFailure>& failures);

/// A compiled JSON Schema: drafts 4, 6 and 7 by `$schema`, else a mix that takes the keywords of
/// all. Immutable and safe from many threads.
///
/// References go into the schema itself and to files; nothing is fetched over the network.
/// Limits: nesting, and the steps that one validation may take (schemas can ask for exponential
/// work); a document beyond them is refused with a failure that says so.
class JsonSchema {
 public:
  static Result<JsonSchema> compile(std::string_view text);
  /// `reference` is "file://" and a path, maybe with a "#/fragment".
  static Result<JsonSchema> load(std::string_view reference);

  /// Empty if `document` fits.
  std::vector<SchemaFailure> validate(Value document, Arena& scratch) const;

  struct Program;

 private:
  explicit JsonSchema(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace tollgate
