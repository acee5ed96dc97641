#include "pipeline/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <thread>

#include "component/wait.h"
#include "config/component_spec.h"

namespace tollgate {

namespace {

using Clock = std::chrono::steady_clock;

const Error kStopping(Fault::cancelled, "the collector is stopping");

}  // namespace

// What inputs submit to: counts the bytes against the memory limit and queues.
class Stream::Front final : public Intake {
 public:
  explicit Front(Stream& stream) : stream_(stream) {}

  Result<> submit(Delivery delivery) override {
    auto& budget = stream_.environment_.budget;
    if (stream_.closed_ || !budget.acquire(delivery.bytes, stream_.closed_)) {
      return cancelled(std::string(kStopping.message()));
    }
    queue(std::move(delivery));
    return {};
  }

  bool try_submit(Delivery& delivery) override {
    if (stream_.closed_ || !stream_.environment_.budget.try_acquire(delivery.bytes)) return false;
    queue(std::move(delivery));
    return true;
  }

  void exhausted() override {
    stream_.exhausted_ = true;
    stream_.finish_if_exhausted();
  }
  void ended() override {
    if (stream_.buffer_) {
      stream_.buffer_->end_of_input();
    } else {
      stream_.ended_();
    }
  }

 private:
  void queue(Delivery delivery) {
    auto& budget = stream_.environment_.budget;
    // Charged as announced until it is opened, then as what it really takes if that is more.
    auto held = std::make_shared<std::atomic<std::size_t>>(delivery.bytes);
    if (delivery.bytes > 0) {
      delivery.open = [&budget, held, open = std::move(delivery.open)]() mutable {
        auto opened = open();
        const std::size_t taken = opened ? memory_of(*opened) : 0;
        if (const std::size_t announced = *held; taken > announced) {
          budget.charge(taken - announced);
          *held = taken;
        }
        return opened;
      };
    }
    delivery.done = [&budget, held, done = std::move(delivery.done)](TransactionResult result) mutable {
      budget.release(*held);
      if (done) done(std::move(result));
    };
    (stream_.intake_workers_ ? stream_.intake_workers_ : stream_.pipeline_workers_)
        ->push(std::move(delivery));
  }

  static std::size_t memory_of(const Batch& batch) {
    return batch.arena().footprint() + batch.size() * sizeof(Message);
  }

  Stream& stream_;
};

// What a buffer submits to. It bounds what it keeps, so nothing is counted again.
class Stream::Middle final : public Intake {
 public:
  explicit Middle(Stream& stream) : stream_(stream) {}
  Result<> submit(Delivery delivery) override {
    if (stream_.abandoned_) return cancelled(std::string(kStopping.message()));
    stream_.pipeline_workers_->push(std::move(delivery));
    return {};
  }
  bool try_submit(Delivery& delivery) override {
    stream_.pipeline_workers_->push(std::move(delivery));
    return true;
  }
  void exhausted() override {
    stream_.exhausted_ = true;
    stream_.finish_if_exhausted();
  }
  void ended() override { stream_.ended_(); }

