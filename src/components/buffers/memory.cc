// memory: keeps batches in memory, acknowledging them at once.
//
// Whatever is in it when the process ends is lost. A batch that cannot fit is refused, never
// acknowledged and dropped. Bytes count from the write until delivery, so that the limit bounds what
// is under way too.

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "component/build_context.h"
#include "component/input_batcher.h"
#include "component/intake_tools.h"
#include "component/resource.h"
#include "net/backoff.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct PolicyConfig {
  bool enabled = false;
  BatchPolicyConfig policy;
};

struct Config {
  std::int64_t limit = 524'288'000;
  PolicyConfig batch_policy;
};

const Schema<PolicyConfig>& policy_schema() {
  static const Schema<PolicyConfig> fields = [] {
    Schema<PolicyConfig> all{
        field("enabled", &PolicyConfig::enabled, "Whether to gather messages into batches."),
    };
    include(all, &PolicyConfig::policy, batch_policy_schema());
    return all;
  }();
  return fields;
}

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("limit", &Config::limit, "The most payload bytes to keep; further writes wait."),
      section("batch_policy", &Config::batch_policy, policy_schema(),
              "How to gather messages into batches as they leave."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.limit < 1) context.error(body["limit"].position(), "limit must be at least 1");
}

// Implementation ----------------------------------------------------------------------------------

/// Shared with the batches under way.
struct Store : std::enable_shared_from_this<Store> {
  struct Kept {
    Batch batch;
    std::size_t bytes = 0;
    std::shared_ptr<Backoff> backoff;  // set once it failed
    std::chrono::steady_clock::time_point due{};
  };

  explicit Store(std::size_t most) : limit(most) {}

  const std::size_t limit;
  std::mutex lock;
  std::condition_variable changed;
  std::deque<Kept> queue;       // guarded by lock
  std::size_t bytes = 0;        // guarded by lock; queued and under way
  std::size_t under_way = 0;    // guarded by lock; batches
  bool input_ended = false;     // guarded by lock
  bool closed = false;          // guarded by lock; no more writes
  bool stopping = false;        // guarded by lock

  Delivery release(Kept kept) {
    Batch batch = detached(kept.batch);
    Delivery delivery = Delivery::of(
        std::move(batch), [self = shared_from_this(),
                           kept = std::move(kept)](const TransactionResult& result) mutable {
          self->settle(std::move(kept), result);
        });
    return delivery;
  }

  // What failed goes back to the front.
  void settle(Kept kept, const TransactionResult& result) {
    Kept again{Batch(kept.batch.shared_memory()), 0, kept.backoff, {}};
    const bool matches = result.records == kept.batch.size();
    for (std::uint32_t i = 0; i < kept.batch.size(); ++i) {
      if (outcome_of(result, matches ? i : 0) != Outcome::failed) continue;
      again.bytes += kept.batch[i].bytes().size();
      again.batch.add(std::move(kept.batch[i]));
    }
    std::lock_guard hold(lock);
    --under_way;
    bytes -= kept.bytes - again.bytes;
    if (!again.batch.empty()) {
      if (!again.backoff) {
        again.backoff = std::make_shared<Backoff>(Backoff::Options{
            .initial = std::chrono::milliseconds(1), .max = std::chrono::seconds(1)});
      }
      again.due = std::chrono::steady_clock::now() +
                  again.backoff->next().value_or(std::chrono::seconds(1));
      queue.push_front(std::move(again));
    }
    changed.notify_all();
  }
};

class MemoryBuffer final : public Buffer {
 public:
  MemoryBuffer(std::size_t limit, std::unique_ptr<InputBatcher> batcher, Logger logger)
      : store_(std::make_shared<Store>(limit)),
        batcher_(std::move(batcher)),
        logger_(std::move(logger)) {}

  ~MemoryBuffer() override {
    std::size_t lost = 0;
    {
      std::lock_guard lock(store_->lock);
      store_->closed = store_->stopping = true;
      for (const Store::Kept& kept : store_->queue) lost += kept.batch.size();
    }
    store_->changed.notify_all();
    if (thread_.joinable()) thread_.join();
    if (batcher_) batcher_->stop();
    if (lost > 0) logger_.error("{} messages were left in the memory buffer and are lost", lost);
  }

