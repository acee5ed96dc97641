#include "sandbox/meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/load.h"
#include "config/schema.h"

namespace tollgate {

namespace {

struct MeterFile {
  std::vector<Meter> meters;
};

const Schema<Meter>& meter_schema() {
  static const Schema<Meter> schema = {
      required("slug", &Meter::slug, "The name in addresses: lower-case letters, digits and `_`."),
      field("description", &Meter::description, "For people."),
      required("eventType", &Meter::event_type, "The `type` of the events to meter."),
      field("aggregation", &Meter::aggregation, "How values become one.")
          .options({"COUNT", "SUM", "MIN", "MAX", "AVG", "UNIQUE_COUNT", "LATEST"}),
      field("valueProperty", &Meter::value_property,
            "A JSON path into `data`, such as `$.duration_ms`; needed unless the aggregation is "
            "`COUNT`."),
      field("groupBy", &Meter::group_by, "Names of groups and their JSON paths into `data`."),
      field("windowSize", &Meter::window_size, "The usual window of queries.")
          .options({"MINUTE", "HOUR", "DAY", "MONTH"}),
  };
  return schema;
}

const Schema<MeterFile>& meter_file_schema() {
  static const Schema<MeterFile> schema = {
      sections("meters", &MeterFile::meters, meter_schema(), "What to meter."),
  };
  return schema;
}

bool is_slug(std::string_view slug) {
  return !slug.empty() && std::ranges::all_of(slug, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string upper_case(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

/// What the schema can't say.
void check(Meter& meter, const Node& node, ReadContext& context) {
  meter.aggregation = upper_case(meter.aggregation);
  meter.window_size = upper_case(meter.window_size);
  if (!meter.slug.empty() && !is_slug(meter.slug)) {
    context.error(node["slug"].position(),
                  fmt::format("slug '{}': expected lower-case letters, digits and '_'", meter.slug));
  }
  const bool counts = meter.aggregation == "COUNT";
  if (!counts && meter.value_property.empty()) {
    context.error(node.position(),
                  fmt::format("meter {}: {} needs a valueProperty", meter.slug, meter.aggregation));
  }
  if (counts && !meter.value_property.empty()) {
    context.error(node["valueProperty"].position(),
                  fmt::format("meter {}: COUNT takes no valueProperty", meter.slug));
  } else if (!counts && !meter.value_property.empty()) {
    if (const auto path = event_path(meter.value_property); !path) {
      context.error(node["valueProperty"].position(), std::string(path.error().message()));
    }
  }
  for (const auto& [name, text] : meter.group_by) {
    const Position where = node["groupBy"][name].position();
    if (name == "subject") context.error(where, "groupBy: every meter has 'subject' already");
    if (const auto path = event_path(text); !path) {
      context.error(where, std::string(path.error().message()));
    }
  }
}

}  // namespace

const std::string* Meter::group_path(std::string_view name) const {
  const auto found = std::ranges::find(group_by, name, [](const auto& each) { return each.first; });
  return found == group_by.end() ? nullptr : &found->second;
}

std::vector<Meter> default_meters() {
  Meter calls;
  calls.slug = "api_calls";
  calls.description = "API calls";
  calls.event_type = "api-calls";
  calls.group_by = {{"method", "$.method"}, {"path", "$.path"}, {"region", "$.region"},
                    {"zone", "$.zone"}};
  Meter duration = calls;
  duration.slug = "api_duration_ms";
  duration.description = "API call time, ms";
  duration.aggregation = "SUM";
  duration.value_property = "$.duration_ms";
  return {calls, duration};
}

Result<std::vector<Meter>> load_meters(const std::string& path) {
  return parse_meters(path, TRY(read_text_file(path)));
}

Result<std::vector<Meter>> parse_meters(const std::string& path, std::string_view text) {
  const auto root = read_yaml(text);
  if (!root) return invalid(lint_line(path, {root.error().where, root.error().message}));
  ReadContext context(nullptr);
  MeterFile file = read(meter_file_schema(), *root, context);
  const auto& nodes = (*root)["meters"].items();
  std::set<std::string> slugs;
  for (std::size_t i = 0; i < file.meters.size() && i < nodes.size(); ++i) {
    check(file.meters[i], nodes[i], context);
    if (!slugs.insert(file.meters[i].slug).second) {
      context.error(nodes[i].position(),
                    fmt::format("slug '{}' stands for another meter already", file.meters[i].slug));
    }
  }
  if (file.meters.empty() && context.lints().empty()) context.error({1, 1}, "meters: none given");
  std::string mistakes;
  for (const Lint& lint : context.lints()) {
    if (!mistakes.empty()) mistakes += '\n';
    mistakes += lint_line(path, lint);
  }
  if (!mistakes.empty()) return invalid(std::move(mistakes));
  return std::move(file.meters);
}

Result<std::string> event_path(std::string_view path) {
  const auto wrong = [&] {
    return invalid(fmt::format(
        "'{}' is not a JSON path the sandbox knows: write $.name, $['any name'] or $.list[0]",
        path));
  };
  if (!path.starts_with('$') || path.size() < 3) return wrong();
  std::string out = "$.\"data\"";
  std::string_view rest = path.substr(1);
  while (!rest.empty()) {
    std::string_view name;
    if (rest.starts_with("['") || rest.starts_with("[\"")) {
      const auto end = rest.find(std::string{rest[1], ']'}, 2);
      if (end == std::string_view::npos) return wrong();
      name = rest.substr(2, end - 2);
      rest.remove_prefix(end + 2);
    } else if (rest.starts_with('[')) {
      const auto end = rest.find_first_not_of("0123456789", 1);
      if (end == std::string_view::npos || end == 1 || end > 8 || rest[end] != ']') return wrong();
      out += rest.substr(0, end + 1);
      rest.remove_prefix(end + 1);
      continue;
    } else if (rest.starts_with('.')) {
      name = rest.substr(1, rest.find_first_of(".[", 1) - 1);
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    } else {
      return wrong();
    }
    if (name.empty() || name.find_first_of("\"\\") != std::string_view::npos) return wrong();
    out.append(".\"").append(name).append("\"");
  }
  return out;
}

}  // namespace tollgate
