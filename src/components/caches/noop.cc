// noop: a cache that keeps nothing.

#include <memory>

#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

struct Config {
  Node ignored = Node::map({});
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::ignored, "Has no fields.").type_name("object"),
  };
  return fields;
}

class NoopCache final : public Cache {
 public:
  Result<std::optional<std::string>> get(std::string_view) override { return std::nullopt; }
  Result<> set(std::string_view, std::string_view, Ttl) override { return {}; }
  Result<bool> add(std::string_view, std::string_view, Ttl) override { return true; }
  Result<> remove(std::string_view) override { return {}; }
};

Result<std::unique_ptr<Cache>> make(Config, BuildContext&) {
  return std::make_unique<NoopCache>();
}

}  // namespace

extern constinit const CacheType noop_cache;
constinit const CacheType noop_cache = component_type<schema, make>({
    .name = "noop",
    .summary = "Keeps nothing: every key is always new.",
});

}  // namespace tollgate
