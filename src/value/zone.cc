#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include "value/timestamp.h"
#include "value/tzif.h"

namespace tollgate {

namespace {

/// A zone with one offset.
class FixedZone final : public Zone {
 public:
  FixedZone(std::int32_t seconds, std::string name) : name_(std::move(name)), seconds_(seconds) {}

  Offset at(std::int64_t) const override { return {seconds_, name_, false}; }
  std::string_view name() const override { return name_; }
  std::optional<std::int32_t> find_offset(std::string_view abbreviation,
                                          std::int64_t) const override {
    return abbreviation == name_ ? std::optional(seconds_) : std::nullopt;
  }

 private:
  const std::string name_;
  const std::int32_t seconds_;
};

/// A zone of the tz database.
class DatabaseZone final : public Zone {
 public:
  DatabaseZone(TzFile file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  Offset at(std::int64_t unix_seconds) const override { return file_.at(unix_seconds); }
  std::string_view name() const override { return name_; }
  std::optional<std::int32_t> find_offset(std::string_view abbreviation,
                                          std::int64_t local_seconds) const override {
    return file_.find_offset(abbreviation, local_seconds);
  }

 private:
  const TzFile file_;
  const std::string name_;
};

constexpr std::size_t max_named_zones = 1 << 16;
constexpr std::size_t max_file = 1 << 20;  // bytes

std::optional<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) return std::nullopt;
  std::string content(max_file, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file.get()));
  if (std::ferror(file.get())) return std::nullopt;  // a directory, for one
  return content;
}

std::optional<TzFile> load_file(const std::string& path) {
  const auto content = read_file(path);
  return content ? TzFile::parse(*content) : std::nullopt;
}

/// Names go into a path: nothing absolute, no way up, no NUL.
bool is_safe_name(std::string_view name) {
  return !name.empty() && name.size() < 256 && name.front() != '/' && name.front() != '\\' &&
         name.find("..") == name.npos && name.find('\0') == name.npos;
}

std::optional<TzFile> load_named(std::string_view name) {
  if (!is_safe_name(name)) return std::nullopt;
  static constexpr std::array<std::string_view, 4> folders{
      "/usr/share/zoneinfo/", "/usr/share/lib/zoneinfo/", "/usr/lib/locale/TZ/", "/etc/zoneinfo/"};
  if (const char* const given = std::getenv("ZONEINFO"); given && *given) {
    if (auto file = load_file(std::string(given).append("/").append(name))) return file;
  }
  for (const auto folder : folders) {
    if (auto file = load_file(std::string(folder).append(name))) return file;
  }
  return std::nullopt;
}

const Zone* make_local() {
  const char* const setting = std::getenv("TZ");
  if (!setting) {
    if (auto file = load_file("/etc/localtime")) return new DatabaseZone(std::move(*file), "Local");
    return Zone::utc();
  }
  std::string_view name = setting;
  if (name.starts_with(':')) name.remove_prefix(1);
  if (name.empty() || name == "UTC") return Zone::utc();
  auto file = name.starts_with('/') ? load_file(std::string(name)) : load_named(name);
  if (!file) return Zone::utc();
  return new DatabaseZone(std::move(*file), std::string(name == "/etc/localtime" ? "Local" : name));
}

/// All zones made so far. Never destroyed, since pointers to its zones may be anywhere.
struct Registry {
  std::shared_mutex mutex;
  std::map<std::string, const Zone*, std::less<>> by_name;
  std::map<std::int32_t, const Zone*> unnamed;
  std::map<std::pair<std::int32_t, std::string>, const Zone*, std::less<>> fixed;
};

Registry& registry() {
  static Registry& zones = *new Registry;
  return zones;
}

const Zone* unnamed_zone(std::int32_t seconds) {
  Registry& zones = registry();
  {
    const std::shared_lock lock(zones.mutex);
    const auto found = zones.unnamed.find(seconds);
    if (found != zones.unnamed.end()) return found->second;
  }
  const std::unique_lock lock(zones.mutex);
  const Zone*& slot = zones.unnamed[seconds];
  if (!slot) slot = new FixedZone(seconds, {});
  return slot;
}

}  // namespace

const Zone* Zone::utc() {
  static const Zone* const zone = new FixedZone(0, "UTC");
  return zone;
}

const Zone* Zone::local() {
  static const Zone* const zone = make_local();
  return zone;
}

const Zone* Zone::fixed(std::int32_t seconds, std::string_view name) {
  if (name.empty()) return unnamed_zone(seconds);
  Registry& zones = registry();
  const std::pair<std::int32_t, std::string> key(seconds, name);
  {
    const std::shared_lock lock(zones.mutex);
    const auto found = zones.fixed.find(key);
    if (found != zones.fixed.end()) return found->second;
    if (zones.fixed.size() >= max_named_zones) name = {};
  }
  if (name.empty()) return unnamed_zone(seconds);
  const std::unique_lock lock(zones.mutex);
  const Zone*& slot = zones.fixed[key];
  if (!slot) slot = new FixedZone(seconds, key.second);
  return slot;
}

const Zone* Zone::find(std::string_view name) {
  if (name.empty() || name == "UTC") return utc();
  if (name == "Local") return local();
  Registry& zones = registry();
  {
    const std::shared_lock lock(zones.mutex);
    const auto found = zones.by_name.find(name);
    if (found != zones.by_name.end()) return found->second;
  }
  auto file = load_named(name);
  if (!file) return nullptr;
  const std::unique_lock lock(zones.mutex);
  const Zone*& slot = zones.by_name[std::string(name)];
  if (!slot) slot = new DatabaseZone(std::move(*file), std::string(name));
  return slot;
}

}  // namespace tollgate
