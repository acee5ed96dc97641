#include "unit_tests/conditions.h"

#include <re2/re2.h>

#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "config/load.h"
#include "unit_tests/json_difference.h"
#include "unit_tests/paint.h"
#include "unit_tests/text_difference.h"
#include "value/compare.h"
#include "value/json.h"

namespace tollgate {

namespace {

using Verdict = JsonDifference::Verdict;

/// Why a condition does not hold; nothing if it does.
using Complaint = std::optional<std::string>;

std::string mismatch(std::string_view expected, std::string_view received) {
  return fmt::format("content mismatch\n  expected: {}\n  received: {}{}", blue(expected),
                     red(received), line_difference(expected, received));
}

Complaint check_json(std::string_view received, std::string_view expected, bool or_more) {
  const JsonDifference difference = compare_json(received, expected);
  if (difference.verdict == Verdict::equal) return {};
  if (or_more && difference.verdict == Verdict::superset) return {};
  std::string text = fmt::format("JSON {} mismatch\n{}", or_more ? "superset" : "content",
                                 difference.rendered);
  if (!difference.places.empty()) text += "\n" + difference.places;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// What a condition on JSON is compared with: a text is taken for a document as it is written.
std::string expected_json(const Node& node) {
  return node.is(Node::Kind::string) ? std::string(node.text()) : json_of(node);
}

Complaint check_pattern(std::string_view received, const std::string& pattern) {
  const RE2 expression(pattern, RE2::Quiet);
  if (!expression.ok()) return "no valid pattern: " + expression.error();
  if (RE2::PartialMatch(received, expression)) return {};
  return fmt::format("pattern mismatch\n   pattern: {}\n  received: {}", blue(pattern),
                     red(received));
}

Complaint check_query(const MappingText& query, Batch& batch, std::size_t index) {
  Batch alone(batch.shared_memory());
  alone.add(batch[index].copy());
  Arena scratch;
  const auto held = query.mapping->check(alone, 0, scratch);
  if (!held) return std::string(held.error().message());
  if (!*held) return "bloblang expression was false";
  return {};
}

std::string printed(Value value, Arena& arena) {
  if (value.is_text()) return std::string(value.as_text());
  std::string text;
  append_json(text, value, arena);
  return text;
}

Complaint check_metadata(const std::map<std::string, Node>& expected, const Message& message) {
  Arena arena;
  for (const auto& [key, node] : expected) {
    const Value* received = message.metadata(key);
    if (received == nullptr) return fmt::format("metadata key '{}' expected but not found", key);
    const Value wanted = value_of(node, arena);
    if (values_equal(wanted, *received, arena)) continue;
    return fmt::format("metadata key '{}' mismatch\n  expected: {}\n  received: {}", key,
                       blue(printed(wanted, arena)), red(printed(*received, arena)));
  }
  return {};
}

}  // namespace

std::vector<std::string> check_conditions(const ServiceConfig::TestConditions& conditions,
                                          Batch& batch, std::size_t index,
                                          const std::string& folder) {
  std::vector<std::string> complaints;
  const auto report = [&](std::string_view name, Complaint complaint) {
    if (complaint) complaints.push_back(fmt::format("{}: {}", name, *complaint));
  };
  const std::string_view received = batch[index].bytes();
  const auto with_file = [&](std::string_view name, const std::optional<std::string>& path,
                             std::string_view kind, auto&& check) {
    if (!path) return;
    const auto text =
        read_text_file((std::filesystem::path(folder) / *path).lexically_normal().string());
    if (text) {
      report(name, check(*text));
    } else {
      report(name, fmt::format("failed to read comparison {}file: {}", kind,
                               text.error().message()));
    }
  };
  if (conditions.bloblang) report("bloblang", check_query(*conditions.bloblang, batch, index));
  if (conditions.content_equals && *conditions.content_equals != received) {
    report("content_equals", mismatch(*conditions.content_equals, received));
  }
  if (conditions.content_matches) {
    report("content_matches", check_pattern(received, *conditions.content_matches));
  }
  with_file("file_equals", conditions.file_equals, "", [&](const std::string& text) {
    return text == received ? Complaint() : mismatch(text, received);
  });
  with_file("file_json_contains", conditions.file_json_contains, "JSON ",
            [&](const std::string& text) { return check_json(received, text, true); });
  with_file("file_json_equals", conditions.file_json_equals, "JSON ",
            [&](const std::string& text) { return check_json(received, text, false); });
  if (conditions.json_contains) {
    report("json_contains", check_json(received, expected_json(*conditions.json_contains), true));
  }
  if (conditions.json_equals) {
    report("json_equals", check_json(received, expected_json(*conditions.json_equals), false));
  }
  if (conditions.metadata_equals) {
    report("metadata_equals", check_metadata(*conditions.metadata_equals, batch[index]));
  }
  return complaints;
}

Value value_of(const Node& node, Arena& arena) {
  return deep_copy(parse_json(arena.copy(print_json(node)), arena), arena);
}

std::string json_of(const Node& node) {
  Arena arena;
  std::string text;
  append_json(text, value_of(node, arena), arena, {.escape_html = true});
  return text;
}

}  // namespace tollgate
