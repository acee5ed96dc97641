// journal: keeps batches in a journal on disk, acknowledging them once they are synced.
//
// Three threads: the commit queue's writes and syncs; one reads what is synced and hands it on,
// failed parts again after a wait; one remembers what is settled and removes what is done with.
// A batch is read back from the disk (from the system's cache, mostly) also when it was written a
// moment ago: memory stays bounded and every delivery was verified.

#include <fmt/format.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "component/build_context.h"
#include "component/intake_tools.h"
#include "component/resource.h"
#include "journal/batch_codec.h"
#include "journal/commit_queue.h"
#include "journal/journal.h"
#include "net/backoff.h"

namespace tollgate {
namespace {

using Clock = std::chrono::steady_clock;

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string path;
  std::int64_t max_bytes = std::int64_t{4} << 30;
  std::string sync = "batch";
  Duration sync_interval = "100ms";
  std::int64_t segment_bytes = std::int64_t{64} << 20;
  std::int64_t max_in_flight_bytes = std::int64_t{64} << 20;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("path", &Config::path,
               "The directory that holds the journal; made if it does not exist."),
      field("max_bytes", &Config::max_bytes,
            "The most bytes on disk. When they are used up senders are told to wait; nothing is "
            "dropped."),
      field("sync", &Config::sync,
            "When to acknowledge: `batch`, after a sync to the disk, one of which serves all batches "
            "that wait; `interval`, once written, which a power cut within `sync_interval` loses.")
          .options({"batch", "interval"}),
      field("sync_interval", &Config::sync_interval,
            "The time between syncs with `sync: interval`; batches are delivered after the sync.")
          .advanced(),
      field("segment_bytes", &Config::segment_bytes,
            "The size of a file of the journal. Disk space is given back a file at a time.")
          .advanced(),
      field("max_in_flight_bytes", &Config::max_in_flight_bytes,
            "The most bytes of batches handed on and not delivered yet.")
          .advanced(),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  constexpr std::int64_t least = 64 << 10;
  const auto at_least = [&](const char* key, std::int64_t value, std::int64_t bound) {
    if (value < bound) {
      context.error(body[key].position(), fmt::format("{} must be at least {}", key, bound));
    }
  };
  at_least("max_bytes", config.max_bytes, least);
  at_least("segment_bytes", config.segment_bytes, 4096);
  at_least("max_in_flight_bytes", config.max_in_flight_bytes, 1);
  if (config.sync_interval.value <= std::chrono::nanoseconds(0)) {
    context.error(body["sync_interval"].position(), "sync_interval must be above zero");
  }
}

// Implementation ----------------------------------------------------------------------------------

struct Metrics {
  explicit Metrics(BuildContext& context)
      : received(context.counter("buffer_received")),
        batches_received(context.counter("buffer_batch_received")),
        sent(context.counter("buffer_sent")),
        batches_sent(context.counter("buffer_batch_sent")),
        latency(context.timer("buffer_latency_ns")),
        bytes(context.gauge("journal_bytes")),
        corrupt_records(context.counter("journal_corrupt_records")),
        syncs(context.counter("journal_fsyncs")) {}

  Counter &received, &batches_received, &sent, &batches_sent;
  Timer& latency;
  Gauge& bytes;
  Counter &corrupt_records, &syncs;
};

/// What is under way, shared with the deliveries.
struct UnderWay {
  struct Part {
    std::uint64_t bytes = 0;
    std::unique_ptr<Backoff> backoff;  // set once it failed
  };

  UnderWay(std::unique_ptr<Journal> opened, Logger log, Metrics made)
      : journal(std::move(opened)), logger(std::move(log)), metrics(made) {}

  const std::unique_ptr<Journal> journal;
  const Logger logger;
  const Metrics metrics;

  std::mutex lock;
  std::condition_variable changed;
  std::unordered_map<std::uint64_t, Part> parts;         // lock; by record
  std::multimap<Clock::time_point, std::uint64_t> again;  // lock; failed records, by when
  std::uint64_t bytes = 0;                               // lock; of parts
  bool news = false;                                     // lock; there may be more to read
  bool closed = false;                                   // lock; hand on no more
  bool input_ended = false;                              // lock

