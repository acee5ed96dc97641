#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/component_spec.h"
#include "config/lint.h"
#include "config/schema.h"

namespace tollgate {

class BuildContext;

/// What people read about a component, and what the machinery must know of its kind.
struct ComponentInfo {
  std::string_view name;
  std::string_view status = "stable";  ///< "beta", "experimental", "deprecated"
  std::string_view categories = "";    ///< comma-separated
  std::string_view summary;            ///< one sentence
  std::string_view description = "";   ///< Markdown
  std::vector<ComponentExample> (*examples)() = nullptr;
  /// Processors: running it again on the same messages has no effect beyond the result. False for
  /// those that talk to others or remember (dedupe, cache, http, log).
  bool rerunnable = true;
  /// Processors: process() may wait for something outside; runs on a pool of its own.
  bool blocking = false;
};

/// Everything the collector knows about one component of a kind whose build gives a `Product`.
/// Constant; made by component_type() and listed in components/manifest.cc.
template <typename Product>
struct ComponentType {
  ComponentInfo info;
  std::vector<FieldSpec> (*fields)();
  void (*lint)(const Node& body, ReadContext& context);
  Result<Product> (*build)(const Node& body, BuildContext& context);
};

/// Reads a component's body. A schema of one field with the empty key reads bodies that are no map
/// (`mapping: |…`, `try: […]`, `resource: name`).
template <typename Config>
Config read_body(const Schema<Config>& schema, const Node& body, ReadContext& context) {
  if (schema.size() != 1 || !schema.front().spec.key.empty()) return read(schema, body, context);
  Config config;
  if (context.check(schema.front().spec, body)) schema.front().read(body, config, context);
  return config;
}

/// An error naming the first complaint, if `context` has one. Builds read with no child linter,
/// since the whole configuration was linted before.
Result<> no_errors(const ReadContext& context);

namespace detail {
template <typename Function>
struct MakeTraits;
template <typename Product, typename Config>
struct MakeTraits<Result<Product> (*)(Config, BuildContext&)> {
  using ProductType = Product;
  using ConfigType = Config;
};

/// Reads the body and, if each field is sound, applies the rules across fields.
template <typename Config, auto schema, auto check>
Config read_checked(const Node& body, ReadContext& context) {
  const std::size_t errors = context.error_count();
  Config config = read_body(schema(), body, context);
  if constexpr (!std::is_same_v<decltype(check), std::nullptr_t>) {
    if (context.error_count() == errors) check(config, body, context);
  }
  return config;
}
}  // namespace detail

/// Ties the parts of a one-file component together:
///   constinit const ProcessorType noop = component_type<schema, make>({.name = "noop", …});
/// `schema` is `const Schema<Config>& ()`, `make` is `Result<Product> (Config, BuildContext&)`;
/// `check`, if given, is `void (const Config&, const Node& body, ReadContext&)` for rules across
/// fields.
template <auto schema, auto make, auto check = nullptr>
constexpr auto component_type(ComponentInfo info) {
  using Traits = detail::MakeTraits<decltype(make)>;
  using Config = typename Traits::ConfigType;
  return ComponentType<typename Traits::ProductType>{
      .info = info,
      .fields = [] { return specs_of(schema()); },
      .lint = [](const Node& body, ReadContext& context) {
        detail::read_checked<Config, schema, check>(body, context);
      },
      .build = [](const Node& body,
                  BuildContext& context) -> Result<typename Traits::ProductType> {
        ReadContext reading(nullptr);
        Config config = detail::read_checked<Config, schema, check>(body, reading);
        TRY(no_errors(reading));
        return make(std::move(config), context);
      },
  };
}

}  // namespace tollgate
