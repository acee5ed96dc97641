#include "journal/faulty_file.h"

#include <algorithm>
#include <cstring>

namespace tollgate {
namespace {

std::unexpected<Error> broken(std::string_view reason, const std::string& path) {
  return transient(path + ": " + std::string(reason));
}
constexpr std::string_view kDead = "the process is dead";
constexpr std::string_view kIo = "Input/output error";
constexpr std::string_view kFull = "No space left on device";

}  // namespace

class FaultyFileSystem::Handle final : public File {
 public:
  Handle(FaultyFileSystem& system, std::string path, std::shared_ptr<Inode> inode)
      : system_(system),
        path_(std::move(path)),
        inode_(std::move(inode)),
        generation_(system.generation_) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size) const override {
    std::lock_guard lock(system_.lock_);
    if (is_void()) return broken(kDead, path_);
    if (system_.chance(system_.failing_reads_)) return broken(kIo, path_);
    const std::string& cached = inode_->cached;
    if (offset >= cached.size()) return std::size_t{0};
    const auto count = std::min<std::size_t>(size, cached.size() - offset);
    std::memcpy(out, cached.data() + offset, count);
    return count;
  }

  Result<> write_at(std::uint64_t offset, std::span<const std::string_view> parts) override {
    std::lock_guard lock(system_.lock_);
    if (is_void()) return broken(kDead, path_);
    std::string bytes;
    for (const auto part : parts) bytes += part;
    return system_.change(*inode_, {false, offset, std::move(bytes)}, path_);
  }

  Result<> truncate(std::uint64_t size) override {
    std::lock_guard lock(system_.lock_);
    if (is_void() || !system_.step()) return broken(kDead, path_);
    if (system_.chance(system_.failing_writes_)) return broken(kIo, path_);
    const Change change{true, size, {}};
    apply(change, inode_->cached);
    inode_->unsynced.push_back(change);
    return {};
  }

  Result<> sync() override {
    std::lock_guard lock(system_.lock_);
    if (is_void() || !system_.step()) return broken(kDead, path_);
    if (system_.chance(system_.failing_syncs_)) {
      for (const Change& change : inode_->unsynced) {
        if (system_.chance(0.5)) apply(change, inode_->durable);
      }
      inode_->unsynced.clear();
      return broken(kIo, path_);
    }
    for (const Change& change : inode_->unsynced) apply(change, inode_->durable);
    inode_->unsynced.clear();
    ++system_.syncs_;
    return {};
  }

  Result<std::uint64_t> size() const override {
    std::lock_guard lock(system_.lock_);
    if (is_void()) return broken(kDead, path_);
    return inode_->cached.size();
  }

 private:
  bool is_void() const {
    return generation_ != system_.generation_ || system_.steps_ >= system_.die_at_;
  }

  FaultyFileSystem& system_;
  const std::string path_;
  const std::shared_ptr<Inode> inode_;
  const std::uint64_t generation_;
};

class FaultyFileSystem::Lock final : public FileLock {
 public:
  Lock(FaultyFileSystem& system, std::string path)
      : system_(system), path_(std::move(path)), generation_(system.generation_) {}
  ~Lock() override {
    std::lock_guard lock(system_.lock_);
    if (generation_ == system_.generation_) system_.locked_.erase(path_);
  }

 private:
  FaultyFileSystem& system_;
  const std::string path_;
  const std::uint64_t generation_;
};

// Faults ------------------------------------------------------------------------------------------

void FaultyFileSystem::die_after(std::uint64_t steps) {
  std::lock_guard lock(lock_);
  die_at_ = steps == kNever ? kNever : steps_ + steps;
}

bool FaultyFileSystem::dead() const {
  std::lock_guard lock(lock_);
  return steps_ >= die_at_;
}

std::uint64_t FaultyFileSystem::steps() const {
  std::lock_guard lock(lock_);
  return steps_;
}

void FaultyFileSystem::fail_at_random(double writes, double syncs, double reads) {
  std::lock_guard lock(lock_);
  failing_writes_ = writes;
  failing_syncs_ = syncs;
  failing_reads_ = reads;
}

void FaultyFileSystem::set_capacity(std::uint64_t bytes) {
  std::lock_guard lock(lock_);
  capacity_ = bytes;
}

void FaultyFileSystem::restart() {
  std::lock_guard lock(lock_);
  ++generation_;
  die_at_ = kNever;
  locked_.clear();
}

void FaultyFileSystem::power_cut() {
  std::lock_guard lock(lock_);
  ++generation_;
  die_at_ = kNever;
  locked_.clear();
  // A journalling file system keeps the order of directory changes, not how many it saved.
  if (!directory_states_.empty()) {
    const auto kept = random_() % (directory_states_.size() + 1);
    if (kept > 0) durable_entries_ = directory_states_[kept - 1];
    directory_states_.clear();
  }
  entries_ = durable_entries_;
  for (auto& [path, inode] : entries_) {
    std::ranges::shuffle(inode->unsynced, random_);
    for (Change& change : inode->unsynced) {
      switch (random_() % 3) {
        case 0: continue;
        case 1: break;
        default:
          if (!change.bytes.empty()) change.bytes.resize(random_() % change.bytes.size());
      }
      apply(change, inode->durable);
    }
    inode->unsynced.clear();
    inode->cached = inode->durable;
  }
}

