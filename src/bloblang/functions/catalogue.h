#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "bloblang/program/function.h"

/// Every function and method of the mapping language. A new category file adds its array here and
/// in the lists of catalogue.cc; see program/function.h for what an entry is.
namespace tollgate::bloblang {

// One constinit array a file.
extern const std::span<const Function> kGeneralFunctions;      // general.cc
extern const std::span<const Function> kRandomFunctions;       // random.cc
extern const std::span<const Function> kMessageFunctions;      // message_info.cc
extern const std::span<const Function> kEnvironmentFunctions;  // environment.cc
extern const std::span<const Function> kQuantityFunctions;     // quantity.cc
extern const std::span<const Function> kFramingFunctions;      // framing.cc
extern const std::span<const Function> kFakeFunctions;         // fake.cc
extern const std::span<const Function> kCoreMethods;           // core_methods.cc
extern const std::span<const Function> kCoercionMethods;       // coercion.cc
extern const std::span<const Function> kStringMethods;         // strings.cc
extern const std::span<const Function> kStringReplaceMethods;  // strings_replace.cc
extern const std::span<const Function> kStringEscapeMethods;   // strings_escape.cc
extern const std::span<const Function> kSequenceMethods;       // sequences.cc
extern const std::span<const Function> kNumberMethods;         // numbers.cc
extern const std::span<const Function> kCastMethods;           // numbers_cast.cc
extern const std::span<const Function> kRegexpMethods;         // regexp.cc
extern const std::span<const Function> kTimeMethods;           // time.cc
extern const std::span<const Function> kTimeSpanMethods;       // time_spans.cc
extern const std::span<const Function> kIterationMethods;      // iteration.cc
extern const std::span<const Function> kArrayMethods;          // arrays.cc
extern const std::span<const Function> kSortMethods;           // sorting.cc
extern const std::span<const Function> kObjectMethods;         // objects.cc
extern const std::span<const Function> kMergeMethods;          // merging.cc
extern const std::span<const Function> kJsonMethods;           // parsing_json.cc
extern const std::span<const Function> kEncodingMethods;       // encoding.cc
extern const std::span<const Function> kHashMethods;           // hashing.cc
extern const std::span<const Function> kCipherMethods;         // ciphers.cc
extern const std::span<const Function> kTextParsingMethods;    // parsing_text.cc
extern const std::span<const Function> kSchemaMethods;         // schema_check.cc
extern const std::span<const Function> kJwtMethods;            // jwt.cc
extern const std::span<const Function> kBinaryParsingMethods;  // parsing_binary.cc
extern const std::span<const Function> kYamlMethods;           // yaml_text.cc
extern const std::span<const Function> kXmlMethods;            // xml_text.cc
extern const std::span<const Function> kJsonPathMethods;       // json_path.cc
extern const std::span<const Function> kChangelogMethods;      // changelog.cc
extern const std::span<const Function> kNaturalTextMethods;    // strings_natural.cc
extern const std::span<const Function> kSecretMethods;         // secrets.cc
extern const std::span<const Function> kSchemaInferenceMethods;  // schema_infer.cc
extern const std::span<const Function> kGeoipMethods;          // geoip.cc
extern const std::span<const Function> kSqlMethods;            // sql.cc

const Function* find_function(std::string_view name);
const Function* find_method(std::string_view name);

/// All of them, by name.
const std::vector<const Function*>& all_functions();
const std::vector<const Function*>& all_methods();

}  // namespace tollgate::bloblang
