// journal: keeps batches in a journal on disk, acknowledging them once they are synced.
//
// Three threads: the commit queue's writes and syncs; the pump's reads what is synced and hands it
// on; one remembers what is settled and removes what is done with. A batch is read back from the
// disk (the system's cache, mostly) also when it was written a moment ago: memory stays bounded and
// every delivery was verified.

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "component/buffer_pump.h"
#include "component/build_context.h"
#include "component/resource.h"
#include "journal/batch_codec.h"
#include "journal/commit_queue.h"
#include "journal/journal.h"

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

struct JournalMetrics {
  explicit JournalMetrics(BuildContext& context)
      : bytes(context.gauge("journal_bytes")),
        corrupt_records(context.counter("journal_corrupt_records")),
        syncs(context.counter("journal_fsyncs")) {}

  Gauge& bytes;
  Counter &corrupt_records, &syncs;
};

class JournalBuffer final : public Buffer, public BufferPump::Source {
 public:
  JournalBuffer(Config config, BuildContext& context)
      : config_(std::move(config)),
        logger_(context.logger()),
        metrics_(context),
        journal_metrics_(context) {}

  ~JournalBuffer() override {
    stop();
    if (!journal_) return;
    {
      std::lock_guard lock(lock_);
      ending_ = true;
    }
    ended_.notify_all();
    if (maintainer_.joinable()) maintainer_.join();
    pump_.reset();  // before the journal: deliveries under way settle nothing from now on
  }

  Result<> start(Intake& downstream) override {
    // Two segments at least, so that one can be given back while the other is written.
    const auto segment = std::min(config_.segment_bytes, config_.max_bytes / 4);
    journal_ = TRY(Journal::open(posix_file_system(),
                                 {config_.path, static_cast<std::uint64_t>(segment)}, logger_));
    const auto figures = journal_->figures();
    logger_.debug("opened the journal in {}: {} bytes", config_.path, figures.bytes);
    const auto free = posix_file_system().free_bytes(config_.path);
    if (free && *free + figures.bytes < static_cast<std::uint64_t>(config_.max_bytes)) {
      logger_.warn("the disk of {} has {} bytes left, less than max_bytes ({})", config_.path,
                   *free, config_.max_bytes);
    }
    BufferPump::Options pumping;
    pumping.max_bytes_under_way = static_cast<std::uint64_t>(config_.max_in_flight_bytes);
    metrics_.set_downstream(downstream);
    pump_ = std::make_unique<BufferPump>(*this, metrics_, logger_, pumping);
    CommitQueue::Options options{.max_bytes = static_cast<std::uint64_t>(config_.max_bytes)};
    if (config_.sync == "interval") options.sync_interval = config_.sync_interval.value;
    queue_ = std::make_unique<CommitQueue>(*journal_, options, logger_, [this] { pump_->wake(); });
    maintainer_ = std::thread([this] { maintain(); });
    pump_->start();
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
      settle_stored(*held, stored);
      if (stored) metrics_.count_received(count);
    };
    if (auto taken = queue_->push(std::move(entry), done); !taken) {
      settle_stored(receipts, taken);
      if (taken.error().fault() != Fault::transient) return taken;
    }
    return {};
  }

  void end_of_input() override { pump_->end_of_input(); }

  // What is queued is committed; what is on disk and not handed on yet waits for the next start.
  void stop() override {
    if (queue_) queue_->stop();
    if (pump_) pump_->stop();
  }

 private:
  Result<std::optional<StoredBatch>> next() override {
    auto record = journal_->next();
    if (!record) {
      // A disk that cannot be read is given half a minute; then the place counts as damaged.
      if (++failed_reads_ == 30) journal_->tolerate_unreadable();
      return std::unexpected(std::move(record).error());
    }
    failed_reads_ = 0;
    if (!*record) return std::optional<StoredBatch>();
    const auto sequence = (*record)->sequence;
    return StoredBatch{
        .content = std::make_shared<const std::string>(std::move((*record)->payload)),
        .messages = (*record)->messages,
        .settled = std::move((*record)->settled),
        .settle = [this, sequence](auto messages) { journal_->settle(sequence, messages); },
        .unreadable =
            [this, sequence](const Error& reason) {
              logger_.error("record {} of the journal stays on the disk, undelivered: {}",
                            sequence, reason.message());
              journal_->pin(sequence);
            }};
  }

  bool idle() const override { return queue_->idle(); }

  // The maintenance thread. Saving often keeps short what a killed process delivers twice.
  void maintain() {
    constexpr auto interval = std::chrono::milliseconds(50);
    std::unique_lock lock(lock_);
    for (bool last = false; !last;) {
      ended_.wait_for(lock, interval, [this] { return ending_; });
      last = ending_;
      lock.unlock();
      save();
      lock.lock();
    }
  }

  void save() {
    const auto before = journal_->figures().segments;
    if (auto saved = journal_->save_progress(); !saved && Clock::now() >= complain_after_) {
      complain_after_ = Clock::now() + std::chrono::seconds(10);
      logger_.error("the journal's progress cannot be saved: {}", saved.error().message());
    }
    const auto figures = journal_->figures();
    if (figures.segments < before) queue_->room_made();
    journal_metrics_.bytes.set(static_cast<double>(figures.bytes));
    journal_metrics_.syncs.add_count(figures.syncs - std::exchange(syncs_, figures.syncs));
    journal_metrics_.corrupt_records.add_count(
        figures.damaged_records - std::exchange(damaged_, figures.damaged_records));
  }

  const Config config_;
  const Logger logger_;
  BufferMetrics metrics_;
  const JournalMetrics journal_metrics_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<BufferPump> pump_;
  std::unique_ptr<CommitQueue> queue_;
  int failed_reads_ = 0;  // the pump's thread

  std::mutex lock_;
  std::condition_variable ended_;
  bool ending_ = false;                    // lock_
  Clock::time_point complain_after_{};     // maintenance thread
  std::uint64_t syncs_ = 0, damaged_ = 0;  // maintenance thread; as counted so far
  std::thread maintainer_;
};

Result<std::unique_ptr<Buffer>> make(Config config, BuildContext& context) {
  return std::make_unique<JournalBuffer>(std::move(config), context);
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
