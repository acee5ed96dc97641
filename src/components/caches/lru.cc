// lru: a bounded map in this process that forgets what was not used for long.

#include <cmath>
#include <map>
#include <memory>
#include <mutex>

#include "component/build_context.h"
#include "component/resource.h"
#include "components/caches/lru_map.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::int64_t cap = 1000;
  std::map<std::string, std::string> init_values;
  std::string algorithm = "standard";
  double recent_ratio = 0.25;
  double ghost_ratio = 0.5;
  bool optimistic = false;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("cap", &Config::cap, "Items held at most."),
      field("init_values", &Config::init_values, "Items that are there from the start."),
      field("algorithm", &Config::algorithm, "What decides which item is forgotten.")
          .options({"arc", "standard", "two_queues"})
          .advanced(),
      field("two_queues_recent_ratio", &Config::recent_ratio,
            "The part of the room for items used once, with `two_queues`.")
          .advanced(),
      field("two_queues_ghost_ratio", &Config::ghost_ratio,
            "How many forgotten keys are remembered, as a part of the room, with `two_queues`.")
          .advanced(),
      field("optimistic", &Config::optimistic, "Accepted and without effect: adding is atomic.")
          .advanced(),
  };
  return fields;
}

// Policies ----------------------------------------------------------------------------------------

/// Decides what a full cache forgets. One thread at a time.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual const std::string* get(std::string_view key) = 0;
  virtual void put(std::string_view key, std::string value) = 0;
  virtual bool contains(std::string_view key) const = 0;
  virtual void remove(std::string_view key) = 0;
};

class Standard final : public Policy {
 public:
  explicit Standard(std::size_t cap) : cap_(cap) {}
  const std::string* get(std::string_view key) override { return items_.touch(key); }
  void put(std::string_view key, std::string value) override {
    items_.put(key, std::move(value));
    if (items_.size() > cap_) items_.pop_oldest();
  }
  bool contains(std::string_view key) const override { return items_.contains(key); }
  void remove(std::string_view key) override { items_.remove(key); }

 private:
  const std::size_t cap_;
  LruMap<std::string> items_;
};

struct Nothing {};

/// Items used once and items used often are apart, so that many new keys do not drive out the
/// latter; keys that were forgotten lately count as used often when they come again.
class TwoQueues final : public Policy {
 public:
  TwoQueues(std::size_t cap, double recent_ratio, double ghost_ratio)
      : cap_(cap),
        recent_cap_(static_cast<std::size_t>(static_cast<double>(cap) * recent_ratio)),
        ghost_cap_(static_cast<std::size_t>(static_cast<double>(cap) * ghost_ratio)) {}

  const std::string* get(std::string_view key) override {
    if (const std::string* found = often_.touch(key)) return found;
    std::string* found = once_.peek(key);
    if (!found) return nullptr;
    std::string value = std::move(*found);
    once_.remove(key);
    often_.put(key, std::move(value));
    return often_.peek(key);
  }

  void put(std::string_view key, std::string value) override {
    if (often_.contains(key)) return often_.put(key, std::move(value));
    if (once_.remove(key)) return often_.put(key, std::move(value));
    if (ghosts_.remove(key)) {
      make_room(true);
      return often_.put(key, std::move(value));
    }
    make_room(false);
    once_.put(key, std::move(value));
  }

  bool contains(std::string_view key) const override {
    return often_.contains(key) || once_.contains(key);
  }

  void remove(std::string_view key) override {
    if (!often_.remove(key) && !once_.remove(key)) ghosts_.remove(key);
  }

 private:
  void make_room(bool for_ghost) {
    if (once_.size() + often_.size() < cap_) return;
    const bool from_once = !once_.empty() && (once_.size() > recent_cap_ ||
                                              (once_.size() == recent_cap_ && !for_ghost) ||
                                              often_.empty());
    if (!from_once) {
      often_.pop_oldest();
      return;
    }
    ghosts_.put(once_.pop_oldest().first, {});
    if (ghosts_.size() > ghost_cap_) ghosts_.pop_oldest();
  }

  const std::size_t cap_, recent_cap_, ghost_cap_;
  LruMap<std::string> once_, often_;
  LruMap<Nothing> ghosts_;
};

/// As TwoQueues, with the part of the room that each has moving to where forgotten keys come back.
class Adaptive final : public Policy {
 public:
  explicit Adaptive(std::size_t cap) : cap_(cap) {}

  const std::string* get(std::string_view key) override {
    if (std::string* found = once_.peek(key)) {
      std::string value = std::move(*found);
      once_.remove(key);
      often_.put(key, std::move(value));
    }
    return often_.touch(key);
  }

