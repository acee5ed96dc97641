// memory: keeps batches in memory, acknowledging them at once.
//
// Whatever is in it when the process ends is lost. A batch that cannot fit is refused, never
// acknowledged and dropped. Bytes count from the write until delivery, so that the limit bounds
// what is under way too.

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "component/buffer_pump.h"
#include "component/build_context.h"
#include "component/input_batcher.h"
#include "component/resource.h"
#include "journal/batch_codec.h"

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

/// What is in the buffer; shared with the batches under way.
struct Store {
  explicit Store(std::size_t most) : limit(most) {}

  const std::size_t limit;
  std::mutex lock;
  std::condition_variable changed;
  std::deque<StoredBatch> queue;  // lock
  std::size_t bytes = 0;          // lock; payloads queued and under way
  std::size_t messages = 0;       // lock; queued and under way
  bool closed = false;            // lock; no more writes

  void give_back(std::size_t payloads, std::size_t count) {
    std::lock_guard hold(lock);
    bytes -= payloads;
    messages -= count;
    changed.notify_all();
  }
};

/// Stands before the batcher of `batch_policy`. Once the data is at its end, nothing waits.
class Gathering final : public Intake {
 public:
  Gathering(std::unique_ptr<InputBatcher> batcher, Intake& downstream)
      : batcher_(std::move(batcher)), downstream_(downstream) {
    batcher_->start(downstream_);
  }

  Result<> submit(Delivery delivery) override {
    TRY(batcher_->intake().submit(std::move(delivery)));
    if (flushing_) batcher_->intake().exhausted();
    return {};
  }
  bool try_submit(Delivery& delivery) override { return submit(std::move(delivery)).has_value(); }
  void exhausted() override {
    flush();
    downstream_.exhausted();
  }
  void ended() override { downstream_.ended(); }
  /// From now on every batch goes at once.
  void flush() {
    flushing_ = true;
    batcher_->intake().exhausted();
  }
  void stop() { batcher_->stop(); }

 private:
  const std::unique_ptr<InputBatcher> batcher_;
  Intake& downstream_;
  std::atomic<bool> flushing_{false};
};

class MemoryBuffer final : public Buffer, public BufferPump::Source {
 public:
  MemoryBuffer(std::size_t limit, std::unique_ptr<InputBatcher> batcher, BuildContext& context)
      : logger_(context.logger()),
        store_(std::make_shared<Store>(limit)),
        batcher_(std::move(batcher)),
        metrics_(context) {}

  ~MemoryBuffer() override {
    close();
    if (pump_) pump_->stop();
    if (gathering_) gathering_->stop();
    pump_.reset();
    std::lock_guard lock(store_->lock);
    if (store_->messages > 0) {
      logger_.error("{} messages were left in the memory buffer and are lost", store_->messages);
    }
  }

  Result<> start(Intake& downstream) override {
    metrics_.set_downstream(downstream);
    if (batcher_) gathering_ = std::make_unique<Gathering>(std::move(batcher_), metrics_);
    BufferPump::Options pumping;
    pumping.backoff = {.initial = std::chrono::milliseconds(1), .max = std::chrono::seconds(1)};
    Intake& target = gathering_ ? static_cast<Intake&>(*gathering_) : metrics_;
    pump_ = std::make_unique<BufferPump>(*this, target, logger_, pumping);
    pump_->start();
    return {};
  }

  Result<> write(Batch batch) override {
    if (batch.empty()) return {};
    batch.encode();
    HeldReceipts held(take_receipts(batch));
    const auto stored = keep(batch);
    settle_stored(held, stored);
    return stored;
  }

  void end_of_input() override { pump_->end_of_input(); }

  // What this buffer holds would be lost with it, so it goes on until the stream takes no more.
  void stop() override {
    close();
    if (!pump_) return;
    if (gathering_) gathering_->flush();
    pump_->wait_drained();
    pump_->stop();
    if (gathering_) gathering_->stop();
  }

 private:
  void close() {
    std::lock_guard lock(store_->lock);
    store_->closed = true;
    store_->changed.notify_all();
  }

  Result<> keep(const Batch& batch) {
    const std::size_t bytes = batch.payload_bytes();
    if (bytes > store_->limit) {
      return invalid(fmt::format("the batch of {} bytes exceeds the buffer's limit of {}", bytes,
                                 store_->limit));
    }
    std::string content;
    append_batch(content, batch);
    StoredBatch stored{
        .content = std::make_shared<const std::string>(std::move(content)),
        .messages = static_cast<std::uint32_t>(batch.size()),
        .settled = {},
        .settle = [store = store_, bytes, left = batch.size()](
                      std::span<const std::uint32_t> messages) mutable {
          left -= messages.size();
          store->give_back(left == 0 ? bytes : 0, messages.size());
        },
        .unreadable = [store = store_, bytes, count = batch.size()](
                          const Error&) { store->give_back(bytes, count); }};
    {
      std::unique_lock lock(store_->lock);
      store_->changed.wait(
          lock, [&] { return store_->closed || store_->bytes + bytes <= store_->limit; });
      if (store_->closed) return cancelled("the buffer is closed");
      store_->bytes += bytes;
      store_->messages += batch.size();
      store_->queue.push_back(std::move(stored));
    }
    metrics_.count_received(batch.size());
    pump_->wake();
    return {};
  }

  Result<std::optional<StoredBatch>> next() override {
    std::lock_guard lock(store_->lock);
    if (store_->queue.empty()) return std::optional<StoredBatch>();
    std::optional<StoredBatch> oldest(std::move(store_->queue.front()));
    store_->queue.pop_front();
    return oldest;
  }

  const Logger logger_;
  const std::shared_ptr<Store> store_;
  std::unique_ptr<InputBatcher> batcher_;  // until start(); null without a policy
  BufferMetrics metrics_;
  std::unique_ptr<Gathering> gathering_;   // null without a policy
  std::unique_ptr<BufferPump> pump_;
};

Result<std::unique_ptr<Buffer>> make(Config config, BuildContext& context) {
  std::unique_ptr<InputBatcher> batcher;
  if (config.batch_policy.enabled && config.batch_policy.policy.active()) {
    batcher = TRY(InputBatcher::build(config.batch_policy.policy, context));
  }
  return std::make_unique<MemoryBuffer>(static_cast<std::size_t>(config.limit),
                                        std::move(batcher), context);
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
`limit` is rejected. What could not be delivered is tried again, message by message.
)md",
});

}  // namespace tollgate
