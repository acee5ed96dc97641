#include "component/metadata_filter.h"

#include <re2/re2.h>

#include <algorithm>

#include <fmt/format.h>

namespace tollgate {

const Schema<MetadataFilterConfig>& metadata_filter_schema() {
  using Config = MetadataFilterConfig;
  static const Schema<Config> fields{
      field("include_prefixes", &Config::include_prefixes, "Keys that begin with any of these.")
          .advanced(),
      field("include_patterns", &Config::include_patterns,
            "Keys that any of these regular expressions (RE2) matches anywhere.")
          .advanced(),
  };
  return fields;
}

Result<MetadataFilter> MetadataFilter::build(const MetadataFilterConfig& config) {
  MetadataFilter filter;
  filter.prefixes_ = config.include_prefixes;
  for (const std::string& pattern : config.include_patterns) {
    auto compiled = std::make_shared<const re2::RE2>(pattern, re2::RE2::Quiet);
    if (!compiled->ok()) {
      return invalid(fmt::format("failed to compile regexp '{}': {}", pattern, compiled->error()));
    }
    filter.patterns_.push_back(std::move(compiled));
  }
  return filter;
}

bool MetadataFilter::match(std::string_view key) const {
  return std::ranges::any_of(prefixes_, [&](const auto& p) { return key.starts_with(p); }) ||
         std::ranges::any_of(patterns_, [&](const auto& p) {
           return re2::RE2::PartialMatch(re2::StringPiece(key.data(), key.size()), *p);
         });
}

}  // namespace tollgate