 private:
  Stream& stream_;
};

Stream::Stream(Environment& environment)
    : environment_(environment),
      front_(std::make_unique<Front>(*this)),
      middle_(std::make_unique<Middle>(*this)) {}

Stream::~Stream() = default;

Result<std::unique_ptr<Stream>> Stream::build(Environment& environment, Resources& resources,
                                              const StreamConfig& config) {
  std::unique_ptr<Stream> stream(new Stream(environment));
  stream->output_ = TRY(build_output(environment, resources, config.output, "root.output"));
  std::vector<ProcessorFactory> factories;
  for (std::size_t i = 0; i < config.processors.size(); ++i) {
    factories.push_back(TRY(build_processor(environment, resources, config.processors[i],
                                            fmt::format("root.pipeline.processors.{}", i))));
  }
  if (config.buffer) {
    const auto use =
        identify_component(ComponentKind::buffer, config.buffer, environment.catalogue);
    if (!use) return invalid(fmt::format("root.buffer: {}", use.error().message));
    if (use->spec->name != "none") {
      stream->buffer_ = TRY(build_buffer(environment, resources, config.buffer, "root.buffer"));
    }
  }
  stream->input_ = TRY(build_input(environment, resources, config.input, "root.input"));

  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  auto threads = config.threads < 1 ? cores : static_cast<std::size_t>(config.threads);
  // As in the incumbent: without processors batches reach the output in the order of the input.
  if (factories.empty()) threads = 1;
  for (std::size_t i = 0; i < threads; ++i) {
    stream->chains_.emplace_back(factories);
    if (stream->output_->reads_bytes_alone()) stream->chains_.back().expect_bytes_alone();
  }
  return stream;
}

Result<> Stream::start(std::function<void()> ended) {
  ended_ = std::move(ended);
  TRY(output_->start());
  pipeline_workers_ = std::make_unique<WorkQueue<Delivery>>(
      chains_.size(),
      [this](std::size_t worker, Delivery delivery) {
        environment_.gate.wait([this] { return abandoned_ || !output_->saturated(); });
        open_delivery(std::move(delivery), true,
                      [this, worker](Batch batch) { run_pipeline(worker, std::move(batch)); });
      },
      [this] { finish_if_exhausted(); });
  if (buffer_) {
    TRY(buffer_->start(*middle_));
    intake_workers_ =
        std::make_unique<WorkQueue<Delivery>>(1, [this](std::size_t, Delivery delivery) {
          open_delivery(std::move(delivery), false, [this](Batch batch) {
            if (auto written = buffer_->write(std::move(batch)); !written) {
              environment_.logger.error("buffer: {}", written.error().message());
            }
          });
        });
  }
  return input_->start(*front_);
}

void Stream::open_delivery(Delivery delivery, bool counted,
                           const std::function<void(Batch)>& continue_with) {
  auto opened = delivery.open();
  if (!opened) {
    TransactionResult refused;
    refused.records = 1;
    refused.count[static_cast<std::size_t>(Outcome::failed)] = 1;
    refused.failures.push_back({0, std::move(opened).error(), Refusal::content});
    if (delivery.done) delivery.done(std::move(refused));
    return;
  }
  Batch batch = std::move(*opened);
  std::uint32_t records = 0;
  for (Message& message : batch) {
    if (!message.receipt) ++records;
    if (!message.identity.is_set()) message.identity = Identity::random();
  }
  Ledger* ledger = counted ? &environment_.ledger : nullptr;
  if (ledger) ledger->receive(records);
  auto receipts = Transaction::open(
      records, [ledger, done = std::move(delivery.done)](TransactionResult result) mutable {
        if (ledger) ledger->settle(result);
        if (done) done(std::move(result));
      });
  auto receipt = receipts.begin();
  for (Message& message : batch) {
    if (!message.receipt) message.receipt = std::move(*receipt++);
  }

  std::vector<Batch> current;
  current.push_back(std::move(batch));
  for (const auto& stage : delivery.stages) {
    std::vector<Batch> next;
    for (Batch& each : current) {
      if (!stage(std::move(each), next)) continue;  // it failed the receipts it could not handle
    }
    current = std::move(next);
  }
  for (Batch& each : current) {
    if (!each.empty()) continue_with(std::move(each));
  }
}

void Stream::run_pipeline(std::size_t worker, Batch batch) {
  if (abandoned_) return batch.fail(kStopping);
  std::vector<Batch> made;
  if (auto run = chains_[worker].process(std::move(batch), made); !run) {
    environment_.logger.error("pipeline: {}", run.error().message());
  }
  for (Batch& each : made) deliver(*output_, std::move(each));
}

void Stream::finish_if_exhausted() {
  if (!exhausted_ || !pipeline_workers_ || !pipeline_workers_->idle()) return;
  if (intake_workers_ && !intake_workers_->idle()) return;
  output_->flush();
}

bool Stream::stop(Clock::time_point deadline) {
  // Before the input stops, so that one which waits for room stops waiting.
  closed_ = true;
  environment_.budget.wake();
  input_->stop();
  if (!pipeline_workers_) return true;  // it was never started
  if (intake_workers_) intake_workers_->wait_idle(deadline);
  // From now on nothing waits for company: a buffer that hands on all it has would wait for that.
  exhausted_ = true;
  finish_if_exhausted();
  std::jthread buffer_stop;
  if (buffer_) {
    // What would be lost with it a buffer hands on until it is refused: its stop may last.
    std::promise<void> promise;
    const auto stopped = promise.get_future();
    buffer_stop = std::jthread([this, done = std::move(promise)]() mutable {
      buffer_->stop();
      done.set_value();
    });
    stopped.wait_until(deadline);
  }
  bool clean = pipeline_workers_->wait_idle(deadline);
  output_->flush();
  while (environment_.ledger.totals().pending > 0 && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  // A processor that was made to give up its wait has failed its messages: nothing is pending then either.
  clean &= environment_.ledger.totals().pending == 0 && !waits_abandoned().stop_requested();
  abandoned_ = true;
  environment_.gate.open();
  output_->close(deadline);
  if (buffer_stop.joinable()) buffer_stop.join();
  if (intake_workers_) intake_workers_->stop();
  pipeline_workers_->stop();
  return clean;
}

bool Stream::input_connected() const { return input_->connected(); }
bool Stream::output_connected() const { return output_->connected(); }

}  // namespace tollgate