  void finish(std::uint64_t sequence) {  // lock
    const auto part = parts.find(sequence);
    if (part == parts.end()) return;
    bytes -= part->second.bytes;
    parts.erase(part);
    changed.notify_all();
  }

  /// How the delivery of some messages of a record ended.
  void settle(std::uint64_t sequence, const std::vector<std::uint32_t>& messages,
              const TransactionResult& result) {
    std::vector<std::uint32_t> settled;
    const bool matches = result.records == messages.size();
    for (std::uint32_t i = 0; i < messages.size(); ++i) {
      if (outcome_of(result, matches ? i : 0) != Outcome::failed) settled.push_back(messages[i]);
    }
    const bool whole = !settled.empty() && journal->settle(sequence, settled);
    std::lock_guard hold(lock);
    if (whole) return finish(sequence);
    const auto part = parts.find(sequence);
    if (part == parts.end()) return;
    auto& backoff = part->second.backoff;
    if (!backoff) {
      backoff = std::make_unique<Backoff>(Backoff::Options{
          .initial = std::chrono::milliseconds(100), .max = std::chrono::seconds(5)});
    }
    again.emplace(Clock::now() + backoff->next().value_or(std::chrono::seconds(5)), sequence);
    changed.notify_all();
  }

  /// A record that this program cannot read: it stays on the disk.
  void give_up(std::uint64_t sequence, const Error& reason) {
    logger.error("record {} of the journal stays undelivered: {}", sequence, reason.message());
    journal->pin(sequence);
    std::lock_guard hold(lock);
    finish(sequence);
  }
};

/// Open deliveries of one record; `done` is told apart from a record that cannot be decoded.
Delivery delivery_of(const std::shared_ptr<UnderWay>& under_way, Journal::Record record) {
  std::vector<std::uint32_t> messages;
  for (std::uint32_t i = 0; i < record.messages; ++i) {
    if (i >= record.settled.size() || !record.settled[i]) messages.push_back(i);
  }
  auto unreadable = std::make_shared<bool>(false);
  Delivery delivery;
  delivery.bytes = record.payload.size();
  delivery.open = [under_way, unreadable, sequence = record.sequence, expected = messages.size(),
                   settled = std::move(record.settled),
                   payload = std::make_shared<const std::string>(std::move(record.payload))]()
      -> Result<Batch> {
    auto batch = decode_batch(payload, settled);
    if (batch && batch->size() != expected) batch = invalid("it has another number of messages");
    if (!batch) {
      *unreadable = true;
      under_way->give_up(sequence, batch.error());
      return batch;
    }
    under_way->metrics.sent.add_count(batch->size());
    under_way->metrics.batches_sent.add_count(1);
    return batch;
  };
  delivery.done = [under_way, unreadable, sequence = record.sequence,
                   messages = std::move(messages),
                   start = Clock::now()](const TransactionResult& result) {
    under_way->metrics.latency.record(Clock::now() - start);
    if (!*unreadable) under_way->settle(sequence, messages, result);
  };
  return delivery;
}

class JournalBuffer final : public Buffer {
 public:
  JournalBuffer(Config config, Logger logger, Metrics metrics)
      : config_(std::move(config)), logger_(std::move(logger)), metrics_(metrics) {}

  ~JournalBuffer() override {
    stop();
    if (!under_way_) return;
    {
      std::lock_guard lock(under_way_->lock);
      ending_ = true;
    }
    under_way_->changed.notify_all();
    if (maintainer_.joinable()) maintainer_.join();
  }

  Result<> start(Intake& downstream) override {
    downstream_ = &downstream;
    // Two segments at least, so that one can be given back while the other is written.
    const auto segment = std::min(config_.segment_bytes, config_.max_bytes / 4);
    auto journal = TRY(Journal::open(posix_file_system(),
                                     {config_.path, static_cast<std::uint64_t>(segment)}, logger_));
    const auto figures = journal->figures();
    logger_.debug("opened the journal in {}: {} bytes", config_.path, figures.bytes);
    const auto free = posix_file_system().free_bytes(config_.path);
    if (free && *free + figures.bytes < static_cast<std::uint64_t>(config_.max_bytes)) {
      logger_.warn("the disk of {} has {} bytes left, less than max_bytes ({})", config_.path,
                   *free, config_.max_bytes);
    }
    under_way_ = std::make_shared<UnderWay>(std::move(journal), logger_, metrics_);
    CommitQueue::Options options{.max_bytes = static_cast<std::uint64_t>(config_.max_bytes)};
    if (config_.sync == "interval") options.sync_interval = config_.sync_interval.value;
    queue_ = std::make_unique<CommitQueue>(*under_way_->journal, options, logger_,
                                           [this] { wake_reader(); });
    reader_ = std::thread([this] { read(); });
    maintainer_ = std::thread([this] { maintain(); });
    return {};
  }

