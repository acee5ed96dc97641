#include "bloblang/functions/catalogue.h"

#include <algorithm>

namespace tollgate::bloblang {

namespace {

/// The arrays of all category files.
std::vector<std::span<const Function>> function_lists() {
  return {kGeneralFunctions, kRandomFunctions, kMessageFunctions, kEnvironmentFunctions,
          kQuantityFunctions, kFramingFunctions, kFakeFunctions};
}

std::vector<std::span<const Function>> method_lists() {
  return {kCoreMethods, kCoercionMethods, kStringMethods, kStringReplaceMethods,
          kStringEscapeMethods, kSequenceMethods, kNumberMethods, kCastMethods, kRegexpMethods,
          kTimeMethods, kTimeSpanMethods, kIterationMethods, kArrayMethods, kSortMethods,
          kObjectMethods, kMergeMethods, kJsonMethods, kEncodingMethods, kHashMethods,
          kCipherMethods, kTextParsingMethods, kSchemaMethods, kJwtMethods, kBinaryParsingMethods,
          kYamlMethods, kXmlMethods, kJsonPathMethods, kChangelogMethods,
          kNaturalTextMethods, kSecretMethods, kSchemaInferenceMethods, kGeoipMethods,
          kSqlMethods};
}

std::vector<const Function*> sorted(const std::vector<std::span<const Function>>& lists) {
  std::vector<const Function*> all;
  for (const auto& list : lists) {
    for (const Function& function : list) all.push_back(&function);
  }
  std::ranges::sort(all, {}, &Function::name);
  return all;
}

const Function* find(const std::vector<const Function*>& all, std::string_view name) {
  const auto found = std::ranges::lower_bound(all, name, {}, &Function::name);
  return found != all.end() && (*found)->name == name ? *found : nullptr;
}

}  // namespace

const std::vector<const Function*>& all_functions() {
  static const std::vector<const Function*> all = sorted(function_lists());
  return all;
}

const std::vector<const Function*>& all_methods() {
  static const std::vector<const Function*> all = sorted(method_lists());
  return all;
}

const Function* find_function(std::string_view name) { return find(all_functions(), name); }
const Function* find_method(std::string_view name) { return find(all_methods(), name); }

}  // namespace tollgate::bloblang
