#include "pipeline/observed.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "runtime/work_queue.h"

namespace tollgate {

namespace {

using Clock = std::chrono::steady_clock;

/// Processor instances for callers that are no worker: taken and given back.
class ChainPool {
 public:
  explicit ChainPool(std::vector<ProcessorFactory> factories) : factories_(std::move(factories)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) {
    auto chain = take();
    auto done = chain->process(std::move(batch), out);
    std::lock_guard lock(lock_);
    idle_.push_back(std::move(chain));
    return done;
  }

 private:
  std::unique_ptr<ProcessorChain> take() {
    {
      std::lock_guard lock(lock_);
      if (!idle_.empty()) {
        auto chain = std::move(idle_.back());
        idle_.pop_back();
        return chain;
      }
    }
    return std::make_unique<ProcessorChain>(factories_);
  }

  const std::vector<ProcessorFactory> factories_;
  std::mutex lock_;
  std::vector<std::unique_ptr<ProcessorChain>> idle_;  // lock_
};

// Input -------------------------------------------------------------------------------------------

class ObservedInput final : public Input, private Intake {
 public:
  ObservedInput(std::unique_ptr<Input> child, std::vector<ProcessorFactory> processors,
                BuildContext& context)
      : child_(std::move(child)),
        state_(std::make_shared<State>(context.counter("input_received"),
                                       context.timer("input_latency_ns"))) {
    if (!processors.empty()) chains_ = std::make_shared<ChainPool>(std::move(processors));
    context.counter("input_connection_up").add_count(0);
    up_ = &context.counter("input_connection_up");
    context.counter("input_connection_failed");
    context.counter("input_connection_lost");
    logger_ = context.logger();
    type_ = context.type();
  }

  Result<> start(Intake& intake) override {
    downstream_ = &intake;
    auto started = child_->start(*this);
    if (started) {
      up_->add_count(1);
      logger_.info("Input type {} is now active", type_);
    }
    return started;
  }
  void stop() override { child_->stop(); }
  bool connected() const override { return child_->connected(); }

 private:
  struct State {
    State(Counter& r, Timer& l) : received(r), latency(l) {}
    Counter& received;
    Timer& latency;
  };

  Result<> submit(Delivery delivery) override {
    instrument(delivery);
    return downstream_->submit(std::move(delivery));
  }
  bool try_submit(Delivery& delivery) override {
    // Only what was taken is instrumented: a refused one goes back as it came.
    const std::size_t stages = delivery.stages.size();
    add_stages(delivery);
    auto inner = std::make_shared<Transaction::Done>(std::move(delivery.done));
    delivery.done = [state = state_, begun = Clock::now(), inner](TransactionResult result) {
      state->latency.record(Clock::now() - begun);
      if (*inner) (*inner)(std::move(result));
    };
    if (downstream_->try_submit(delivery)) return true;
    delivery.stages.resize(stages);
    delivery.done = std::move(*inner);
    return false;
  }
  void exhausted() override { downstream_->exhausted(); }
  void ended() override { downstream_->ended(); }

  void instrument(Delivery& delivery) {
    add_stages(delivery);
    if (!delivery.done) return;
    delivery.done = [state = state_, begun = Clock::now(),
                     done = std::move(delivery.done)](TransactionResult result) mutable {
      state->latency.record(Clock::now() - begun);
      done(std::move(result));
    };
  }

  void add_stages(Delivery& delivery) {
    delivery.stages.push_back(
        [state = state_](Batch batch, std::vector<Batch>& out) -> Result<> {
          state->received.add_count(batch.size());
          out.push_back(std::move(batch));
          return {};
        });
    if (!chains_) return;
    delivery.stages.push_back([chains = chains_](Batch batch, std::vector<Batch>& out) {
      return chains->process(std::move(batch), out);
    });
  }

