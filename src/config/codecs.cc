#include "config/codecs.h"

#include <cmath>

#include <fmt/format.h>

#include "config/yaml_scalar.h"
#include "value/duration.h"

namespace tollgate {

namespace {

// What a string field makes of any scalar: its text as written, nothing of a null.
std::string scalar_text(const Node& node) {
  return node.is(Node::Kind::null) ? std::string() : std::string(node.text());
}

void wrong_type(const Node& node, std::string_view type, ReadContext& context) {
  if (!context.expect_scalar(node, type)) return;
  context.error(node.position(), fmt::format("expected {} value, got {} `{}`", type, node.tag(),
                                             node.text().substr(0, 80)));
}

// A lint is one line: what stands at the place may be cut off where it goes on.
std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  while (line.ends_with(' ') || line.ends_with(':')) line.pop_back();
  return line;
}

void report(const ParseError& problem, const Node& node, ReadContext& context) {
  const std::string text =
      first_line(problem.text_with_found.empty() ? problem.text : problem.text_with_found);
  if (problem.file.empty()) {
    context.error(node.position_in_text(problem.line, problem.column), text);
  } else {
    // A mistake in an imported file has no place in this one.
    context.error(node.position(),
                  fmt::format("{}({},{}) {}", problem.file, problem.line, problem.column, text));
  }
}

// Something that looks like an environment variable without its braces reaches nobody as its value.
void warn_of_bare_variable(const Node& node, ReadContext& context) {
  const std::string_view text = node.text();
  for (std::size_t at = text.find('$'); at != text.npos; at = text.find('$', at + 1)) {
    std::size_t end = at + 1;
    while (end < text.size() && (text[end] == '_' || (text[end] >= 'A' && text[end] <= 'Z') ||
                                 (end > at + 1 && text[end] >= '0' && text[end] <= '9'))) {
      ++end;
    }
    const std::string_view name = text.substr(at + 1, end - at - 1);
    const bool ends = end == text.size() || !std::isalnum(static_cast<unsigned char>(text[end]));
    if (name.size() < 3 || !ends || (at > 0 && text[at - 1] == '$')) continue;
    context.warning(node.position(),
                    fmt::format("${0} is sent literally; write ${{{0}}} for the variable", name));
  }
}

}  // namespace

void Codec<std::string>::read(const Node& node, std::string& out, ReadContext& context) {
  if (!context.expect_scalar(node, "string")) return;
  warn_of_bare_variable(node, context);
  out = scalar_text(node);
}

void Codec<bool>::read(const Node& node, bool& out, ReadContext& context) {
  if (node.is(Node::Kind::null)) {
    out = false;
  } else if (const auto truth = node.is_scalar() ? parse_yaml_boolean(node.text()) : std::nullopt) {
    out = *truth;
  } else {
    wrong_type(node, "bool", context);
  }
}

void Codec<double>::read(const Node& node, double& out, ReadContext& context) {
  const bool numeric = node.is(Node::Kind::integer) || node.is(Node::Kind::number);
  if (node.is(Node::Kind::null)) {
    out = 0;
  } else if (const auto number = numeric ? parse_yaml_number(node.text()) : std::nullopt) {
    out = *number;
  } else {
    wrong_type(node, "float", context);
  }
}

std::optional<std::int64_t> read_integer(const Node& node, std::int64_t least, std::int64_t most,
                                         ReadContext& context) {
  if (node.is(Node::Kind::null)) return 0;
  std::optional<std::int64_t> number;
  if (node.is(Node::Kind::integer)) number = parse_yaml_integer(node.text());
  if (node.is(Node::Kind::number)) {
    const auto real = parse_yaml_number(node.text());
    if (real && std::abs(*real) < 9.2e18) number = static_cast<std::int64_t>(*real);
  }
  if (!number) {
    wrong_type(node, "int", context);
  } else if (*number < least || *number > most) {
    context.error(node.position(),
                  fmt::format("{} is out of range: {} to {}", *number, least, most));
    return std::nullopt;
  }
  return number;
}

void Codec<Duration>::read(const Node& node, Duration& out, ReadContext& context) {
  if (!context.expect_scalar(node, "string")) return;
  std::string text = scalar_text(node);
  const auto value = text.empty() ? Result<std::int64_t>(0) : parse_duration(text);
  if (!value) return context.error(node.position(), std::string(value.error().message()));
  out.text = std::move(text);
  out.value = std::chrono::nanoseconds(*value);
}

void Codec<MappingText>::read(const Node& node, MappingText& out, ReadContext& context) {
  if (!context.expect_scalar(node, "string")) return;
  out.text = scalar_text(node);
  out.mapping = nullptr;
  if (out.text.empty()) return;
  auto compiled = Mapping::compile(out.text, context.compile_options());
  if (!compiled) return report(compiled.error(), node, context);
  out.mapping = std::make_shared<const Mapping>(std::move(*compiled));
}

void Codec<InterpolatedText>::read(const Node& node, InterpolatedText& out, ReadContext& context) {
  if (!context.expect_scalar(node, "string")) return;
  warn_of_bare_variable(node, context);
  std::string text = scalar_text(node);
  auto compiled = Interpolated::compile(text, context.compile_options());
  if (!compiled) return report(compiled.error(), node, context);
  out.text = std::move(text);
  out.value = std::move(*compiled);
}

}  // namespace tollgate
