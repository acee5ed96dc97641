#include "value/json_schema_documents.h"

#include <cerrno>
#include <cctype>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/strings.h"
#include "value/json.h"
#include "value/number.h"

namespace tollgate {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;
constexpr int kMaxDepth = 500;

std::pair<std::string_view, std::string_view> cut_fragment(std::string_view uri) {
  const auto hash = uri.find('#');
  if (hash == std::string_view::npos) return {uri, {}};
  return {uri.substr(0, hash), uri.substr(hash + 1)};
}

/// Length of "scheme:" at the start of `uri`; 0 if it has none.
std::size_t scheme_length(std::string_view uri) {
  for (std::size_t i = 0; i < uri.size(); ++i) {
    const auto c = static_cast<unsigned char>(uri[i]);
    if (c == ':') return i > 0 ? i + 1 : 0;
    const bool letter = std::isalpha(c) != 0;
    if (!letter && (i == 0 || !(std::isdigit(c) || c == '+' || c == '-' || c == '.'))) return 0;
  }
  return 0;
}

/// A path without "." and ".." segments; begins with '/'.
std::string clean_path(std::string_view path) {
  std::vector<std::string_view> kept;
  const auto segments = split(path, "/");
  for (const std::string_view segment : segments) {
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != "." && !segment.empty()) {
      kept.push_back(segment);
    }
  }
  std::string cleaned;
  for (const std::string_view segment : kept) cleaned.append("/").append(segment);
  if (cleaned.empty() || segments.back().empty()) cleaned += '/';
  return cleaned;
}

std::string percent_decoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto hex = i + 2 < text.size() && text[i] == '%'
                         ? parse_uint(text.substr(i + 1, 2), 16)
                         : std::nullopt;
    if (hex) {
      decoded += static_cast<char>(*hex);
      i += 2;
    } else {
      decoded += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return decoded;
}

/// One step of a JSON pointer.
Result<Value> step(Value from, std::string_view token, Arena& arena) {
  const std::string key = replace_all(replace_all(token, "~1", "/"), "~0", "~");
  if (from.is(Kind::object)) {
    if (const Value* found = from.as_object().find(key, arena)) return *found;
    return invalid("Object has no key '" + key + "'");
  }
  if (from.is(Kind::array)) {
    const auto index = parse_int(key);
    if (!index) return invalid("Invalid array index '" + key + "'");
    const Array& array = from.as_array();
    if (*index < 0 || *index >= array.size) {
      return invalid("Out of bound array[0," + std::to_string(array.size) + "] index '" + key +
                     "'");
    }
    return array.items[*index];
  }
  return invalid("Invalid token reference '" + key + "'");
}

const Value* member(Value schema, std::string_view key, Arena& arena) {
  return schema.is(Kind::object) ? schema.as_object().find(key, arena) : nullptr;
}

}  // namespace

Result<std::optional<SchemaDraft>> schema_draft(Value schema, Arena& arena) {
  const Value* named = member(schema, "$schema", arena);
  if (!named) return std::nullopt;
  if (!named->is(Kind::string)) return invalid("$schema must be of type string");
  std::string_view uri = named->as_text();
  if (uri.ends_with('#')) uri.remove_suffix(1);
  if (uri == "http://json-schema.org/draft-04/schema") return SchemaDraft::draft4;
  if (uri == "http://json-schema.org/draft-06/schema") return SchemaDraft::draft6;
  if (uri == "http://json-schema.org/draft-07/schema") return SchemaDraft::draft7;
  return std::nullopt;
}

std::string SchemaDocuments::resolve(std::string_view base, std::string_view reference) {
  const auto [target, fragment] = cut_fragment(reference);
  std::string uri;
  const std::size_t scheme = scheme_length(base);
  if (target.empty()) {
    uri = base;
  } else if (scheme_length(target) > 0) {
    uri = target;
  } else if (scheme == 0) {
    uri = clean_path(target);
  } else {
    std::size_t path = scheme;
    if (base.substr(scheme).starts_with("//")) path = base.find('/', scheme + 2);
    if (path == std::string_view::npos) path = base.size();
    const std::string_view folder = base.substr(path, base.rfind('/') + 1 - path);
    uri = base.substr(0, path);
    uri += target.starts_with('/') ? clean_path(target)
                                   : clean_path(std::string(folder).append(target));
  }
  if (!fragment.empty()) uri.append("#").append(fragment);
  return uri;
}