  const std::unique_ptr<Input> child_;
  const std::shared_ptr<State> state_;
  std::shared_ptr<ChainPool> chains_;
  Intake* downstream_ = nullptr;
  Counter* up_ = nullptr;
  Logger logger_;
  std::string type_;
};

// Processor ---------------------------------------------------------------------------------------

struct ProcessorSeries {
  Counter &received, &batch_received, &sent, &batch_sent, &error;
  Timer& latency;
  Logger logger;
};

class ObservedProcessor final : public Processor {
 public:
  ObservedProcessor(std::unique_ptr<Processor> child, std::shared_ptr<const ProcessorSeries> series)
      : child_(std::move(child)), series_(std::move(series)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    const auto begun = Clock::now();
    series_->received.add_count(batch.size());
    series_->batch_received.add_count(1);
    // A message fails here if it comes out with another error than any it could have come in with.
    const MessageError* before = nullptr;
    bool mixed = false;
    for (const Message& message : batch) {
      if (!message.error()) continue;
      mixed |= before != nullptr;
      before = message.error();
    }
    std::vector<const MessageError*> known;
    if (mixed) {
      for (const Message& message : batch) {
        if (message.error()) known.push_back(message.error());
      }
    }
    const std::size_t first = out.size();
    auto done = child_->process(std::move(batch), out);
    std::size_t sent = 0, failed = 0;
    for (std::size_t i = first; i < out.size(); ++i) {
      sent += out[i].size();
      for (const Message& message : out[i]) {
        const MessageError* error = message.error();
        if (!error || error == before) continue;
        if (mixed && std::ranges::find(known, error) != known.end()) continue;
        ++failed;
        series_->logger.debug("Processor failed: {}", error->text);
      }
    }
    series_->sent.add_count(sent);
    series_->batch_sent.add_count(out.size() - first);
    if (failed) series_->error.add_count(failed);
    series_->latency.record(Clock::now() - begun);
    return done;
  }

 private:
  const std::unique_ptr<Processor> child_;
  const std::shared_ptr<const ProcessorSeries> series_;
};

// Output ------------------------------------------------------------------------------------------

class ObservedOutput final : public Output {
 public:
  ObservedOutput(std::unique_ptr<Output> child, BuildContext& context,
                 std::shared_ptr<const std::atomic<bool>> isolated)
      : child_(std::move(child)),
        series_(std::make_shared<Series>(
            context.counter("output_sent"), context.counter("output_batch_sent"),
            context.counter("output_error"), context.counter("output_connection_up"),
            context.timer("output_latency_ns"), context.logger(), context.type(),
            std::move(isolated))),
        strict_(context.strict() && context.type() != "reject" && context.type() != "drop"),
        rejected_(context.counter("output_rejected")) {
    context.counter("output_connection_failed");
    context.counter("output_connection_lost");
  }

  Result<> start() override {
    auto started = child_->start();
    if (started) {
      series_->up.add_count(1);
      series_->logger.info("Output type {} is now active", series_->type);
    }
    return started;
  }

  void write(SharedBatch batch, Ack ack) override {
    if (strict_) {
      refuse_failed(batch, ack);
      if (!batch) return;
    }
    std::uint64_t messages = 0;
    for (const Message& message : *batch) messages += message.collapsed;
    child_->write(std::move(batch), Ack([series = series_, messages, begun = Clock::now(),
                                         ack = std::move(ack)](WriteResult result) mutable {
                    series->latency.record(Clock::now() - begun);
                    if (result.ok()) {
                      series->sent.add_count(messages);
                      series->batch_sent.add_count(1);
                    } else {
                      series->error.add_count(1);
                      series->logger.write(
                          level_of(result, *series->isolated),
                          fmt::format("Failed to send message to {}: {}", series->type,
                                      reason(result)),
                          {});
                    }
                    ack(std::move(result));
                  }));
  }

  bool saturated() const override { return child_->saturated(); }
  bool connected() const override { return child_->connected(); }
  void flush() override { child_->flush(); }
  void close(Clock::time_point deadline) override { child_->close(deadline); }

 private:
  struct Series {
    Series(Counter& s, Counter& b, Counter& e, Counter& u, Timer& l, Logger log, std::string t,
           std::shared_ptr<const std::atomic<bool>> i)
        : sent(s), batch_sent(b), error(e), up(u), latency(l), logger(std::move(log)),
          type(std::move(t)), isolated(std::move(i)) {}
    Counter &sent, &batch_sent, &error, &up;
    Timer& latency;
    Logger logger;
    std::string type;
    /// A batcher above looks for culprits and names each: the tries that takes are no errors to log.
    std::shared_ptr<const std::atomic<bool>> isolated;
  };

  static LogLevel level_of(const WriteResult& result, bool isolated) {
    const auto troubled = [](const WriteStatus& status) {
      return status.outcome == Outcome::failed && status.refusal == Refusal::none;
    };
    const bool trouble =
        troubled(result.status) || std::ranges::any_of(result.exceptions, [&](const auto& each) {
          return troubled(each.second);
        });
    return isolated && !trouble ? LogLevel::debug : LogLevel::error;
  }

