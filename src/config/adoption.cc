#include "config/adoption.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace tollgate {

namespace {

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    if (lines.back().ends_with('\r')) lines.back().pop_back();
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return lines;
}

// The lines of the block-style entry whose key stands at `where`, shifted to begin at column 1.
std::optional<std::vector<std::string>> cut_entry(const std::vector<std::string>& lines,
                                                  const Node::Entry& entry) {
  const auto first = static_cast<std::size_t>(entry.position.line) - 1;
  const auto margin = static_cast<std::size_t>(entry.position.column) - 1;
  if (entry.position.line < 1 || first >= lines.size() || lines[first].size() < margin ||
      !std::string_view(lines[first]).substr(margin).starts_with(entry.key) ||
      lines[first].substr(0, margin).find_first_not_of(" -") != std::string::npos) {
    return std::nullopt;
  }
  std::vector<std::string> cut{lines[first].substr(margin)};
  for (std::size_t at = first + 1; at < lines.size(); ++at) {
    const std::size_t indent = lines[at].find_first_not_of(' ');
    if (indent != std::string::npos && indent <= margin) break;
    cut.push_back(indent == std::string::npos ? "" : lines[at].substr(margin));
  }
  while (cut.back().empty()) cut.pop_back();
  return cut;
}

// Without values: what could be cut from the file shows nothing that is not written there.
std::vector<std::string> sketch(const Node::Entry& entry) {
  std::vector<std::string> lines{entry.key + ":"};
  for (const auto& inner : entry.value.entries()) lines.push_back("  " + inner.key + ": …");
  return lines;
}

}  // namespace

std::string adoption_warning(const ComponentSpec& wrapper, const Node& component,
                             const Node::Entry& child, std::string_view source) {
  const std::vector<std::string> file = split_lines(source);
  const auto own = std::ranges::find(component.entries(), wrapper.name, &Node::Entry::key);
  std::vector<std::string> block{fmt::format("{}:", wrapper.name)};
  std::size_t indent = 2;
  auto inner = cut_entry(file, child);
  if (own != component.entries().end() && !own->value.entries().empty()) {
    auto outer = inner ? cut_entry(file, *own) : std::nullopt;
    const bool cut = outer && outer->size() > 1;
    if (!cut) inner.reset();
    block = cut ? *std::move(outer) : sketch(*own);
    const auto& first = own->value.entries().front().position;
    if (cut && first.column > own->position.column) {
      indent = static_cast<std::size_t>(first.column - own->position.column);
    }
  }
  const std::vector<std::string> moved = inner ? *std::move(inner) : sketch(child);
  for (const std::string& line : moved) {
    block.push_back(line.empty() ? line : std::string(indent, ' ') + line);
  }
  std::string text = fmt::format(
      "field {0} stands beside {1} (line {2}) but belongs inside it, and is taken as if it were "
      "written there:",
      child.key, wrapper.name, own == component.entries().end() ? component.position().line
                                                                : own->position.line);
  for (const std::string& line : block) text += line.empty() ? "\n" : "\n    " + line;
  return text;
}

}  // namespace tollgate
