#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bloblang/bloblang.h"
#include "config/component_kind.h"
#include "config/node.h"

namespace tollgate {

struct FieldSpec;

/// One complaint about a configuration.
struct Lint {
  enum class Level : unsigned char { error, warning };
  Position where;
  std::string message;
  Level level = Level::error;
};

/// Reads the child components that a config contains; component/ implements it.
class ComponentLinter {
 public:
  virtual ~ComponentLinter() = default;
  virtual void lint(ComponentKind kind, const Node& node, class ReadContext& context) = 0;
};

/// Carried through the reading of a configuration: collects every complaint with its place.
class ReadContext {
 public:
  explicit ReadContext(ComponentLinter* components) : components_(components) {}

  void error(Position where, std::string message);
  void warning(Position where, std::string message);
  const std::vector<Lint>& lints() const { return lints_; }
  bool has_errors() const { return error_count() > 0; }
  std::size_t error_count() const;

  // For schema.h ----------------------------------------------------------------------------------

  bool expect_map(const Node& node);   ///< complains and returns false if it is something else
  bool expect_list(const Node& node);
  bool expect_scalar(const Node& node, std::string_view type);
  void unknown_key(const std::string& key, Position where, const std::vector<FieldSpec>& known);
  void missing_key(const FieldSpec& spec, const Node& in);  ///< complains if it is required
  /// Checks options, deprecation and null; false if the value must not be read.
  bool check(const FieldSpec& spec, const Node& value);
  void lint_child(ComponentKind kind, const Node& node);

  /// Names the key being read while it lives, for messages.
  class Scope {
   public:
    Scope(ReadContext& context, std::string_view key);
    ~Scope();
    Scope(const Scope&) = delete;

   private:
    ReadContext& context_;
  };
  Scope enter(const FieldSpec& spec, Position where);
  Scope enter_key(std::string_view key) { return Scope(*this, key); }
  Scope enter_item(std::size_t index);

  /// Checks a `label`: its letters, and that it is the only one in the configuration.
  void check_label(const Node& label);
  /// "root.output.drop_on": the keys being read, joined.
  std::string path() const;

  /// The file as written, its variables not replaced; for warnings that quote it.
  std::string_view source() const { return source_; }
  void set_source(std::string text) { source_ = std::move(text); }

  bool strict_errors = false;      ///< the configuration sets error_handling.strict
  bool report_deprecated = false;  ///< `lint --deprecated`
  bool require_labels = false;     ///< `lint --labels`
  bool unknown_keys_are_warnings = false;
  /// For the mappings in this file. Lint checks them without evaluating what needs the environment.
  CompileOptions compile_options() const {
    return {.import_directory = import_directory, .checking_only = checking_only};
  }
  std::string import_directory;
  bool checking_only = false;

 private:
  ComponentLinter* components_;
  std::vector<Lint> lints_;
  std::vector<std::string> keys_;
  std::string source_;
  std::map<std::string, int, std::less<>> label_lines_;
};

/// Of `names`, the one the user most likely meant by `written`; "" if none is near.
std::string_view nearest_name(std::string_view written, const std::vector<std::string_view>& names);

}  // namespace tollgate