std::string FaultyFileSystem::contents(const std::string& path) const {
  std::lock_guard lock(lock_);
  const auto found = entries_.find(path);
  return found == entries_.end() ? "" : found->second->cached;
}

void FaultyFileSystem::set_contents(const std::string& path, std::string contents) {
  std::lock_guard lock(lock_);
  auto& inode = entries_[path];
  if (!inode) inode = std::make_shared<Inode>();
  inode->cached = inode->durable = std::move(contents);
  inode->unsynced.clear();
  durable_entries_[path] = inode;
}

std::uint64_t FaultyFileSystem::syncs() const {
  std::lock_guard lock(lock_);
  return syncs_;
}

void FaultyFileSystem::apply(const Change& change, std::string& to) {
  if (change.truncates) {
    to.resize(change.offset);
    return;
  }
  const auto end = change.offset + change.bytes.size();
  if (to.size() < end) to.resize(end);
  to.replace(change.offset, change.bytes.size(), change.bytes);
}

bool FaultyFileSystem::step() {
  if (steps_ >= die_at_) return false;
  return ++steps_ < die_at_ || die_at_ == kNever;
}

bool FaultyFileSystem::chance(double probability) {
  return probability > 0 && std::uniform_real_distribution<>(0, 1)(random_) < probability;
}

std::uint64_t FaultyFileSystem::used() const {
  std::uint64_t total = 0;
  for (const auto& [path, inode] : entries_) total += inode->cached.size();
  return total;
}

Result<> FaultyFileSystem::change(Inode& inode, Change change, const std::string& path) {
  if (steps_ >= die_at_) return broken(kDead, path);
  std::string_view trouble;
  const auto stop_after = [&](std::uint64_t most, std::string_view reason) {
    if (change.bytes.size() <= most) return;
    change.bytes.resize(most);
    trouble = reason;
  };
  if (chance(failing_writes_)) stop_after(random_() % (change.bytes.size() + 1), kIo);
  const auto end = change.offset + change.bytes.size();
  const auto grows = end > inode.cached.size() ? end - inode.cached.size() : 0;
  const auto room = capacity_ == kNever ? kNever : capacity_ - std::min(capacity_, used());
  if (grows > room) stop_after(change.bytes.size() - (grows - room), kFull);
  const std::uint64_t unit = change.bytes.size() > (16u << 10) ? 1024 : 1;
  if (die_at_ != kNever) stop_after((die_at_ - steps_) * unit, kDead);
  steps_ += (change.bytes.size() + unit - 1) / unit;
  if (trouble.empty() && steps_ >= die_at_) trouble = kDead;
  apply(change, inode.cached);
  inode.unsynced.push_back(std::move(change));
  if (!trouble.empty()) return broken(trouble, path);
  return {};
}

// FileSystem --------------------------------------------------------------------------------------

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, Open how) {
  std::lock_guard lock(lock_);
  if (steps_ >= die_at_) return broken(kDead, path);
  auto found = entries_.find(path);
  if (how == Open::create) {
    if (found != entries_.end()) return broken("File exists", path);
    if (!step()) return broken(kDead, path);
    if (chance(failing_writes_)) return broken(kIo, path);
    found = entries_.emplace(path, std::make_shared<Inode>()).first;
    directory_states_.push_back(entries_);
  } else if (found == entries_.end()) {
    return broken("No such file or directory", path);
  }
  return std::make_unique<Handle>(*this, path, found->second);
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& directory) {
  std::lock_guard lock(lock_);
  if (steps_ >= die_at_) return broken(kDead, directory);
  std::vector<std::string> names;
  const std::string prefix = directory + "/";
  for (const auto& [path, inode] : entries_) {
    if (path.starts_with(prefix)) names.push_back(path.substr(prefix.size()));
  }
  return names;
}

Result<> FaultyFileSystem::remove(const std::string& path) {
  std::lock_guard lock(lock_);
  if (!step()) return broken(kDead, path);
  if (chance(failing_writes_)) return broken(kIo, path);
  if (entries_.erase(path) == 0) return broken("No such file or directory", path);
  directory_states_.push_back(entries_);
  return {};
}

Result<> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(lock_);
  if (!step()) return broken(kDead, from);
  if (chance(failing_writes_)) return broken(kIo, from);
  const auto found = entries_.find(from);
  if (found == entries_.end()) return broken("No such file or directory", from);
  auto inode = found->second;
  entries_.erase(found);
  entries_[to] = std::move(inode);
  directory_states_.push_back(entries_);
  return {};
}

Result<> FaultyFileSystem::sync_directory(const std::string& directory) {
  std::lock_guard lock(lock_);
  if (!step()) return broken(kDead, directory);
  if (chance(failing_syncs_)) return broken(kIo, directory);
  durable_entries_ = entries_;
  directory_states_.clear();
  return {};
}

Result<> FaultyFileSystem::make_directories(const std::string&) { return {}; }

Result<std::uint64_t> FaultyFileSystem::free_bytes(const std::string&) {
  std::lock_guard lock(lock_);
  return capacity_ == kNever ? kNever : capacity_ - std::min(capacity_, used());
}

Result<std::unique_ptr<FileLock>> FaultyFileSystem::lock(const std::string& path) {
  std::lock_guard lock(lock_);
  if (steps_ >= die_at_) return broken(kDead, path);
  if (!locked_.insert(path).second) return broken("another process uses it", path);
  return std::make_unique<Lock>(*this, path);
}

}  // namespace tollgate