  Result<> start(Intake& downstream) override {
    downstream_ = &downstream;
    if (batcher_) batcher_->start(downstream);
    thread_ = std::thread([this] { run(); });
    return {};
  }

  Result<> write(Batch batch) override {
    batch.encode();
    const std::size_t bytes = batch.payload_bytes();
    Store& store = *store_;
    std::unique_lock lock(store.lock);
    if (bytes > store.limit) {
      lock.unlock();
      return refuse(batch, Error(Fault::invalid,
                                 fmt::format("the batch of {} bytes exceeds the buffer's limit of "
                                             "{}", bytes, store.limit)),
                    Refusal::size);
    }
    store.changed.wait(lock, [&] { return store.closed || store.bytes + bytes <= store.limit; });
    if (store.closed) {
      lock.unlock();
      return refuse(batch, Error(Fault::cancelled, "the buffer is closed"), Refusal::none);
    }
    auto receipts = take_receipts(batch);
    store.bytes += bytes;
    store.queue.push_back({detached(batch), bytes, nullptr, {}});
    lock.unlock();
    store.changed.notify_all();
    for (Receipt& receipt : receipts) {
      if (receipt) receipt.resolve(Outcome::delivered);
    }
    return {};
  }

  void end_of_input() override {
    std::lock_guard lock(store_->lock);
    store_->input_ended = true;
    store_->changed.notify_all();
  }

  // Everything goes on before this returns. What fails after it is tried again as long as the
  // buffer lives.
  void stop() override {
    std::unique_lock lock(store_->lock);
    store_->closed = true;
    store_->changed.notify_all();
    store_->changed.wait_for(lock, std::chrono::seconds(10), [&] {
      return store_->stopping || std::ranges::none_of(store_->queue, [](const Store::Kept& kept) {
               return kept.backoff == nullptr;
             });
    });
  }

 private:
  static Result<> refuse(Batch& batch, Error error, Refusal refusal) {
    for (Receipt& receipt : take_receipts(batch)) {
      if (receipt) receipt.fail(error, refusal);
    }
    return std::unexpected(std::move(error));
  }

  void run() {
    Store& store = *store_;
    Intake& target = batcher_ ? batcher_->intake() : *downstream_;
    bool told_exhausted = false;
    std::unique_lock lock(store.lock);
    while (!store.stopping) {
      if (store.queue.empty()) {
        if (store.input_ended && !told_exhausted) {
          told_exhausted = true;
          lock.unlock();
          if (batcher_) batcher_->intake().exhausted();
          downstream_->exhausted();
          lock.lock();
          continue;
        }
        if (store.input_ended && store.under_way == 0) break;
        store.changed.wait(lock);
        continue;
      }
      if (store.queue.front().due > std::chrono::steady_clock::now()) {
        store.changed.wait_until(lock, store.queue.front().due);
        continue;
      }
      Store::Kept next = std::move(store.queue.front());
      store.queue.pop_front();
      ++store.under_way;
      lock.unlock();
      store.changed.notify_all();
      const bool taken = target.submit(store.release(std::move(next))).has_value();
      lock.lock();
      if (!taken) return;
    }
    if (store.stopping) return;
    lock.unlock();
    downstream_->ended();
  }

  const std::shared_ptr<Store> store_;
  const std::unique_ptr<InputBatcher> batcher_;  // null without a policy
  const Logger logger_;
  Intake* downstream_ = nullptr;
  std::thread thread_;
};

Result<std::unique_ptr<Buffer>> make(Config config, BuildContext& context) {
  std::unique_ptr<InputBatcher> batcher;
  if (config.batch_policy.enabled && config.batch_policy.policy.active()) {
    batcher = TRY(InputBatcher::build(config.batch_policy.policy, context));
  }
  return std::make_unique<MemoryBuffer>(static_cast<std::size_t>(config.limit),
                                        std::move(batcher), context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const BufferType memory_buffer;
constinit const BufferType memory_buffer = component_type<schema, make, check>({
    .name = "memory",
    .categories = "Utility",
    .summary = "Keeps messages in memory and acknowledges them at once.",
    .description = R"md(
Messages in the buffer are lost when the process ends without draining it. A batch larger than
`limit` is rejected. What could not be delivered goes back to the front.
)md",
});

}  // namespace tollgate
