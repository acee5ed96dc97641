// memory: a map in this process, with times to live.

#include <xxhash.h>

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  Duration default_ttl = "5m";
  Duration compaction_interval = "60s";
  std::map<std::string, std::string> init_values;
  std::int64_t shards = 1;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("default_ttl", &Config::default_ttl,
            "How long items live that bring no time of their own."),
      field("compaction_interval", &Config::compaction_interval,
            "The least time between two sweeps of expired items, which happen on writes; empty: "
            "items never expire."),
      field("init_values", &Config::init_values, "Items that are there from the start, for ever."),
      field("shards", &Config::shards, "Parts with a lock of their own, for many threads.")
          .advanced(),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

using Clock = std::chrono::steady_clock;

struct Item {
  std::string value;
  Clock::time_point expires;
};

struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return XXH3_64bits(key.data(), key.size()); }
};

struct Shard {
  std::mutex lock;
  std::unordered_map<std::string, Item, KeyHash, std::equal_to<>> items;  // guarded by lock
  Clock::time_point swept = Clock::now();                                 // guarded by lock
};

/// `add` asks only whether a key is there, as users of the incumbent rely on: an expired item that
/// was not swept yet still counts.
class MemoryCache final : public Cache {
 public:
  explicit MemoryCache(const Config& config)
      : ttl_(config.default_ttl.value),
        sweep_interval_(config.compaction_interval.value),
        shards_(static_cast<std::size_t>(std::clamp<std::int64_t>(config.shards, 1, 1024))) {
    for (const auto& [key, value] : config.init_values) {
      shard(key).items.insert_or_assign(key, Item{value, Clock::time_point::max()});
    }
  }

  Result<std::optional<std::string>> get(std::string_view key) override {
    Shard& part = shard(key);
    std::lock_guard lock(part.lock);
    const auto found = part.items.find(key);
    if (found == part.items.end() || expired(found->second, Clock::now())) return std::nullopt;
    return found->second.value;
  }

  Result<> set(std::string_view key, std::string_view value, Ttl ttl) override {
    Shard& part = shard(key);
    std::lock_guard lock(part.lock);
    sweep(part);
    part.items.insert_or_assign(std::string(key), Item{std::string(value), expiry(ttl)});
    return {};
  }

  Result<bool> add(std::string_view key, std::string_view value, Ttl ttl) override {
    Shard& part = shard(key);
    std::lock_guard lock(part.lock);
    if (part.items.contains(key)) return false;
    sweep(part);
    part.items.emplace(std::string(key), Item{std::string(value), expiry(ttl)});
    return true;
  }

  Result<> remove(std::string_view key) override {
    Shard& part = shard(key);
    std::lock_guard lock(part.lock);
    sweep(part);
    if (const auto found = part.items.find(key); found != part.items.end()) part.items.erase(found);
    return {};
  }

 private:
  Shard& shard(std::string_view key) {
    return shards_.size() == 1 ? shards_[0] : shards_[KeyHash{}(key) % shards_.size()];
  }

  Clock::time_point expiry(Ttl ttl) const {
    const auto now = Clock::now();
    const auto life = ttl.value_or(ttl_);
    return life > Clock::time_point::max() - now ? Clock::time_point::max() : now + life;
  }

  bool expired(const Item& item, Clock::time_point now) const {
    return sweep_interval_.count() != 0 && item.expires < now;
  }

  void sweep(Shard& part) const {
    const auto now = Clock::now();
    if (sweep_interval_.count() == 0 || now - part.swept < sweep_interval_) return;
    std::erase_if(part.items, [&](const auto& entry) { return expired(entry.second, now); });
    part.swept = now;
  }

  const std::chrono::nanoseconds ttl_;
  const std::chrono::nanoseconds sweep_interval_;
  std::vector<Shard> shards_;
};

Result<std::unique_ptr<Cache>> make(Config config, BuildContext&) {
  return std::make_unique<MemoryCache>(config);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const CacheType memory_cache;
constinit const CacheType memory_cache = component_type<schema, make>({
    .name = "memory",
    .summary = "Keeps items in memory until their time is up.",
    .description = R"md(
Expired items are not read any more, but are removed, and their keys free for `add` again, only by a
sweep: after `compaction_interval`, with the next write.
)md",
});

}  // namespace tollgate
