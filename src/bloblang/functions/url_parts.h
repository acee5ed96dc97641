#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate::bloblang {

/// A URL taken apart as Go's net/url does; what is escaped is unescaped, except in the raw_ fields,
/// which are empty where escaping again gives the same.
struct UrlParts {
  std::string scheme, opaque, host, path, raw_path, raw_query, fragment, raw_fragment;
  std::optional<std::string> user, password;

  /// Error: `parse "a b:c": first path segment in URL cannot contain colon`.
  static Result<UrlParts> parse(std::string_view url);
};

}  // namespace tollgate::bloblang
