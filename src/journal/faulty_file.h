#pragma once

#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "journal/file.h"

namespace tollgate {

/// A file system in memory that fails on purpose, for tests.
///
/// It keeps for each file what is in the page cache and what reached the disk. A process that dies
/// leaves the cache; a power cut leaves what was synced and, of every later write, at random all,
/// a part, or nothing, in any order. After a failed sync the writes it should have saved count as
/// clean: no later sync saves them.
class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(std::uint64_t seed) : random_(seed) {}

  // Faults ----------------------------------------------------------------------------------------

  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  /// The process dies after so many more bytes and operations: the write that crosses the limit
  /// stops there, and everything later fails until restart() or power_cut(). A byte counts one (in
  /// writes above 16 KiB, a KiB), any other change to the disk one.
  void die_after(std::uint64_t steps);
  bool dead() const;
  std::uint64_t steps() const;  ///< taken so far
  /// Each write, sync or read of a file fails with this probability.
  void fail_at_random(double writes, double syncs, double reads = 0);
  /// A write that would take all files together beyond this stops there.
  void set_capacity(std::uint64_t bytes);

  /// The process is started again: handles are void, the cache is as it was.
  void restart();
  /// The machine is started again.
  void power_cut();

  /// For tests that damage a file.
  std::string contents(const std::string& path) const;
  void set_contents(const std::string& path, std::string contents);
  std::uint64_t syncs() const;  ///< of files, that succeeded

  // FileSystem ------------------------------------------------------------------------------------

  Result<std::unique_ptr<File>> open(const std::string& path, Open how) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<> remove(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> sync_directory(const std::string& directory) override;
  Result<> make_directories(const std::string& directory) override;
  Result<std::uint64_t> free_bytes(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  class Handle;
  class Lock;
  struct Change {
    bool truncates;
    std::uint64_t offset;  // or the new size
    std::string bytes;
  };
  struct Inode {
    std::string cached, durable;
    std::vector<Change> unsynced;  // what cached has beyond durable, but for what a failed sync lost
  };
  using Entries = std::map<std::string, std::shared_ptr<Inode>>;

  static void apply(const Change& change, std::string& to);
  // All require lock_.
  bool step();               // false: the process is dead
  bool chance(double probability);
  std::uint64_t used() const;
  Result<> change(Inode& inode, Change change, const std::string& path);

  mutable std::mutex lock_;
  std::mt19937_64 random_;
  Entries entries_, durable_entries_;
  std::vector<Entries> directory_states_;  // each change since the last directory sync
  std::set<std::string> locked_;
  std::uint64_t generation_ = 0;  // handles of older ones are void
  std::uint64_t steps_ = 0, die_at_ = kNever, capacity_ = kNever, syncs_ = 0;
  double failing_writes_ = 0, failing_syncs_ = 0, failing_reads_ = 0;
};

}  // namespace tollgate
