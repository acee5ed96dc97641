#include "component/retrying_output.h"

#include <unordered_map>

#include <fmt/format.h>

#include "runtime/timer_queue.h"

namespace tollgate {

/// Shared with the batches under way, which may outlive the output by a moment.
struct RetryingOutput::State : std::enable_shared_from_this<State> {
  State(Output& output, Options given, TimerQueue& queue, Logger log)
      : child(output), options(given), timers(queue), logger(std::move(log)) {}

  Output& child;
  const Options options;
  TimerQueue& timers;
  const Logger logger;
  std::mutex lock;
  std::condition_variable idle;
  bool closing = false;                                            // guarded by lock
  std::size_t jobs = 0;                                            // guarded by lock
  std::unordered_map<Job*, TimerQueue::Id> waiting;                // guarded by lock
  std::atomic<std::size_t> retrying{0};

  void attempt(std::shared_ptr<Job> job);
  void answered(std::shared_ptr<Job> job, WriteResult result);
  void retry_later(std::shared_ptr<Job> job, std::chrono::nanoseconds wait);
  void finish(Job& job);
};

struct RetryingOutput::Job {
  Job(SharedBatch all, Ack to_answer, const Options& options)
      : batch(std::move(all)),
        ack(std::move(to_answer)),
        table(batch->size()),
        indexes(all_indexes(batch->size())),
        backoff(options.backoff) {}

  SharedBatch batch;
  Ack ack;
  StatusTable table;
  std::vector<std::uint32_t> indexes;  // still to be delivered
  Backoff backoff;
  int retries = 0;
};

RetryingOutput::RetryingOutput(std::unique_ptr<Output> output, Options options, TimerQueue& timers,
                               Logger logger)
    : WrappedOutput(std::move(output)),
      state_(std::make_shared<State>(child(), options, timers, std::move(logger))) {}

RetryingOutput::~RetryingOutput() = default;

void RetryingOutput::write(SharedBatch batch, Ack ack) {
  auto job = std::make_shared<Job>(std::move(batch), std::move(ack), state_->options);
  {
    std::lock_guard hold(state_->lock);
    ++state_->jobs;
  }
  state_->attempt(std::move(job));
}

bool RetryingOutput::saturated() const {
  return state_->retrying.load() > 0 || child().saturated();
}

void RetryingOutput::close(std::chrono::steady_clock::time_point deadline) {
  std::unordered_map<Job*, TimerQueue::Id> given_up;
  {
    std::unique_lock hold(state_->lock);
    state_->idle.wait_until(hold, deadline, [&] { return state_->jobs == 0; });
    state_->closing = true;
    given_up.swap(state_->waiting);
  }
  // What waits for its next attempt ends with the failure of its last one: ~Waiting answers.
  for (const auto& [_, id] : given_up) state_->timers.cancel(id);
  child().close(deadline);
}

void RetryingOutput::State::attempt(std::shared_ptr<Job> job) {
  SharedBatch part = part_of(job->batch, job->indexes);
  child.write(std::move(part), Ack([self = shared_from_this(), job](WriteResult result) mutable {
                self->answered(std::move(job), std::move(result));
              }));
}

void RetryingOutput::State::answered(std::shared_ptr<Job> job, WriteResult result) {
  std::vector<std::uint32_t> left;
  WriteStatus first_failure;
  for (std::uint32_t i = 0; i < job->indexes.size(); ++i) {
    const WriteStatus& status = result.of(i);
    job->table.replace(job->indexes[i], status);
    if (status.outcome != Outcome::failed) continue;
    if (left.empty()) first_failure = status;
    left.push_back(job->indexes[i]);
  }
  if (left.empty()) {
    if (job->retries > 0) --retrying;
    return finish(*job);
  }
  const Error reason = first_failure.error.value_or(Error(Fault::transient, "failed"));
  job->indexes = std::move(left);
  if (job->retries++ == 0) ++retrying;
  const bool exhausted = options.max_retries > 0 && job->retries > options.max_retries;
  const auto wait = exhausted ? std::nullopt : job->backoff.next();
  if (!wait || reason.fault() == Fault::cancelled) {
    logger.error("Failed to send message: {}", reason.message());
    for (const std::uint32_t index : job->indexes) {
      job->table.replace(
          index, {Outcome::failed,
                  Error(reason.fault(),
                        fmt::format("message failed to reach a target destination: {}",
                                    reason.message())),
                  first_failure.refusal});
    }
    --retrying;
    return finish(*job);
  }
  logger.warn("Failed to send message: {}", reason.message());
  retry_later(std::move(job), *wait);
}

void RetryingOutput::State::retry_later(std::shared_ptr<Job> job, std::chrono::nanoseconds wait) {
  // Whoever runs or drops the timer's function last answers: a cancelled timer drops it.
  struct Waiting {
    std::shared_ptr<State> state;
    std::shared_ptr<Job> job;
    Waiting(std::shared_ptr<State> s, std::shared_ptr<Job> j)
        : state(std::move(s)), job(std::move(j)) {}
    Waiting(Waiting&&) = default;
    ~Waiting() {
      if (!job) return;
      --state->retrying;
      state->finish(*job);  // with the failures of the last attempt
    }
  };
  std::unique_lock hold(lock);
  if (closing) {
    hold.unlock();
    --retrying;
    return finish(*job);
  }
  Job* key = job.get();
  const auto id = timers.after(
      wait, [waiting_job = Waiting(shared_from_this(), std::move(job))]() mutable {
        State& state = *waiting_job.state;
        {
          std::lock_guard held(state.lock);
          state.waiting.erase(waiting_job.job.get());
          if (state.closing) return;  // ~Waiting answers
        }
        state.attempt(std::move(waiting_job.job));
      });
  waiting.emplace(key, id);
}

void RetryingOutput::State::finish(Job& job) {
  Ack ack = std::move(job.ack);
  ack(std::move(job.table).finish());
  std::lock_guard hold(lock);
  if (--jobs == 0) idle.notify_all();
}

}  // namespace tollgate