std::string SchemaDocuments::base_of(Value schema, std::string_view base, Arena& arena) {
  const Value* id = member(schema, "id", arena);
  if (!id) id = member(schema, "$id", arena);
  if (!id || !id->is(Kind::string)) return std::string(base);
  return std::string(cut_fragment(resolve(base, id->as_text())).first);
}

Result<SchemaSource> SchemaDocuments::add(std::string_view uri, std::string_view text) {
  const Value json = parse_json(arena_.copy(text), arena_, {.allow_trailing = true,
                                                            .message = true});
  if (json.is_error()) return invalid(std::string(json.as_text()));
  if (!json.is(Kind::object) && !json.is(Kind::boolean)) return invalid("schema is invalid");
  const SchemaSource source{json, std::string(uri), TRY(schema_draft(json, arena_))};
  sources_.insert_or_assign(source.base, source);
  index(json, source.base, source.draft, 0);
  return source;
}

/// Notes the ids in `json`. What is not a schema (values of `const` and `enum`) has none.
void SchemaDocuments::index(Value json, const std::string& base, std::optional<SchemaDraft> draft,
                            int depth) {
  if (depth > kMaxDepth) return;
  if (json.is(Kind::array)) {
    for (const Value item : json.as_array()) index(item, base, draft, depth + 1);
  }
  if (!json.is(Kind::object)) return;
  const Value* id = member(json, "id", arena_);
  if (!id) id = member(json, "$id", arena_);
  const std::string own_base = base_of(json, base, arena_);
  if (id && id->is(Kind::string)) {
    sources_.try_emplace(resolve(base, id->as_text()), SchemaSource{json, own_base, draft});
  }
  for (const Member& each : json.as_object().members(arena_)) {
    if (each.key == "const" || each.key == "enum") continue;
    const bool named_schemas = each.key == "properties" || each.key == "dependencies" ||
                               each.key == "patternProperties";
    if (named_schemas && each.value.is(Kind::object)) {
      for (const Member& child : each.value.as_object().members(arena_)) {
        index(child.value, own_base, draft, depth + 2);
      }
    } else {
      index(each.value, own_base, draft, depth + 1);
    }
  }
}

Result<std::string> SchemaDocuments::read(const std::string& uri) {
  if (uri.starts_with("http://") || uri.starts_with("https://")) {
    return invalid("the schema refers to " + uri +
                   ", but schemas are not fetched over the network; save it to a file and refer to "
                   "that with file://");
  }
  if (!uri.starts_with("file://")) return invalid("Reference " + uri + " must be canonical");
  const std::string path = percent_decoded(std::string_view(uri).substr(7), true);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || errno == EISDIR) {
    std::string reason = std::strerror(errno != 0 ? errno : EIO);
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
    return invalid("open " + path + ": " + reason);
  }
  if (text.view().size() > kMaxFileBytes) return invalid(path + " is too large for a schema");
  return std::move(text).str();
}

Result<SchemaSource> SchemaDocuments::find(const std::string& reference) {
  if (const auto known = sources_.find(reference); known != sources_.end()) return known->second;
  const auto [uri, fragment] = cut_fragment(reference);
  auto whole = sources_.find(uri);
  if (whole == sources_.end()) {
    if (scheme_length(uri) == 0) return invalid("Reference " + reference + " must be canonical");
    const std::string text = TRY(read(std::string(uri)));
    TRY(add(uri, text));
    whole = sources_.find(uri);
  }
  SchemaSource source = whole->second;
  source.base = base_of(source.json, source.base, arena_);
  const std::string pointer = percent_decoded(fragment, false);
  if (pointer.empty()) return source;
  if (!pointer.starts_with('/')) {
    if (const auto named = sources_.find(reference); named != sources_.end()) return named->second;
    return invalid("Invalid JSON pointer '" + pointer + "'");
  }
  for (const std::string_view token : split(std::string_view(pointer).substr(1), "/")) {
    source.json = TRY(step(source.json, token, arena_));
    source.base = base_of(source.json, source.base, arena_);
  }
  return source;
}

}  // namespace tollgate