  void put(std::string_view key, std::string value) override {
    if (once_.remove(key) || often_.contains(key)) return often_.put(key, std::move(value));
    const auto ratio = [](std::size_t a, std::size_t b) { return b > 0 && a > b ? a / b : 1; };
    if (once_ghosts_.contains(key)) {
      once_room_ = std::min(cap_, once_room_ + ratio(often_ghosts_.size(), once_ghosts_.size()));
      make_room(false);
      once_ghosts_.remove(key);
      return often_.put(key, std::move(value));
    }
    if (often_ghosts_.contains(key)) {
      const std::size_t less = ratio(once_ghosts_.size(), often_ghosts_.size());
      once_room_ -= std::min(once_room_, less);
      make_room(true);
      often_ghosts_.remove(key);
      return often_.put(key, std::move(value));
    }
    make_room(false);
    if (once_ghosts_.size() > cap_ - once_room_) once_ghosts_.pop_oldest();
    if (often_ghosts_.size() > once_room_) often_ghosts_.pop_oldest();
    once_.put(key, std::move(value));
  }

  bool contains(std::string_view key) const override {
    return often_.contains(key) || once_.contains(key);
  }

  void remove(std::string_view key) override {
    if (once_.remove(key) || often_.remove(key) || once_ghosts_.remove(key)) return;
    often_ghosts_.remove(key);
  }

 private:
  void make_room(bool often_ghost_hit) {
    if (once_.size() + often_.size() < cap_) return;
    const bool from_once = !once_.empty() && (once_.size() > once_room_ ||
                                              (once_.size() == once_room_ && often_ghost_hit) ||
                                              often_.empty());
    if (from_once) once_ghosts_.put(once_.pop_oldest().first, {});
    else often_ghosts_.put(often_.pop_oldest().first, {});
  }

  const std::size_t cap_;
  std::size_t once_room_ = 0;
  LruMap<std::string> once_, often_;
  LruMap<Nothing> once_ghosts_, often_ghosts_;
};

// Implementation ----------------------------------------------------------------------------------

class LruCache final : public Cache {
 public:
  explicit LruCache(std::unique_ptr<Policy> policy) : policy_(std::move(policy)) {}

  Result<std::optional<std::string>> get(std::string_view key) override {
    std::lock_guard lock(lock_);
    const std::string* found = policy_->get(key);
    return found ? std::optional(*found) : std::nullopt;
  }

  Result<> set(std::string_view key, std::string_view value, Ttl) override {
    std::lock_guard lock(lock_);
    policy_->put(key, std::string(value));
    return {};
  }

  Result<bool> add(std::string_view key, std::string_view value, Ttl) override {
    std::lock_guard lock(lock_);
    if (policy_->contains(key)) return false;
    policy_->put(key, std::string(value));
    return true;
  }

  Result<> remove(std::string_view key) override {
    std::lock_guard lock(lock_);
    policy_->remove(key);
    return {};
  }

 private:
  std::mutex lock_;
  const std::unique_ptr<Policy> policy_;  // guarded by lock_
};

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.cap <= 0) {
    context.error(body["cap"].position(),
                  "invalid lru cache parameter capacity: must be bigger than 0");
  }
  const auto is_ratio = [](double ratio) { return ratio >= 0 && ratio <= 1; };
  if (!is_ratio(config.recent_ratio)) {
    context.error(body["two_queues_recent_ratio"].position(), "invalid recent ratio");
  }
  if (!is_ratio(config.ghost_ratio)) {
    context.error(body["two_queues_ghost_ratio"].position(), "invalid ghost ratio");
  }
}

Result<std::unique_ptr<Cache>> make(Config config, BuildContext&) {
  const auto cap = static_cast<std::size_t>(config.cap);
  std::unique_ptr<Policy> policy;
  if (config.algorithm == "arc") {
    policy = std::make_unique<Adaptive>(cap);
  } else if (config.algorithm == "two_queues") {
    policy = std::make_unique<TwoQueues>(cap, config.recent_ratio, config.ghost_ratio);
  } else {
    policy = std::make_unique<Standard>(cap);
  }
  for (const auto& [key, value] : config.init_values) policy->put(key, value);
  return std::make_unique<LruCache>(std::move(policy));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const CacheType lru_cache;
constinit const CacheType lru_cache = component_type<schema, make, check>({
    .name = "lru",
    .summary = "Keeps a bounded number of items in memory and forgets those unused for longest.",
    .description = R"md(
Items have no time to live. `two_queues` and `arc` keep items that are used often better than
`standard` when many keys come by once.
)md",
});

}  // namespace tollgate
