#include "component/buffer_pump.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/batch_codec.h"

namespace tollgate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kEachBatch = 512;  // what one under way occupies beside its content

}  // namespace

BufferMetrics::BufferMetrics(BuildContext& context)
    : received_(context.counter("buffer_received")),
      batches_received_(context.counter("buffer_batch_received")),
      sent_(context.counter("buffer_sent")),
      batches_sent_(context.counter("buffer_batch_sent")),
      latency_(context.timer("buffer_latency_ns")) {}

void BufferMetrics::count_received(std::size_t messages) const {
  received_.add_count(messages);
  batches_received_.add_count(1);
}

Result<> BufferMetrics::submit(Delivery delivery) {
  observe(delivery);
  return downstream_->submit(std::move(delivery));
}

// What stands behind a buffer takes all that the buffer gives.
bool BufferMetrics::try_submit(Delivery& delivery) {
  return submit(std::move(delivery)).has_value();
}

// A delivery may be opened when the buffer is gone: the series are the registry's.
void BufferMetrics::observe(Delivery& delivery) const {
  delivery.open = [&sent = sent_, &batches_sent = batches_sent_,
                   open = std::move(delivery.open)]() mutable {
    auto batch = open();
    if (batch) {
      sent.add_count(batch->size());
      batches_sent.add_count(1);
    }
    return batch;
  };
  delivery.done = [&latency = latency_, start = Clock::now(),
                   done = std::move(delivery.done)](TransactionResult result) mutable {
    latency.record(Clock::now() - start);
    if (done) done(std::move(result));
  };
}

void settle_stored(HeldReceipts& held, const Result<>& stored) {
  for (Receipt& receipt : held.receipts) {
    if (!receipt) continue;
    if (stored) {
      receipt.resolve(Outcome::delivered);
    } else {
      const bool never = stored.error().fault() == Fault::invalid;
      receipt.fail(stored.error(), never ? Refusal::size : Refusal::none);
    }
  }
}

/// A batch from when it was read until all of it is settled.
struct BufferPump::Kept {
  StoredBatch batch;
  std::uint64_t bytes = 0;
  std::optional<Backoff> backoff;  // set once something of it failed
  bool unreadable = false;
};

/// What deliveries need, which may outlive the pump.
struct BufferPump::Shared {
  explicit Shared(Backoff::Options waits) : backoff(waits) {}

  const Backoff::Options backoff;
  std::mutex lock;
  std::condition_variable changed;
  std::multimap<Clock::time_point, std::shared_ptr<Kept>> again;  // lock; failed ones, by when
  std::uint64_t bytes = 0;     // lock; of batches read and not settled
  std::uint64_t batches = 0;   // lock; read and not settled
  bool news = true;            // lock; there may be more to read
  bool reading = false;        // lock; next() runs
  bool input_ended = false;    // lock
  bool stopping = false;       // lock; hand on no more
  bool gone = false;           // lock; the buffer does not exist any more

  void finish(const Kept& kept) {  // lock
    bytes -= kept.bytes;
    --batches;
    changed.notify_all();
  }

  /// How the delivery of the messages of `kept` that were not settled ended.
  void settle(const std::shared_ptr<Kept>& kept, const TransactionResult& result) {
    std::lock_guard hold(lock);
    if (gone || kept->unreadable) return;
    StoredBatch& batch = kept->batch;
    batch.settled.resize(batch.messages);
    const bool matches =
        result.records == static_cast<std::size_t>(std::ranges::count(batch.settled, false));
    std::vector<std::uint32_t> settled;
    std::uint32_t record = 0, left = 0;
    for (std::uint32_t i = 0; i < batch.messages; ++i) {
      if (batch.settled[i]) continue;
      if (outcome_of(result, matches ? record++ : 0) == Outcome::failed) {
        ++left;
      } else {
        settled.push_back(i);
      }
    }
    for (const std::uint32_t i : settled) batch.settled[i] = true;
    if (!settled.empty()) batch.settle(settled);
    if (left == 0) return finish(*kept);
    if (!kept->backoff) kept->backoff.emplace(backoff);
    again.emplace(Clock::now() + kept->backoff->next().value_or(backoff.max), kept);
    changed.notify_all();
  }

  void give_up(Kept& kept, const Error& reason) {
    std::lock_guard hold(lock);
    kept.unreadable = true;
    if (gone) return;
    kept.batch.unreadable(reason);
    finish(kept);
  }
};

