#include "config/component_docs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/create.h"

namespace tollgate {

namespace {

using Shape = FieldSpec::Shape;

struct Row {
  std::string path;  // "batching.processors[]"
  const FieldSpec* spec;
};

void collect(const std::vector<FieldSpec>& specs, const std::string& prefix,
             std::vector<Row>& rows) {
  for (const FieldSpec& spec : specs) {
    const std::string path = prefix + spec.key;
    rows.push_back({path, &spec});
    constexpr std::string_view suffixes[]{"", "[]", ".<name>", "[][]"};
    collect(spec.children, path + std::string(suffixes[static_cast<int>(spec.shape)]) + ".", rows);
  }
}

std::string type_of(const FieldSpec& spec) {
  constexpr std::string_view suffixes[]{"", "[]", "{}", "[][]"};
  return spec.type + std::string(suffixes[static_cast<int>(spec.shape)]);
}

std::string default_of(const FieldSpec& spec) {
  if (spec.default_value) return fmt::format("`{}`", print_json(spec.default_value));
  if (spec.is_required()) return "required";
  return spec.children.empty() ? "unset" : "";
}

// A cell must not end before its time, nor its row.
std::string in_cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

std::vector<std::string> remarks(const FieldSpec& spec) {
  std::vector<std::string> found;
  if (spec.advanced) found.emplace_back("advanced");
  if (spec.deprecated) found.emplace_back("deprecated");
  if (spec.secret) found.emplace_back("secret");
  if (spec.interpolated) found.emplace_back("may hold `${! }` queries");
  if (spec.bloblang) found.emplace_back("a mapping");
  return found;
}

void append_details(std::string& out, const Row& row) {
  const FieldSpec& spec = *row.spec;
  out += fmt::format("### `{}`\n\n", row.path);
  if (!spec.help.empty()) out += spec.help + "\n\n";
  out += fmt::format("Type: `{}`", type_of(spec));
  if (const std::string value = default_of(spec); !value.empty()) {
    out += value.starts_with('`') ? "; default: " + value : "; " + value;
  }
  for (const std::string& remark : remarks(spec)) out += "; " + remark;
  out += ".\n\n";
  if (!spec.options.empty()) {
    out += fmt::format("{}: `{}`.\n\n", spec.open_options ? "For example" : "One of",
                       fmt::join(spec.options, "`, `"));
  }
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of('\n');
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of('\n') + 1 - begin);
}

}  // namespace

std::string field_reference(const std::vector<FieldSpec>& fields) {
  std::vector<Row> rows;
  collect(fields, "", rows);
  std::string out = "| Field | Type | Default | |\n|---|---|---|---|\n";
  for (const Row& row : rows) {
    out += fmt::format("| `{}` | `{}` | {} | {} |\n", row.path, type_of(*row.spec),
                       in_cell(default_of(*row.spec)),
                       in_cell(fmt::format("{}", fmt::join(remarks(*row.spec), ", "))));
  }
  out += '\n';
  for (const Row& row : rows) append_details(out, row);
  return out;
}

std::string component_page(const ComponentSpec& spec) {
  std::string out = fmt::format("# {} ({})\n\n", spec.name, kind_name(spec.kind));
  if (!spec.summary.empty()) out += fmt::format("{}\n\n", spec.summary);
  out += fmt::format("Status: {}.", spec.status);
  if (!spec.categories.empty()) out += fmt::format(" Categories: {}.", spec.categories);
  out += "\n\n";
  if (const auto text = trimmed(spec.description); !text.empty()) {
    out += fmt::format("{}\n\n", text);
  }
  out += fmt::format("```yaml\n{}```\n\n", print_yaml(sample_component(spec, true)));
  if (spec.examples != nullptr) {
    out += "## Examples\n\n";
    for (const ComponentExample& example : spec.examples()) {
      out += fmt::format("### {}\n\n", example.title);
      if (!example.summary.empty()) out += example.summary + "\n\n";
      out += fmt::format("```yaml\n{}\n```\n\n", trimmed(example.yaml));
    }
  }
  const std::vector<FieldSpec> fields = spec.fields();
  if (!spec.body_is_field && !fields.empty()) {
    out += "## Fields\n\n" + field_reference(fields);
  } else if (spec.body_is_field) {
    FieldSpec body = fields.front();
    if (body.key.empty()) body.key = spec.name;
    out += "## Body\n\n" + field_reference({body});
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace tollgate
