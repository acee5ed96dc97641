#include "observe/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "observe/metrics.h"
#include "observe/shard_index.h"

namespace tollgate {

namespace {

constexpr int kUndisturbedTries = 64;

std::size_t index_of(Outcome outcome) { return static_cast<std::size_t>(outcome); }

}  // namespace

bool Ledger::Totals::balanced() const {
  const auto settled = std::accumulate(by_outcome.begin(), by_outcome.end(), std::uint64_t{0});
  return pending >= 0 && received == settled + static_cast<std::uint64_t>(pending);
}

void Ledger::receive(std::uint32_t records) {
  Shard& shard = enter();
  // Plain sums: only the holder of the shard writes. Release, so that who sees them sees the lock.
  shard.received.store(shard.received.load(std::memory_order_relaxed) + records,
                       std::memory_order_release);
  shard.pending.store(shard.pending.load(std::memory_order_relaxed) + records,
                      std::memory_order_release);
  leave(shard);
}

void Ledger::settle(const TransactionResult& result) {
  Shard& shard = enter();
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    auto& sum = shard.by_outcome[i];
    sum.store(sum.load(std::memory_order_relaxed) + result.count[i], std::memory_order_release);
  }
  shard.pending.store(shard.pending.load(std::memory_order_relaxed) - result.records,
                      std::memory_order_release);
  leave(shard);
}

Ledger::Shard& Ledger::enter() {
  Shard& shard = shards_[thread_number() % kShards];
  lock(shard);
  return shard;
}

void Ledger::lock(Shard& shard) {
  for (int spins = 0;; ++spins) {
    auto sequence = shard.sequence.load(std::memory_order_relaxed);
    if (sequence % 2 == 0 && shard.sequence.compare_exchange_weak(sequence, sequence + 1,
                                                                  std::memory_order_acq_rel)) {
      return;
    }
    if (spins % 64 == 63) std::this_thread::yield();
  }
}

void Ledger::leave(Shard& shard) { shard.sequence.fetch_add(1, std::memory_order_release); }

void Ledger::add(const Shard& shard, Totals& totals) {
  totals.received += shard.received.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    totals.by_outcome[i] += shard.by_outcome[i].load(std::memory_order_acquire);
  }
  totals.pending += shard.pending.load(std::memory_order_acquire);
}

/// Reads all shards without stopping writers; false if one of them wrote meanwhile.
bool Ledger::read_undisturbed(std::span<const Shard, kShards> shards, Totals& totals) {
  std::array<std::uint32_t, kShards> before;
  for (std::size_t i = 0; i < kShards; ++i) {
    before[i] = shards[i].sequence.load(std::memory_order_acquire);
    if (before[i] % 2 != 0) return false;
  }
  totals = {};
  for (const Shard& shard : shards) add(shard, totals);
  for (std::size_t i = 0; i < kShards; ++i) {
    if (shards[i].sequence.load(std::memory_order_acquire) != before[i]) return false;
  }
  return true;
}

Ledger::Totals Ledger::totals() const {
  const std::span<Shard, kShards> shards(shards_, kShards);
  Totals totals;
  for (int tries = 0; tries < kUndisturbedTries; ++tries) {
    if (read_undisturbed(shards, totals)) return totals;
  }
  // Writers are too busy: stop them all for a moment. They hold one shard each, so no deadlock;
  // readers take the shards in the same order.
  totals = {};
  for (Shard& shard : shards) lock(shard);
  for (const Shard& shard : shards) add(shard, totals);
  for (Shard& shard : shards) leave(shard);
  return totals;
}

// The file ----------------------------------------------------------------------------------------

/// Little-endian, as in memory. Zero bytes are a valid empty ledger, but for the head.
struct Ledger::File {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t shard_count;
  std::array<char, 48> reserved;
  std::array<Shard, kShards> shards;

  bool is_sound() const {
    return magic == kMagic && version == kVersion && shard_count == kShards;
  }

  static constexpr std::array<char, 8> kMagic = {'t', 'g', 'l', 'e', 'd', 'g', 'e', 'r'};
  static constexpr std::uint32_t kVersion = 1;
};