BufferPump::BufferPump(Source& source, Intake& downstream, Logger logger, Options options)
    : source_(source),
      downstream_(downstream),
      logger_(std::move(logger)),
      options_(options),
      shared_(std::make_shared<Shared>(options.backoff)) {}

BufferPump::~BufferPump() {
  stop();
  decltype(shared_->again) abandoned;
  std::lock_guard lock(shared_->lock);
  shared_->gone = true;
  abandoned.swap(shared_->again);
}

void BufferPump::start() {
  thread_ = std::thread([this] { run(); });
}

void BufferPump::wake() {
  std::lock_guard lock(shared_->lock);
  shared_->news = true;
  shared_->changed.notify_all();
}

void BufferPump::end_of_input() {
  std::lock_guard lock(shared_->lock);
  shared_->input_ended = true;
  shared_->changed.notify_all();
}

void BufferPump::wait_drained() {
  std::unique_lock lock(shared_->lock);
  shared_->changed.wait(lock, [this] {
    return shared_->stopping ||
           (!shared_->news && !shared_->reading && shared_->batches == 0);
  });
}

void BufferPump::stop() {
  {
    std::lock_guard lock(shared_->lock);
    shared_->stopping = true;
    shared_->changed.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void BufferPump::run() {
  Shared& shared = *shared_;
  bool told_exhausted = false;
  std::unique_lock lock(shared.lock);
  while (!shared.stopping) {
    const bool room = shared.batches == 0 || shared.bytes < options_.max_bytes_under_way;
    if (!shared.again.empty() && shared.again.begin()->first <= Clock::now()) {
      auto kept = std::move(shared.again.begin()->second);
      shared.again.erase(shared.again.begin());
      lock.unlock();
      hand_on(std::move(kept));
      lock.lock();
    } else if (shared.news && room) {
      shared.news = false;
      shared.reading = true;
      lock.unlock();
      const bool more = read_next();
      lock.lock();
      shared.reading = false;
      shared.news |= more;
      if (!more) shared.changed.notify_all();
    } else if (!shared.news && shared.input_ended && (!told_exhausted || shared.batches == 0) &&
               source_.idle()) {
      // What became readable before the source was idle has woken us: there is nothing left.
      if (told_exhausted && shared.batches == 0) break;
      told_exhausted = true;
      lock.unlock();
      downstream_.exhausted();
      lock.lock();
    } else if (shared.again.empty()) {
      // A source does not tell when it becomes idle.
      const bool ending = shared.input_ended && !told_exhausted;
      shared.changed.wait_for(lock, std::chrono::milliseconds(ending ? 5 : 1000));
    } else {
      shared.changed.wait_until(lock, shared.again.begin()->first);
    }
  }
  if (shared.stopping) return;
  lock.unlock();
  downstream_.ended();
}

// Whether there may be more.
bool BufferPump::read_next() {
  auto next = source_.next();
  if (!next) {
    logger_.error("the buffer cannot be read: {}", next.error().message());
    std::unique_lock lock(shared_->lock);
    shared_->changed.wait_for(lock, std::chrono::seconds(1), [this] { return shared_->stopping; });
    return true;
  }
  if (!*next) return false;
  auto kept = std::make_shared<Kept>();
  kept->batch = std::move(**next);
  kept->bytes = kept->batch.content->size() + kEachBatch;
  {
    std::lock_guard lock(shared_->lock);
    shared_->bytes += kept->bytes;
    ++shared_->batches;
  }
  hand_on(std::move(kept));
  return true;
}

void BufferPump::hand_on(std::shared_ptr<Kept> kept) {
  if (downstream_.submit(delivery_of(shared_, std::move(kept)))) return;
  std::lock_guard lock(shared_->lock);
  shared_->stopping = true;
  shared_->changed.notify_all();
}

Delivery BufferPump::delivery_of(const std::shared_ptr<Shared>& shared,
                                 std::shared_ptr<Kept> kept) {
  Delivery delivery;
  delivery.bytes = kept->batch.content->size();
  delivery.open = [shared, kept]() -> Result<Batch> {
    const StoredBatch& stored = kept->batch;
    const auto settled = std::ranges::count(stored.settled, true);
    auto batch = decode_batch(stored.content, stored.settled);
    if (batch && batch->size() + static_cast<std::size_t>(settled) != stored.messages) {
      batch = invalid("it has another number of messages than was noted");
    }
    if (!batch) shared->give_up(*kept, batch.error());
    return batch;
  };
  delivery.done = [shared, kept](const TransactionResult& result) {
    shared->settle(kept, result);
  };
  return delivery;
}

}  // namespace tollgate
