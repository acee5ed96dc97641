// ttlru: a bounded map in this process whose items live for a time.

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "component/build_context.h"
#include "component/resource.h"
#include "components/caches/lru_map.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::int64_t cap = 1024;
  Duration default_ttl = "5m0s";
  std::optional<Duration> ttl;
  std::map<std::string, std::string> init_values;
  bool optimistic = false;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("cap", &Config::cap, "Items held at most."),
      field("default_ttl", &Config::default_ttl, "How long every item lives."),
      field("ttl", &Config::ttl, "The older name of `default_ttl`.").advanced(),
      field("init_values", &Config::init_values, "Items that are there from the start."),
      field("optimistic", &Config::optimistic, "Accepted and without effect: adding is atomic.")
          .advanced(),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class TtlruCache final : public Cache {
 public:
  TtlruCache(std::size_t cap, std::chrono::nanoseconds ttl) : cap_(cap), ttl_(ttl) {}

  Result<std::optional<std::string>> get(std::string_view key) override {
    std::lock_guard lock(lock_);
    if (!alive(key)) return std::nullopt;
    return items_.touch(key)->value;
  }

  Result<> set(std::string_view key, std::string_view value, Ttl) override {
    std::lock_guard lock(lock_);
    put(key, value);
    return {};
  }

  Result<bool> add(std::string_view key, std::string_view value, Ttl) override {
    std::lock_guard lock(lock_);
    if (alive(key)) return false;
    put(key, value);
    return true;
  }

  Result<> remove(std::string_view key) override {
    std::lock_guard lock(lock_);
    items_.remove(key);
    return {};
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Item {
    std::string value;
    Clock::time_point expires;
  };

  bool alive(std::string_view key) {
    const Item* item = items_.peek(key);
    if (!item) return false;
    if (item->expires > Clock::now()) return true;
    items_.remove(key);
    return false;
  }

  void put(std::string_view key, std::string_view value) {
    items_.put(key, {std::string(value), Clock::now() + ttl_});
    if (items_.size() > cap_) items_.pop_oldest();
  }

  const std::size_t cap_;
  const std::chrono::nanoseconds ttl_;
  std::mutex lock_;
  LruMap<Item> items_;  // guarded by lock_
};

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.cap <= 0) {
    context.error(body["cap"].position(),
                  "invalid ttlru cache parameter capacity: must be bigger than 0");
  }
  const Duration& ttl = config.ttl.value_or(config.default_ttl);
  if (ttl.value.count() <= 0) {
    context.error(body[config.ttl ? "ttl" : "default_ttl"].position(),
                  "invalid ttlru cache parameter default_ttl: must be bigger than 0s");
  }
}

Result<std::unique_ptr<Cache>> make(Config config, BuildContext& context) {
  if (config.ttl) {
    context.logger().warn("field \"ttl\" is deprecated, please use \"default_ttl\"");
  }
  // A century is as good as for ever, and no sum of times overflows.
  const auto ttl = std::min<std::chrono::nanoseconds>(
      config.ttl.value_or(config.default_ttl).value, std::chrono::hours(24 * 36525));
  auto cache = std::make_unique<TtlruCache>(static_cast<std::size_t>(config.cap), ttl);
  for (const auto& [key, value] : config.init_values) TRY(cache->set(key, value, std::nullopt));
  return cache;
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const CacheType ttlru_cache;
constinit const CacheType ttlru_cache = component_type<schema, make, check>({
    .name = "ttlru",
    .summary = "Keeps a bounded number of items in memory for a time.",
    .description = R"md(
All items live equally long. When there is no room the one unused for longest is forgotten.
)md",
});

}  // namespace tollgate
