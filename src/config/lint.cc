#include "config/lint.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "config/field_spec.h"
#include "config/yaml_scalar.h"

namespace tollgate {

namespace {

struct KindNames {
  ComponentKind kind;
  std::string_view name;
  std::string_view plural;
};

constexpr std::array kind_names{
    KindNames{ComponentKind::input, "input", "inputs"},
    KindNames{ComponentKind::buffer, "buffer", "buffers"},
    KindNames{ComponentKind::processor, "processor", "processors"},
    KindNames{ComponentKind::output, "output", "outputs"},
    KindNames{ComponentKind::cache, "cache", "caches"},
    KindNames{ComponentKind::rate_limit, "rate_limit", "rate-limits"},
    KindNames{ComponentKind::metrics, "metrics", "metrics"},
    KindNames{ComponentKind::tracer, "tracer", "tracers"},
    KindNames{ComponentKind::scanner, "scanner", "scanners"},
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                             cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

bool is_label(std::string_view text) {
  if (text.starts_with('_') || text.starts_with('-')) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

std::string_view kind_name(ComponentKind kind) {
  return kind_names[static_cast<std::size_t>(kind)].name;
}

std::string_view plural_name(ComponentKind kind) {
  return kind_names[static_cast<std::size_t>(kind)].plural;
}

std::optional<ComponentKind> component_kind(std::string_view type) {
  const auto found = std::ranges::find(kind_names, type, &KindNames::name);
  return found == kind_names.end() ? std::nullopt : std::optional(found->kind);
}

std::string_view nearest_name(std::string_view written,
                              const std::vector<std::string_view>& names) {
  // Longer words are not meant for a hint, and the comparison is quadratic.
  if (written.empty() || written.size() > 64) return "";
  const std::string wanted = lower(written);
  std::string_view best;
  std::size_t least = std::max<std::size_t>(1, written.size() / 3) + 1;
  for (const std::string_view name : names) {
    if (name.size() > 64) continue;
    if (const std::size_t distance = edit_distance(wanted, lower(name)); distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

void ReadContext::error(Position where, std::string message) {
  lints_.push_back({where, std::move(message), Lint::Level::error});
}

void ReadContext::warning(Position where, std::string message) {
  lints_.push_back({where, std::move(message), Lint::Level::warning});
}

std::size_t ReadContext::error_count() const {
  return static_cast<std::size_t>(std::ranges::count(lints_, Lint::Level::error, &Lint::level));
}

bool ReadContext::expect_map(const Node& node) {
  if (node.is(Node::Kind::map)) return true;
  error(node.position(), fmt::format("expected object value, got {}", node.tag()));
  return false;
}

bool ReadContext::expect_list(const Node& node) {
  if (node.is(Node::Kind::list)) return true;
  error(node.position(), "expected array value");
  return false;
}

bool ReadContext::expect_scalar(const Node& node, std::string_view type) {
  if (node.is_scalar()) return true;
  error(node.position(), fmt::format("expected {} value", type));
  return false;
}

void ReadContext::unknown_key(const std::string& key, Position where,
                              const std::vector<FieldSpec>& known) {
  std::vector<std::string_view> names;
  for (const FieldSpec& spec : known) names.push_back(spec.key);
  const std::string_view nearest = nearest_name(key, names);
  std::string message = nearest.empty() ? fmt::format("field {} not recognised", key)
                                        : fmt::format("field {} not recognised, did you mean {}?",
                                                      key, nearest);
  if (unknown_keys_are_warnings) return warning(where, std::move(message));
  error(where, std::move(message));
}

void ReadContext::missing_key(const FieldSpec& spec, const Node& in) {
  if (spec.is_required()) error(in.position(), fmt::format("field {} is required", spec.key));
}

bool ReadContext::check(const FieldSpec& spec, const Node& value) {
  if (report_deprecated && spec.deprecated) {
    error(value.position(), fmt::format("field {} is deprecated", spec.key));
  }
  // The body of a component without fields.
  if (spec.type == "object" && spec.shape == FieldSpec::Shape::scalar && spec.children.empty() &&
      spec.key.empty() && !expect_map(value)) {
    return false;
  }
  if (spec.options.empty() || spec.open_options) return true;
  const auto check_one = [&](const Node& node) {
    if (!node.is_scalar()) return true;
    const std::string written = lower(node.text());
    if (std::ranges::any_of(spec.options, [&](const auto& o) { return lower(o) == written; })) {
      return true;
    }
    const std::vector<std::string_view> names(spec.options.begin(), spec.options.end());
    const std::string_view nearest = nearest_name(written, names);
    error(node.position(),
          fmt::format("value {} is not a valid option for this field{}",
                      node.is(Node::Kind::null) ? "" : node.text(),
                      nearest.empty() ? "" : fmt::format(", did you mean {}?", nearest)));
    return false;
  };
  bool good = true;
  if (spec.shape == FieldSpec::Shape::scalar) return check_one(value);
  for (const Node& item : value.items()) good = check_one(item) && good;
  for (const auto& entry : value.entries()) good = check_one(entry.value) && good;
  return good;
}

void ReadContext::lint_child(ComponentKind kind, const Node& node) {
  if (components_ != nullptr) components_->lint(kind, node, *this);
}

ReadContext::Scope::Scope(ReadContext& context, std::string_view key) : context_(context) {
  context_.keys_.emplace_back(key);
}
ReadContext::Scope::~Scope() { context_.keys_.pop_back(); }

ReadContext::Scope ReadContext::enter(const FieldSpec& spec, Position) {
  return Scope(*this, spec.key);
}
ReadContext::Scope ReadContext::enter_item(std::size_t index) {
  return Scope(*this, std::to_string(index));
}

std::string ReadContext::path() const {
  std::string joined;
  for (const std::string& key : keys_) {
    if (!joined.empty()) joined += '.';
    joined += key;
  }
  return joined;
}

void ReadContext::check_label(const Node& label) {
  if (!expect_scalar(label, "string")) return;
  if (label.is(Node::Kind::null) || label.text().empty()) return;
  const int line = label.position().line;
  if (!is_label(label.text())) {
    error(label.position(),
          fmt::format("invalid label '{}': should match the regular expression "
                      "/^[a-z0-9_\\-]+$/ and must not start with an underscore",
                      label.text()));
    return;
  }
  const auto [known, is_new] = label_lines_.emplace(std::string(label.text()), line);
  if (!is_new) {
    error(label.position(),
          fmt::format("label '{}' collides with a previously defined label at line {}",
                      label.text(), known->second));
  }
}

}  // namespace tollgate
