// multilevel: several caches, the quick ones before the slow ones.

#include <memory>

#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::vector<std::string> labels;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("", &Config::labels, "The labels of the caches, the first to be asked first."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.labels.size() < 2) {
    context.error(body.position(), "expected at least two cache levels, found " +
                                       std::to_string(config.labels.size()));
  }
}

// Implementation ----------------------------------------------------------------------------------

class MultilevelCache final : public Cache {
 public:
  MultilevelCache(std::vector<std::shared_ptr<Cache>> levels, Logger logger)
      : levels_(std::move(levels)), logger_(std::move(logger)) {}

  Result<std::optional<std::string>> get(std::string_view key) override {
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      auto found = TRY(levels_[i]->get(key));
      if (!found) continue;
      for (std::size_t above = 0; above < i; ++above) {
        if (const auto set = levels_[above]->set(key, *found, std::nullopt); !set) {
          logger_.error("Unable to passively set key '{}': {}", key, set.error().message());
        }
      }
      return found;
    }
    return std::nullopt;
  }

  Result<> set(std::string_view key, std::string_view value, Ttl ttl) override {
    for (const auto& level : levels_) TRY(level->set(key, value, ttl));
    return {};
  }

  /// The last level decides, being the one that others may share.
  Result<bool> add(std::string_view key, std::string_view value, Ttl ttl) override {
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
      if (TRY(levels_[i]->get(key))) return false;
    }
    for (std::size_t i = levels_.size(); i-- > 0;) {
      if (!TRY(levels_[i]->add(key, value, ttl))) return false;
    }
    return true;
  }

  Result<> remove(std::string_view key) override {
    for (const auto& level : levels_) TRY(level->remove(key));
    return {};
  }

 private:
  const std::vector<std::shared_ptr<Cache>> levels_;
  const Logger logger_;
};

Result<std::unique_ptr<Cache>> make(Config config, BuildContext& context) {
  std::vector<std::shared_ptr<Cache>> levels;
  for (const std::string& label : config.labels) levels.push_back(TRY(context.cache(label)));
  return std::make_unique<MultilevelCache>(std::move(levels), context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const CacheType multilevel_cache;
constinit const CacheType multilevel_cache = component_type<schema, make, check>({
    .name = "multilevel",
    .summary = "Puts quick caches before slow ones.",
    .description = R"md(
Reads ask one level after another and fill those above, with their default time to live. Writes go
to all levels.
)md",
});

}  // namespace tollgate