  static std::string_view reason(const WriteResult& result) {
    if (result.status.outcome == Outcome::failed && result.status.error) {
      return result.status.error->message();
    }
    for (const auto& [index, status] : result.exceptions) {
      if (status.outcome == Outcome::failed && status.error) return status.error->message();
    }
    return "unknown reason";
  }

  /// Strict error handling: failed messages are refused here, the rest goes on.
  void refuse_failed(SharedBatch& batch, Ack& ack) {
    std::vector<std::uint32_t> sound;
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      if (!(*batch)[i].error()) sound.push_back(i);
    }
    if (sound.size() == batch->size()) return;
    rejected_.add_count(batch->size() - sound.size());
    series_->logger.warn("Rejected {} messages due to failed processing",
                         batch->size() - sound.size());
    auto receipts = receipts_for(static_cast<std::uint32_t>(batch->size()), std::move(ack));
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      const MessageError* error = (*batch)[i].error();
      if (!error) continue;
      receipts[i].fail(Error(Fault::invalid, "rejecting message due to failed processing: " +
                                                 std::string(error->text)));
    }
    if (sound.empty()) {
      batch = nullptr;
      return;
    }
    batch = subset(batch, sound);
    ack = Ack([receipts = std::move(receipts), sound](const WriteResult& result) mutable {
      for (std::uint32_t i = 0; i < sound.size(); ++i) settle(receipts[sound[i]], result.of(i));
    });
  }

  const std::unique_ptr<Output> child_;
  const std::shared_ptr<Series> series_;
  const bool strict_;
  Counter& rejected_;
};

/// Runs the processors on one thread of its own, in order: writes may come from the network thread,
/// and a processor may wait for something that this very thread brings.
class ProcessedOutput final : public Output {
 public:
  ProcessedOutput(std::unique_ptr<Output> child, std::vector<ProcessorFactory> processors)
      : child_(std::move(child)),
        chain_(processors),
        worker_(1, [this](std::size_t, Batch batch) { run(std::move(batch)); }) {}
  ~ProcessedOutput() override { worker_.stop(); }

  Result<> start() override { return child_->start(); }

  void write(SharedBatch batch, Ack ack) override {
    auto receipts = receipts_for(static_cast<std::uint32_t>(batch->size()), std::move(ack));
    // The batch may be shared with others and is constant: the processors get a copy of their own.
    Batch work;
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      Message copy = (*batch)[i].copy();
      work.add(copy.move_to(work.memory())).receipt = std::move(receipts[i]);
    }
    if (work.empty()) return;  // answered already
    worker_.push(std::move(work));
  }

  bool saturated() const override { return !worker_.idle() || child_->saturated(); }
  bool connected() const override { return child_->connected(); }
  void flush() override {
    eager_ = true;
    child_->flush();
  }
  void close(Clock::time_point deadline) override {
    worker_.wait_idle(deadline);
    child_->close(deadline);
  }

 private:
  void run(Batch batch) {
    std::vector<Batch> made;
    if (!chain_.process(std::move(batch), made)) return;
    for (Batch& each : made) deliver(*child_, std::move(each));
    if (eager_) child_->flush();
  }

  const std::unique_ptr<Output> child_;
  ProcessorChain chain_;             // of the worker
  std::atomic<bool> eager_{false};   // flush() was called
  WorkQueue<Batch> worker_;          // stops first
};

}  // namespace

std::unique_ptr<Input> observe_input(std::unique_ptr<Input> input,
                                     std::vector<ProcessorFactory> processors,
                                     BuildContext& context) {
  return std::make_unique<ObservedInput>(std::move(input), std::move(processors), context);
}

ProcessorFactory observe_processor(ProcessorFactory factory, BuildContext& context) {
  auto series = std::make_shared<const ProcessorSeries>(ProcessorSeries{
      context.counter("processor_received"), context.counter("processor_batch_received"),
      context.counter("processor_sent"), context.counter("processor_batch_sent"),
      context.counter("processor_error"), context.timer("processor_latency_ns"),
      context.logger()});
  return [factory = std::move(factory), series] {
    return std::make_unique<ObservedProcessor>(factory(), series);
  };
}

std::unique_ptr<Output> observe_output(std::unique_ptr<Output> output, BuildContext& context,
                                       std::shared_ptr<const std::atomic<bool>> isolated) {
  return std::make_unique<ObservedOutput>(std::move(output), context, std::move(isolated));
}

std::unique_ptr<Output> output_with_processors(std::unique_ptr<Output> output,
                                               std::vector<ProcessorFactory> processors) {
  return std::make_unique<ProcessedOutput>(std::move(output), std::move(processors));
}

}  // namespace tollgate
