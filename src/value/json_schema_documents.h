#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "value/json_schema_program.h"

namespace tollgate {

/// A schema as JSON, with what is needed to compile it.
struct SchemaSource {
  Value json;
  std::string base;  ///< URI that its references start from, with no fragment
  std::optional<SchemaDraft> draft;  ///< of its document, if `$schema` names one we know
};

/// The documents that a schema is made of, by URI: the first one, and the files that references
/// lead to. Lives while a schema is compiled.
class SchemaDocuments {
 public:
  /// Parses the first document. `uri` is empty for a text that has none.
  Result<SchemaSource> add(std::string_view uri, std::string_view text);
  /// Loads the document that `reference` names, if need be, and finds the place in it.
  /// Requires: `reference` was resolve()d.
  Result<SchemaSource> find(const std::string& reference);

  /// `reference` as seen from `base`: an absolute URI, or a fragment of the first document.
  static std::string resolve(std::string_view base, std::string_view reference);
  /// The base of references inside `schema`, which may have an id of its own.
  static std::string base_of(Value schema, std::string_view base, Arena& arena);

  Arena& arena() { return arena_; }

 private:
  void index(Value json, const std::string& base, std::optional<SchemaDraft> draft, int depth);
  Result<std::string> read(const std::string& uri);

  Arena arena_;
  std::map<std::string, SchemaSource, std::less<>> sources_;  // whole documents and ids
};

/// The draft that `$schema` names. Error if it is no string.
Result<std::optional<SchemaDraft>> schema_draft(Value schema, Arena& arena);

}  // namespace tollgate
