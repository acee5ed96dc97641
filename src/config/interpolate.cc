#include "config/interpolate.h"

#include <re2/re2.h>

#include <cstdlib>

#include <fmt/format.h>

#include "value/encoding.h"

namespace tollgate {

namespace {

// Bytes, not characters, so that text that is no UTF-8 passes unharmed.
const RE2& reference_pattern() {
  static const RE2 pattern(
      R"(\$\{([0-9A-Za-z_.]+(?::(?:\$\{[^}]+\}|[^}])*)?(?:\|[0-9A-Za-z]+)?)\})", RE2::Latin1);
  return pattern;
}

const RE2& escape_pattern() {
  static const RE2 pattern(R"(\$\{(\{[0-9A-Za-z_.]+(?::(?:\$\{[^}]+\}|[^}])*)?\})\})", RE2::Latin1);
  return pattern;
}

// A reference without its braces, taken apart. The function follows the last bar.
struct Reference {
  std::string_view name;
  std::optional<std::string_view> fallback;
  std::string_view function;

  explicit Reference(std::string_view inner) {
    const std::size_t colon = inner.find(':');
    name = inner.substr(0, colon);
    std::string_view last = name;
    if (colon != inner.npos) last = inner.substr(colon + 1);
    if (const std::size_t bar = last.rfind('|'); bar != last.npos) {
      function = last.substr(bar + 1);
      last = last.substr(0, bar);
    }
    if (colon == inner.npos) {
      name = last;
    } else {
      fallback = last;
    }
  }
};

Result<std::string> apply(std::string_view function, std::string value) {
  if (function.empty()) return value;
  if (function != "base64decode") {
    return invalid(fmt::format("unknown env var decode function: {}", function));
  }
  auto decoded = decode_base64(value);
  if (decoded) return *std::move(decoded);
  return std::unexpected(
      std::move(decoded).error().within("failed to decode base64-encoded env var"));
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

std::optional<std::string> process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<InterpolatedConfig> replace_variables(std::string_view text, const EnvLookup& lookup) {
  InterpolatedConfig result;
  std::string problems;
  std::size_t at = 0;
  re2::StringPiece found[2];
  while (reference_pattern().Match(text, at, text.size(), RE2::UNANCHORED, found, 2)) {
    const auto begin = static_cast<std::size_t>(found[0].data() - text.data());
    result.text += text.substr(at, begin - at);
    at = begin + found[0].size();
    const Reference reference({found[1].data(), found[1].size()});
    auto value = lookup(reference.name);
    if (reference.fallback) {
      if (!value || value->empty()) value = std::string(*reference.fallback);
    } else if (!value) {
      if (result.missing.empty()) result.first_missing = begin;
      result.missing.emplace_back(reference.name);
    }
    const auto final_value = apply(reference.function, std::move(value).value_or(""));
    if (final_value) {
      append_escaped(result.text, *final_value);
    } else {
      problems += (problems.empty() ? "" : "\n") + std::string(final_value.error().message());
    }
  }
  if (!problems.empty()) return invalid(std::move(problems));
  result.text += text.substr(at);
  RE2::GlobalReplace(&result.text, escape_pattern(), R"($\1)");
  return result;
}

}  // namespace tollgate