  // The receipts are settled by the commit thread. A full journal is the sender's to wait for, not
  // an error of the collector's.
  Result<> write(Batch batch) override {
    if (batch.empty()) return {};
    batch.encode();
    Journal::Entry entry;
    entry.messages = static_cast<std::uint32_t>(batch.size());
    entry.bytes.assign(kRecordHeaderSize, '\0');
    append_batch(entry.bytes, batch);
    auto held = std::make_unique<HeldReceipts>(take_receipts(batch));
    HeldReceipts& receipts = *held;
    CommitQueue::Done done = [this, count = entry.messages,
                              held = std::move(held)](const Result<>& stored) {
      settle(*held, stored);
      if (!stored) return;
      metrics_.received.add_count(count);
      metrics_.batches_received.add_count(1);
    };
    if (auto taken = queue_->push(std::move(entry), done); !taken) {
      settle(receipts, taken);
      if (taken.error().fault() != Fault::transient) return taken;
    }
    return {};
  }

  void end_of_input() override {
    std::lock_guard lock(under_way_->lock);
    under_way_->input_ended = true;
    under_way_->changed.notify_all();
  }

  // What is queued is committed; what is on disk and not handed on yet waits for the next start.
  void stop() override {
    if (!under_way_) return;
    queue_->stop();
    {
      std::lock_guard lock(under_way_->lock);
      under_way_->closed = true;
    }
    under_way_->changed.notify_all();
    if (reader_.joinable()) reader_.join();
  }

 private:
  static void settle(HeldReceipts& held, const Result<>& stored) {
    for (Receipt& receipt : held.receipts) {
      if (!receipt) continue;
      if (stored) {
        receipt.resolve(Outcome::delivered);
      } else {
        receipt.fail(stored.error(), stored.error().fault() == Fault::invalid ? Refusal::size
                                                                              : Refusal::none);
      }
    }
  }

  void wake_reader() {
    std::lock_guard lock(under_way_->lock);
    under_way_->news = true;
    under_way_->changed.notify_all();
  }

  // The reading thread: failed records that are due come first, then new ones, as long as what is
  // under way fits.
  void read() {
    UnderWay& shared = *under_way_;
    bool told_exhausted = false;
    std::unique_lock lock(shared.lock);
    shared.news = true;
    while (!shared.closed) {
      const bool room = shared.parts.empty() ||
                        shared.bytes < static_cast<std::uint64_t>(config_.max_in_flight_bytes);
      if (!shared.again.empty() && shared.again.begin()->first <= Clock::now()) {
        const auto sequence = shared.again.begin()->second;
        shared.again.erase(shared.again.begin());
        lock.unlock();
        read_again(sequence);
        lock.lock();
      } else if (shared.news && room) {
        shared.news = false;
        lock.unlock();
        const bool more = read_next();
        lock.lock();
        shared.news |= more;
      } else if (!shared.news && shared.input_ended && queue_->idle() &&
                 (!told_exhausted || shared.parts.empty())) {
        // Between the look at the queue and this, nothing can have come: the input ended.
        if (shared.parts.empty() && told_exhausted) break;
        told_exhausted = true;
        lock.unlock();
        downstream_->exhausted();
        lock.lock();
      } else if (shared.again.empty()) {
        shared.changed.wait_for(lock, std::chrono::seconds(1));
      } else {
        shared.changed.wait_until(lock, shared.again.begin()->first);
      }
    }
    if (shared.closed) return;
    lock.unlock();
    downstream_->ended();
  }

