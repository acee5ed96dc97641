#include "pipeline/observed.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <initializer_list>
#include <mutex>

#include "runtime/work_queue.h"

namespace tollgate {

namespace {

using Clock = std::chrono::steady_clock;

bool one_of(std::string_view type, std::initializer_list<std::string_view> types) {
  return std::ranges::find(types, type) != types.end();
}

// Components that only pass on what their children do have no series, as in the incumbent.

bool silent_input(std::string_view type) {
  return one_of(type, {"batched", "broker", "dynamic", "inproc", "read_until", "resource",
                       "sequence"});
}
bool silent_output(std::string_view type) {
  return one_of(type, {"batched", "broker", "drop_on", "dynamic", "fallback", "inproc", "memory",
                       "reject_errored", "resource", "retry", "switch"});
}
bool silent_processor(std::string_view type) {
  return one_of(type, {"metric", "noop", "resource", "sync_response"});
}

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
      : child_(std::move(child)) {
    if (!processors.empty()) chains_ = std::make_shared<ChainPool>(std::move(processors));
    if (silent_input(context.type())) return;
    state_ = std::make_shared<State>(context.counter("input_received"),
                                     context.timer("input_latency_ns"));
    if (context.type() == "http_server") return;  // it has no connection of its own
    up_ = &context.counter("input_connection_up");
    context.counter("input_connection_failed");
    context.counter("input_connection_lost");
    logger_ = context.logger();
    type_ = context.type();
  }

