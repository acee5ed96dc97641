#include "net/http_routes.h"

#include <re2/re2.h>

#include <algorithm>
#include <mutex>

namespace tollgate {
namespace {

/// Where the brace that opens at `from` closes; npos when it does not.
std::size_t closing_brace(std::string_view text, std::size_t from) {
  int depth = 0;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return std::string_view::npos;
}

struct Pattern {
  std::string regexp;
  std::vector<std::string> names;
};

Result<Pattern> translate(std::string_view path) {
  Pattern pattern;
  std::size_t from = 0;
  while (from < path.size()) {
    auto open = std::min(path.find('{', from), path.size());
    pattern.regexp += RE2::QuoteMeta({path.data() + from, open - from});
    if (open == path.size()) break;
    auto close = closing_brace(path, open);
    if (close == std::string_view::npos) {
      return invalid("path \"" + std::string(path) + "\" has unbalanced braces");
    }
    auto inside = path.substr(open + 1, close - open - 1);
    auto colon = std::min(inside.find(':'), inside.size());
    auto expression = colon == inside.size() ? std::string_view("[^/]+") : inside.substr(colon + 1);
    if (colon == 0 || expression.empty()) {
      return invalid("path \"" + std::string(path) + "\" has a capture without a name or pattern");
    }
    pattern.names.emplace_back(inside.substr(0, colon));
    pattern.regexp.append("(").append(expression).append(")");
    from = close + 1;
  }
  if (path.ends_with('/')) pattern.regexp += ".*";
  return pattern;
}

}  // namespace

struct HttpRoutes::Entry {
  std::string path;
  std::shared_ptr<const HttpRoute> route;
  std::shared_ptr<const RE2> regexp;  ///< null for a literal path
  std::vector<std::string> names;
};

HttpRoutes::HttpRoutes() = default;
HttpRoutes::~HttpRoutes() = default;

Result<> HttpRoutes::set(std::string_view path, HttpRoute route) {
  if (!path.starts_with('/')) {
    return invalid("path \"" + std::string(path) + "\" must start with a '/'");
  }
  Entry entry{std::string(path), std::make_shared<const HttpRoute>(std::move(route)), nullptr, {}};
  if (path.find('{') != std::string_view::npos || path.ends_with('/')) {
    auto pattern = TRY(translate(path));
    RE2::Options options;
    options.set_log_errors(false);
    auto compiled = std::make_shared<const RE2>(pattern.regexp, options);
    auto groups = static_cast<std::size_t>(std::max(compiled->NumberOfCapturingGroups(), 0));
    if (!compiled->ok() || groups != pattern.names.size()) {
      return invalid("path \"" + std::string(path) + "\": " +
                     (compiled->ok() ? "its patterns may not hold groups of their own, use (?:...)"
                                     : compiled->error()));
    }
    entry.regexp = std::move(compiled);
    entry.names = std::move(pattern.names);
  }
  std::unique_lock lock(mutex_);
  auto same = [&](const Entry& other) { return other.path == path; };
  auto found = std::find_if(entries_.begin(), entries_.end(), same);
  if (found == entries_.end()) {
    entries_.push_back(std::move(entry));
  } else {
    *found = std::move(entry);
  }
  return {};
}

void HttpRoutes::remove(std::string_view path) {
  std::unique_lock lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.path == path; });
}

std::vector<std::string> HttpRoutes::paths() const {
  std::shared_lock lock(mutex_);
  std::vector<std::string> found;
  for (const auto& entry : entries_) found.push_back(entry.path);
  return found;
}

std::shared_ptr<const HttpRoute> HttpRoutes::find(std::string_view path, Captures& captures) const {
  std::shared_lock lock(mutex_);
  for (const auto& entry : entries_) {
    if (entry.path == path && entry.names.empty()) return entry.route;
  }
  for (const auto& entry : entries_) {
    if (!entry.regexp) continue;
    auto count = entry.names.size() + 1;
    std::vector<re2::StringPiece> groups(count);
    if (!entry.regexp->Match({path.data(), path.size()}, 0, path.size(), RE2::ANCHOR_BOTH,
                             groups.data(), static_cast<int>(count))) {
      continue;
    }
    for (std::size_t i = 1; i < count; ++i) {
      captures.emplace_back(entry.names[i - 1], std::string(groups[i].data(), groups[i].size()));
    }
    return entry.route;
  }
  return nullptr;
}

}  // namespace tollgate
