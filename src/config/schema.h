#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "config/codecs.h"
#include "config/field_spec.h"
#include "config/field_types.h"
#include "config/lint.h"
#include "config/node.h"

namespace tollgate {

/// One documented key of a Config struct, bound to its member. Reading, default and type come from
/// the member; flags are added by chaining: `field("key", &Config::key, "…").advanced()`.
template <typename Config>
struct Field {
  FieldSpec spec;
  std::function<void(const Node&, Config&, ReadContext&)> read;

  Field advanced() && { spec.advanced = true; return std::move(*this); }
  Field foreign() && { spec.foreign = true; return std::move(*this); }
  Field deprecated() && { spec.deprecated = true; return std::move(*this); }
  Field secret() && { spec.secret = true; return std::move(*this); }
  Field options(std::vector<std::string> allowed) && {
    spec.options = std::move(allowed);
    return std::move(*this);
  }
  /// Well-known values; others are accepted too.
  Field suggestions(std::vector<std::string> known) && {
    spec.options = std::move(known);
    spec.open_options = true;
    return std::move(*this);
  }
  /// The type that docs and lints name, where it is not the one of the C++ type.
  Field type_name(std::string_view name) && { spec.type = name; return std::move(*this); }
};

template <typename Config>
using Schema = std::vector<Field<Config>>;

/// A key whose default is the member's initialiser in Config. A std::optional member makes a key
/// that is unset by default.
template <typename Config, typename T>
Field<Config> field(std::string_view key, T Config::*member, std::string_view help) {
  Field<Config> made;
  made.spec.key = key;
  made.spec.help = help;
  made.spec.default_value = Codec<T>::print(Config{}.*member);
  Codec<T>::describe(made.spec);
  made.read = [member](const Node& node, Config& out, ReadContext& context) {
    Codec<T>::read(node, out.*member, context);
  };
  return made;
}

/// A key the user must write.
template <typename Config, typename T>
Field<Config> required(std::string_view key, T Config::*member, std::string_view help) {
  Field<Config> made = field(key, member, help);
  made.spec.default_value = {};
  made.spec.optional = false;
  return made;
}

template <typename Config>
std::vector<FieldSpec> specs_of(const Schema<Config>& schema) {
  std::vector<FieldSpec> specs;
  for (const auto& each : schema) specs.push_back(each.spec);
  return specs;
}

/// Reads the map `node` into a Config and reports every problem at once, each with its place:
/// unknown keys (with the nearest known name), missing ones, wrong types, values outside `options`.
template <typename Config>
Config read(const Schema<Config>& schema, const Node& node, ReadContext& context) {
  Config config;
  if (!context.expect_map(node)) return config;
  for (const auto& entry : node.entries()) {
    const auto known =
        std::ranges::find(schema, entry.key, [](const auto& f) { return f.spec.key; });
    if (known == schema.end()) {
      if (!entry.aliased) context.unknown_key(entry.key, entry.position, specs_of(schema));
      continue;
    }
    auto scope = context.enter(known->spec, entry.position);
    if (context.check(known->spec, entry.value)) known->read(entry.value, config, context);
  }
  for (const auto& each : schema) {
    if (!node[each.spec.key]) context.missing_key(each.spec, node);
  }
  return config;
}

/// An object-valued key: the keys of another struct's schema, kept in `member`.
template <typename Config, typename Part>
Field<Config> section(std::string_view key, Part Config::*member, const Schema<Part>& schema,
                      std::string_view help) {
  Field<Config> made;
  made.spec.key = key;
  made.spec.type = "object";
  made.spec.help = help;
  made.spec.children = specs_of(schema);
  made.spec.optional = true;
  made.read = [member, &schema](const Node& node, Config& out, ReadContext& context) {
    out.*member = tollgate::read(schema, node, context);
  };
  return made;
}

/// A key holding a list of objects.
template <typename Config, typename Part>
Field<Config> sections(std::string_view key, std::vector<Part> Config::*member,
                       const Schema<Part>& schema, std::string_view help) {
  Field<Config> made;
  made.spec.key = key;
  made.spec.type = "object";
  made.spec.shape = FieldSpec::Shape::list;
  made.spec.help = help;
  made.spec.children = specs_of(schema);
  made.spec.default_value = Node::list({});
  made.read = [member, &schema](const Node& node, Config& out, ReadContext& context) {
    if (!context.expect_list(node)) return;
    for (const Node& item : node.items()) {
      (out.*member).push_back(tollgate::read(schema, item, context));
    }
  };
  return made;
}

/// An object-valued key that may be left out altogether; the member then stays empty.
template <typename Config, typename Part>
Field<Config> section(std::string_view key, std::optional<Part> Config::*member,
                      const Schema<Part>& schema, std::string_view help) {
  Field<Config> made;
  made.spec.key = key;
  made.spec.type = "object";
  made.spec.help = help;
  made.spec.children = specs_of(schema);
  made.spec.optional = true;
  made.read = [member, &schema](const Node& node, Config& out, ReadContext& context) {
    out.*member = tollgate::read(schema, node, context);
  };
  return made;
}

/// A key holding a map of objects with names the user chooses.
template <typename Config, typename Part>
Field<Config> section_map(std::string_view key, std::map<std::string, Part> Config::*member,
                          const Schema<Part>& schema, std::string_view help) {
  Field<Config> made;
  made.spec.key = key;
  made.spec.type = "object";
  made.spec.shape = FieldSpec::Shape::map;
  made.spec.help = help;
  made.spec.children = specs_of(schema);
  made.spec.default_value = Node::map({});
  made.read = [member, &schema](const Node& node, Config& out, ReadContext& context) {
    if (!context.expect_map(node)) return;
    for (const auto& entry : node.entries()) {
      (out.*member)[entry.key] = tollgate::read(schema, entry.value, context);
    }
  };
  return made;
}

/// A key holding a list of lists of objects.
template <typename Config, typename Part>
Field<Config> section_lists(std::string_view key, std::vector<std::vector<Part>> Config::*member,
                            const Schema<Part>& schema, std::string_view help) {
  Field<Config> made;
  made.spec.key = key;
  made.spec.type = "object";
  made.spec.shape = FieldSpec::Shape::list_of_lists;
  made.spec.help = help;
  made.spec.children = specs_of(schema);
  made.spec.default_value = Node::list({});
  made.read = [member, &schema](const Node& node, Config& out, ReadContext& context) {
    if (!context.expect_list(node)) return;
    for (const Node& row : node.items()) {
      if (!context.expect_list(row)) continue;
      auto& parts = (out.*member).emplace_back();
      for (const Node& item : row.items()) {
        parts.push_back(tollgate::read(schema, item, context));
      }
    }
  };
  return made;
}

/// Keys of a shared group (HTTP client, auth) that stand beside a component's own.
template <typename Config, typename Part>
void include(Schema<Config>& schema, Part Config::*member, const Schema<Part>& part) {
  for (const auto& each : part) {
    Field<Config> made;
    made.spec = each.spec;
    made.read = [member, inner = each.read](const Node& node, Config& out, ReadContext& context) {
      inner(node, out.*member, context);
    };
    schema.push_back(std::move(made));
  }
}

}  // namespace tollgate