namespace {

Error trouble(const std::string& file, std::string_view what) {
  return Error(Fault::invalid, fmt::format("ledger {}: {}: {}", file, what, std::strerror(errno)));
}

/// A descriptor that is closed when it goes.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

Ledger::Ledger() = default;

Ledger::~Ledger() {
  if (file_) ::munmap(file_, sizeof(File));
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<> Ledger::keep_in(const std::string& file) {
  Descriptor opened{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (opened.number < 0) return std::unexpected(trouble(file, "open"));
  if (::flock(opened.number, LOCK_EX | LOCK_NB) != 0) {
    return invalid(fmt::format("ledger {}: another process uses it", file));
  }
  struct stat found = {};
  if (::fstat(opened.number, &found) != 0) return std::unexpected(trouble(file, "stat"));
  if (found.st_size != 0 && found.st_size != sizeof(File)) {
    return invalid(fmt::format("ledger {}: expected {} bytes, found {}; move it away to begin a new "
                               "one", file, sizeof(File), found.st_size));
  }
  // Blocks are reserved, so that a full disk is an error here and no signal later.
  if (const int error = ::posix_fallocate(opened.number, 0, sizeof(File)); error != 0) {
    errno = error;
    return std::unexpected(trouble(file, "reserve space"));
  }
  void* mapped = ::mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, opened.number, 0);
  if (mapped == MAP_FAILED) return std::unexpected(trouble(file, "map"));
  auto* ledger = static_cast<File*>(mapped);
  if (found.st_size == 0) {
    ledger->magic = File::kMagic;
    ledger->version = File::kVersion;
    ledger->shard_count = kShards;
  } else if (!ledger->is_sound()) {
    ::munmap(mapped, sizeof(File));
    return invalid(fmt::format("ledger {}: this is no ledger of version {}; move it away to begin a "
                               "new one", file, File::kVersion));
  }
  file_ = ledger;
  descriptor_ = std::exchange(opened.number, -1);
  shards_ = file_->shards.data();
  end_interrupted();
  return {};
}

void Ledger::end_interrupted() {
  Totals totals;
  for (const Shard& shard : file_->shards) add(shard, totals);
  const auto settled = std::accumulate(totals.by_outcome.begin(), totals.by_outcome.end(),
                                       std::uint64_t{0});
  // What was settled and never received stays, to be seen: the ledger does not balance.
  if (settled < totals.received) {
    totals.by_outcome[index_of(Outcome::failed)] += totals.received - settled;
  }
  for (Shard& shard : file_->shards) {
    shard.sequence = 0;  // odd where the process died inside of a change
    shard.received = 0;
    shard.pending = 0;
    for (auto& count : shard.by_outcome) count = 0;
  }
  Shard& first = file_->shards.front();
  first.received = totals.received;
  for (std::size_t i = 0; i < kOutcomes; ++i) first.by_outcome[i] = totals.by_outcome[i];
}

void Ledger::sync() {
  if (file_) ::msync(file_, sizeof(File), MS_ASYNC);
}

Result<Ledger::Totals> Ledger::read(const std::string& file) {
  const Descriptor opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (opened.number < 0) return std::unexpected(trouble(file, "open"));
  struct stat found = {};
  if (::fstat(opened.number, &found) != 0 || found.st_size != sizeof(File)) {
    return invalid(fmt::format("ledger {}: this is no ledger", file));
  }
  void* mapped = ::mmap(nullptr, sizeof(File), PROT_READ, MAP_SHARED, opened.number, 0);
  if (mapped == MAP_FAILED) return std::unexpected(trouble(file, "map"));
  const auto* ledger = static_cast<const File*>(mapped);
  Result<Totals> totals = Totals();
  if (!ledger->is_sound()) {
    totals = invalid(fmt::format("ledger {}: this is no ledger of version {}", file, File::kVersion));
  } else {
    const std::span<const Shard, kShards> shards(ledger->shards);
    for (int tries = 0; !read_undisturbed(shards, *totals); ++tries) {
      if (tries < kUndisturbedTries) continue;
      // Its process died inside of a change.
      *totals = {};
      for (const Shard& shard : shards) add(shard, *totals);
      break;
    }
  }
  ::munmap(mapped, sizeof(File));
  return totals;
}

std::string Ledger::to_json(const Totals& totals) {
  std::string text = fmt::format("{{\"received\":{}", totals.received);
  for (const auto& [outcome, name] : kOutcomeNames) {
    text += fmt::format(",\"{}\":{}", name, totals.by_outcome[index_of(outcome)]);
  }
  return text + fmt::format(",\"pending\":{},\"balanced\":{}}}", totals.pending, totals.balanced());
}

std::string Ledger::describe(const Totals& totals) {
  const auto of = [&](Outcome outcome) { return totals.by_outcome[index_of(outcome)]; };
  return fmt::format(
      "received {} {} delivered {} + dead-lettered {} + filtered {} + dropped {} + failed {} + "
      "pending {}",
      totals.received, totals.balanced() ? "=" : "!=", of(Outcome::delivered),
      of(Outcome::dead_lettered), of(Outcome::filtered), of(Outcome::dropped), of(Outcome::failed),
      totals.pending);
}

void publish_ledger(const Ledger& ledger, MetricsRegistry& registry) {
  struct Published {
    Counter& counter;
    std::uint64_t value = 0;  // what the counter was told so far
    void raise_to(std::uint64_t total) {
      counter.add_count(total - value);
      value = total;
    }
  };
  Published received{registry.counter("ledger_received")};
  std::vector<std::pair<Outcome, Published>> outcomes;
  for (const auto& [outcome, name] : kOutcomeNames) {
    outcomes.push_back({outcome, {registry.counter(fmt::format("ledger_{}", name))}});
  }
  Gauge& pending = registry.gauge("ledger_pending");
  registry.before_reading([&ledger, &pending, received, outcomes]() mutable {
    const Ledger::Totals totals = ledger.totals();
    received.raise_to(totals.received);
    for (auto& [outcome, counter] : outcomes) counter.raise_to(totals.by_outcome[index_of(outcome)]);
    pending.set(static_cast<double>(totals.pending));
  });
}

}  // namespace tollgate
