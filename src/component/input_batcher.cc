#include "component/input_batcher.h"

#include "component/intake_tools.h"
#include "component/output.h"

namespace tollgate {

/// The batcher's output: queues finished batches for a thread that submits them, since an output
/// must not wait and an intake does.
class InputBatcher::Feeder final : public Output {
 public:
  ~Feeder() override { finish(); }

  void begin(Intake& downstream) {
    stopping_ = false;
    thread_ = std::thread([this, &downstream] { run(downstream); });
  }

  void write(SharedBatch batch, Ack ack) override {
    Batch copy = detached(*batch);
    auto receipts = receipts_for(static_cast<std::uint32_t>(copy.size()), std::move(ack));
    for (std::size_t i = 0; i < receipts.size(); ++i) copy[i].receipt = std::move(receipts[i]);
    if (copy.empty()) return;  // answered already
    std::lock_guard lock(lock_);
    queue_.push_back(carrying(std::move(copy)));
    changed_.notify_all();
  }

  bool saturated() const override {
    std::lock_guard lock(lock_);
    return !queue_.empty();
  }

  /// False if it was stopped meanwhile.
  bool wait_for_room() {
    std::unique_lock lock(lock_);
    changed_.wait(lock, [&] { return stopping_ || queue_.empty(); });
    return !stopping_;
  }

  void interrupt() {
    std::lock_guard lock(lock_);
    stopping_ = true;
    changed_.notify_all();
  }

  void finish() {
    interrupt();
    if (thread_.joinable()) thread_.join();
    std::deque<Delivery> left;
    std::lock_guard lock(lock_);
    left.swap(queue_);  // their receipts fail as they go
  }

 private:
  void run(Intake& downstream) {
    std::unique_lock lock(lock_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      Delivery next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      // A refusal means the collector is stopping; the receipts were failed.
      const bool taken = downstream.submit(std::move(next)).has_value();
      lock.lock();
      changed_.notify_all();
      if (!taken) stopping_ = true;
    }
  }

  mutable std::mutex lock_;
  std::condition_variable changed_;
  std::deque<Delivery> queue_;  // guarded by lock_
  bool stopping_ = false;       // guarded by lock_
  std::thread thread_;
};

class InputBatcher::Front final : public Intake {
 public:
  Front(InputBatcher& owner) : owner_(owner) {}

  Result<> submit(Delivery delivery) override {
    if (!owner_.feeder_->wait_for_room()) return cancelled("the collector is stopping");
    write(std::move(delivery));
    return {};
  }

  bool try_submit(Delivery& delivery) override {
    if (owner_.feeder_->saturated()) return false;
    write(std::move(delivery));
    return true;
  }

  void exhausted() override { owner_.output_->flush(); }
  void ended() override {}

 private:
  void write(Delivery delivery) {
    for (Batch& batch : open_fully(std::move(delivery))) {
      deliver(*owner_.output_, std::move(batch));
    }
  }

  InputBatcher& owner_;
};

InputBatcher::~InputBatcher() { stop(); }

Result<std::unique_ptr<InputBatcher>> InputBatcher::build(const BatchPolicyConfig& policy,
                                                          BuildContext& context) {
  std::unique_ptr<InputBatcher> batcher(new InputBatcher());
  auto feeder = std::make_unique<Feeder>();
  batcher->feeder_ = feeder.get();
  batcher->output_ = TRY(context.batched(std::move(feeder), policy));
  batcher->front_ = std::make_unique<Front>(*batcher);
  TRY(batcher->output_->start());
  return batcher;
}

void InputBatcher::start(Intake& downstream) { feeder_->begin(downstream); }

Intake& InputBatcher::intake() { return *front_; }

void InputBatcher::stop() {
  if (!output_) return;
  feeder_->interrupt();
  output_->close(std::chrono::steady_clock::now());
  feeder_->finish();
}

}  // namespace tollgate