  Result<> start(Intake& intake) override {
    downstream_ = &intake;
    auto started = child_->start(*this);
    if (started && up_) {
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
    if (!state_) {
      if (downstream_->try_submit(delivery)) return true;
      delivery.stages.resize(stages);
      return false;
    }
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
    if (!delivery.done || !state_) return;
    delivery.done = [state = state_, begun = Clock::now(),
                     done = std::move(delivery.done)](TransactionResult result) mutable {
      state->latency.record(Clock::now() - begun);
      done(std::move(result));
    };
  }

  void add_stages(Delivery& delivery) {
    if (state_) {
      delivery.stages.push_back(
          [state = state_](Batch batch, std::vector<Batch>& out) -> Result<> {
            state->received.add_count(batch.size());
            out.push_back(std::move(batch));
            return {};
          });
    }
    if (!chains_) return;
    delivery.stages.push_back([chains = chains_](Batch batch, std::vector<Batch>& out) {
      return chains->process(std::move(batch), out);
    });
  }

  const std::unique_ptr<Input> child_;
  std::shared_ptr<State> state_;  // null: no series
  std::shared_ptr<ChainPool> chains_;
  Intake* downstream_ = nullptr;
  Counter* up_ = nullptr;  // null: no connection
  Logger logger_;
  std::string type_;
};

// Processor ---------------------------------------------------------------------------------------

/// Which of the failures that come out of a processor are its own, and counted as such.
enum class Failures : unsigned char {
  all,
  none,        ///< those of its children, which counted them
  not_nested,  ///< those that no child counted on this thread meanwhile
  branch,      ///< those of its mappings
};

Failures failures_of(std::string_view type) {
  if (type == "branch") return Failures::branch;
  if (one_of(type, {"cached", "switch", "workflow"})) return Failures::not_nested;
  const bool composes = one_of(type, {"catch", "for_each", "group_by", "parallel", "processors",
                                      "retry", "try", "try_catch", "while"});
  return composes ? Failures::none : Failures::all;
}

struct ProcessorSeries {
  Counter &received, &batch_received, &sent, &batch_sent, &error;
  Timer& latency;
  Logger logger;
  Failures failures;
};

/// Failures that processors inside another one counted; null outside of those that ask.
thread_local std::vector<const MessageError*>* counted_inside = nullptr;

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
    std::vector<const MessageError*> inside;
    auto* const outer = counted_inside;
    if (series_->failures == Failures::not_nested) counted_inside = &inside;
    auto done = child_->process(std::move(batch), out);
    counted_inside = outer;
    std::size_t sent = 0, failed = 0;
    for (std::size_t i = first; i < out.size(); ++i) {
      sent += out[i].size();
      for (const Message& message : out[i]) {
        const MessageError* error = message.error();
        if (!error || error == before) continue;
        if (mixed && std::ranges::find(known, error) != known.end()) continue;
        if (outer) outer->push_back(error);
        if (!is_own(*error, inside)) continue;
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

  void expect_bytes_alone() override { child_->expect_bytes_alone(); }

 private:
  bool is_own(const MessageError& error, const std::vector<const MessageError*>& inside) const {
    switch (series_->failures) {
      case Failures::all: return true;
      case Failures::none: return false;
      case Failures::not_nested: return std::ranges::find(inside, &error) == inside.end();
      case Failures::branch: return !error.text.starts_with("processors failed: ");
    }
    return true;
  }

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
        strict_(context.strict() && !exempt(context.type())),
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
    const auto slot = ack.slot();
    if (strict_) {
      refuse_failed(batch, ack);
      if (!batch) return;
    }
    auto settle = [series = series_, messages = batch->size(), begun = Clock::now(),
                   ack = std::move(ack)](WriteResult result) mutable {
      series->settle(messages, Clock::now() - begun, result);
      ack(std::move(result));
    };
    child_->write(std::move(batch), Ack(std::move(settle), slot));
  }

  bool saturated() const override { return child_->saturated(); }
  bool connected() const override { return child_->connected(); }
  // refuse_failed() looks at flags alone.
  bool reads_bytes_alone() const override { return child_->reads_bytes_alone(); }
  void flush() override { child_->flush(); }
  void close(Clock::time_point deadline) override { child_->close(deadline); }

 private:
  struct Series {
    Series(Counter& s, Counter& b, Counter& e, Counter& u, Timer& l, Logger log, std::string t,
           std::shared_ptr<const std::atomic<bool>> i)
        : sent(s), batch_sent(b), error(e), up(u), latency(l), logger(std::move(log)),
          type(std::move(t)), isolated(std::move(i)) {}

    void settle(std::size_t messages, Clock::duration elapsed, const WriteResult& result) {
      if (!result.ok()) {
        error.add_count(1);
        if (type == "reject") {
          logger.debug("Rejecting message: {}", reason(result));
        } else {
          logger.write(level_of(result, *isolated),
                       fmt::format("Failed to send message to {}: {}", type, reason(result)), {});
        }
        return;
      }
      // Some write message by message, and each counts as a batch.
      const std::size_t writes = one_of(type, {"file", "socket", "stdout"}) ? messages : 1;
      sent.add_count(messages);
      batch_sent.add_count(writes);
      for (std::size_t i = 0; i < writes; ++i) {
        latency.record(elapsed / static_cast<Clock::rep>(writes));
      }
    }

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

  /// From strict error handling: where no message is lost.
  static bool exempt(std::string_view type) {
    return one_of(type, {"drop", "reject"});
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
    const auto example = std::ranges::find_if(
        *batch, [](const Message& message) { return message.error() != nullptr; });
    series_->logger.warn("Rejecting {} of {} message(s) for output '{}' because they failed "
                         "processing (example error: {}). To let such messages through, wrap the "
                         "step that fails in a try_catch or retry processor.",
                         batch->size() - sound.size(), batch->size(), series_->type,
                         example->error()->text);
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
      work.add_copy((*batch)[i]).receipt = std::move(receipts[i]);
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
  if (silent_processor(context.type())) return factory;
  auto series = std::make_shared<const ProcessorSeries>(ProcessorSeries{
      context.counter("processor_received"), context.counter("processor_batch_received"),
      context.counter("processor_sent"), context.counter("processor_batch_sent"),
      context.counter("processor_error"), context.timer("processor_latency_ns"),
      context.logger(), failures_of(context.type())});
  return [factory = std::move(factory), series] {
    return std::make_unique<ObservedProcessor>(factory(), series);
  };
}

std::unique_ptr<Output> observe_output(std::unique_ptr<Output> output, BuildContext& context,
                                       std::shared_ptr<const std::atomic<bool>> isolated) {
  if (silent_output(context.type())) return output;
  return std::make_unique<ObservedOutput>(std::move(output), context, std::move(isolated));
}

std::unique_ptr<Output> output_with_processors(std::unique_ptr<Output> output,
                                               std::vector<ProcessorFactory> processors) {
  return std::make_unique<ProcessedOutput>(std::move(output), std::move(processors));
}

}  // namespace tollgate
