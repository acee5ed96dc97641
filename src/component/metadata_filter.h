#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/schema.h"

namespace re2 {
class RE2;
}

namespace tollgate {

/// The `include_prefixes` / `include_patterns` group.
struct MetadataFilterConfig {
  std::vector<std::string> include_prefixes;
  std::vector<std::string> include_patterns;
};
const Schema<MetadataFilterConfig>& metadata_filter_schema();

/// Which keys to take: those with any of the prefixes or matching any of the patterns. Without
/// either it takes none. Immutable, copies share the compiled patterns.
class MetadataFilter {
 public:
  MetadataFilter() = default;
  static Result<MetadataFilter> build(const MetadataFilterConfig& config);

  bool empty() const { return prefixes_.empty() && patterns_.empty(); }
  bool match(std::string_view key) const;

 private:
  std::vector<std::string> prefixes_;
  std::vector<std::shared_ptr<const re2::RE2>> patterns_;
};

}  // namespace tollgate