  bool read_next() {
    auto record = under_way_->journal->next();
    if (!record) {
      complain(record.error());
      return true;
    }
    failed_reads_ = 0;
    if (!*record) return false;
    hand_on(std::move(**record), true);
    return true;
  }

  void read_again(std::uint64_t sequence) {
    auto record = under_way_->journal->read_again(sequence);
    if (record) return hand_on(std::move(*record), false);
    if (record.error().fault() == Fault::invalid) {
      return under_way_->give_up(sequence, record.error());
    }
    complain(record.error());
    std::lock_guard lock(under_way_->lock);
    under_way_->again.emplace(Clock::now() + std::chrono::seconds(1), sequence);
  }

  void hand_on(Journal::Record record, bool is_new) {
    const auto sequence = record.sequence;
    if (is_new) {
      constexpr std::size_t each_record = 512;  // what it occupies beside its bytes
      const auto bytes = record.payload.size() + each_record;
      std::lock_guard lock(under_way_->lock);
      under_way_->parts[sequence].bytes = bytes;
      under_way_->bytes += bytes;
    }
    if (downstream_->submit(delivery_of(under_way_, std::move(record)))) return;
    std::lock_guard lock(under_way_->lock);
    under_way_->closed = true;
  }

  // A disk that cannot be read is given time; then the place counts as damaged.
  void complain(const Error& error) {
    constexpr int patience = 30;  // seconds
    logger_.error("the journal cannot be read: {}", error.message());
    if (++failed_reads_ == patience) under_way_->journal->tolerate_unreadable();
    std::unique_lock lock(under_way_->lock);
    under_way_->changed.wait_for(lock, std::chrono::seconds(1),
                                 [this] { return under_way_->closed; });
  }

  // The maintenance thread. Saving often keeps short what a killed process delivers twice.
  void maintain() {
    constexpr auto interval = std::chrono::milliseconds(200);
    std::unique_lock lock(under_way_->lock);
    for (bool last = false; !last;) {
      under_way_->changed.wait_for(lock, interval, [this] { return ending_; });
      last = ending_;
      lock.unlock();
      save();
      lock.lock();
    }
  }

  void save() {
    Journal& journal = *under_way_->journal;
    const auto before = journal.figures().segments;
    if (auto saved = journal.save_progress(); !saved && Clock::now() >= complain_after_) {
      complain_after_ = Clock::now() + std::chrono::seconds(10);
      logger_.error("the journal's progress cannot be saved: {}", saved.error().message());
    }
    const auto figures = journal.figures();
    if (figures.segments < before) queue_->room_made();
    metrics_.bytes.set(static_cast<double>(figures.bytes));
    metrics_.syncs.add_count(figures.syncs - std::exchange(syncs_, figures.syncs));
    metrics_.corrupt_records.add_count(figures.damaged_records -
                                       std::exchange(damaged_, figures.damaged_records));
  }

  const Config config_;
  const Logger logger_;
  const Metrics metrics_;
  Intake* downstream_ = nullptr;
  std::shared_ptr<UnderWay> under_way_;
  std::unique_ptr<CommitQueue> queue_;
  bool ending_ = false;  // under_way_->lock

  int failed_reads_ = 0;                 // reading thread
  Clock::time_point complain_after_{};   // maintenance thread
  std::uint64_t syncs_ = 0, damaged_ = 0;  // maintenance thread; as counted so far
  std::thread reader_, maintainer_;
};

Result<std::unique_ptr<Buffer>> make(Config config, BuildContext& context) {
  return std::make_unique<JournalBuffer>(std::move(config), context.logger(), Metrics(context));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const BufferType journal_buffer;
constinit const BufferType journal_buffer = component_type<schema, make, check>({
    .name = "journal",
    .categories = "Utility",
    .summary = "Keeps messages in a journal on disk and acknowledges them once they are synced.",
    .description = R"md(
What was acknowledged survives the end of the process and power cuts, and keeps its identity: the
ids that a mapping draws are the same after a restart. What the destination refuses is tried again,
message by message, until it is taken. A full disk or a full journal makes senders wait; nothing is
dropped. Damaged records are reported with their place, counted in `journal_corrupt_records`, and
the rest is read; their file is set aside with the ending `.damaged`.

`tollgate journal inspect|verify|replay PATH` look into it.
)md",
});

}  // namespace tollgate
