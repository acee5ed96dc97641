#include "pipeline/batcher.h"

#include <algorithm>

#include "runtime/executor.h"

namespace tollgate {

namespace {

constexpr auto kSuspectPatience = std::chrono::seconds(5);
constexpr auto kBrakePause = std::chrono::seconds(5);

/// What a person finds the event by: the CloudEvent's id if there is one.
std::string describe(const Message& message) {
  Arena scratch;
  const Value document = message.document(scratch);
  if (document.is(Kind::object)) {
    const Value* id = document.as_object().find("id", scratch);
    if (id && id->is(Kind::string)) return std::string(id->as_text());
  }
  return {};
}

std::vector<ProcessorFactory> slice(const std::vector<ProcessorFactory>& all, std::size_t from,
                                    std::size_t to) {
  return {all.begin() + static_cast<std::ptrdiff_t>(from),
          all.begin() + static_cast<std::ptrdiff_t>(to)};
}

}  // namespace

// One flushed batch on its way, with the tries it takes. Kept alive by the receipts' callbacks.
class Batcher::Flush : public std::enable_shared_from_this<Flush> {
 public:
  Flush(Batcher& owner, Batch snapshot) : owner_(owner), snapshot_(std::move(snapshot)) {}

  void start() {
    std::vector<std::uint32_t> all(snapshot_.size());
    for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    unfinished_ = 1;
    attempt(std::move(all));
  }

 private:
  void attempt(std::vector<std::uint32_t> indexes) {
    std::vector<Batch> made;
    std::vector<DeferredEffects::Effect> effects;
    auto state = std::make_shared<State>();
    {
      // Tries of one flush share its memory, so they are prepared one at a time.
      std::lock_guard lock(preparing_);
      Batch work(snapshot_.shared_memory());
      for (const auto index : indexes) work.add(snapshot_[index].copy());
      auto receipts = Transaction::open(
          static_cast<std::uint32_t>(indexes.size()),
          [self = shared_from_this(), state, indexes](TransactionResult result) {
            self->ended(indexes, *state, std::move(result));
          });
      for (std::size_t i = 0; i < work.size(); ++i) work[i].receipt = std::move(receipts[i]);
      DeferredEffects deferred;
      auto chain = owner_.borrow_chain(false);
      if (auto run = chain->process(std::move(work), made); !run) made.clear();
      owner_.return_chain(false, std::move(chain));
      state->effects = deferred.take();
      for (Batch& batch : made) {
        batch.encode();
        for (const Message& message : batch) state->collapsed |= message.receipt.records() > 1;
      }
    }
    for (Batch& batch : made) deliver(*owner_.child_, std::move(batch));
  }

  struct State {
    std::vector<DeferredEffects::Effect> effects;
    bool collapsed = false;  // several messages share one fate
  };

  void ended(const std::vector<std::uint32_t>& indexes, State& state, TransactionResult result) {
    if (result.ok()) {
      for (const auto& effect : state.effects) effect();
    }
    std::vector<std::uint32_t> refused;
    bool any_accepted = false;
    auto failure = result.failures.begin();
    for (std::uint32_t i = 0; i < result.records; ++i) {
      const Outcome outcome = outcome_of(result, i);
      const bool has_reason = failure != result.failures.end() && failure->record == i;
      Receipt& receipt = snapshot_[indexes[i]].receipt;
      any_accepted |= outcome == Outcome::delivered;
      if (outcome != Outcome::failed) {
        if (has_reason) {
          receipt.resolve(outcome, failure->error, failure->refusal);
        } else {
          receipt.resolve(outcome);
        }
      } else if (failure->refusal == Refusal::none) {
        receipt.fail(failure->error);
      } else if (!state.collapsed || result.records == 1) {
        suspect(indexes[i], failure->error);
      } else {
        refused.push_back(indexes[i]);
      }
      if (has_reason) ++failure;
    }
    if (any_accepted) {
      accepted_ = true;
      owner_.accepted();
    }
    if (refused.empty()) return finish_one();
    const auto middle = refused.begin() + static_cast<std::ptrdiff_t>(refused.size() / 2);
    std::vector<std::uint32_t> left(refused.begin(), middle), right(middle, refused.end());
    if (left.empty()) {
      left.swap(right);
    } else {
      ++unfinished_;
    }
    // Not from inside an ack: a long bisection would hold up the network thread.
    owner_.executor_.post([self = shared_from_this(), left, right] {
      self->attempt(left);
      if (!right.empty()) self->attempt(right);
    });
  }

  static Outcome outcome_of(const TransactionResult& result, std::uint32_t record) {
    if (!result.outcomes.empty()) return result.outcomes[record];
    return static_cast<Outcome>(std::ranges::max_element(result.count) - result.count.begin());
  }

  void suspect(std::uint32_t index, const Error& error) {
    std::lock_guard lock(preparing_);
    suspects_.push_back({std::move(snapshot_[index].receipt), error, describe(snapshot_[index]),
                         Clock::now()});
  }

  void finish_one() {
    if (--unfinished_ > 0) return;
    if (suspects_.empty()) return;
    if (accepted_) {
      owner_.settle_suspects(std::move(suspects_), true);
    } else if (suspects_.size() > 1) {
      owner_.settle_suspects(std::move(suspects_), false);
    } else {
      auto& [receipt, error, id, since] = suspects_.front();
      owner_.isolated(std::move(receipt), std::move(error), std::move(id));
    }
  }

  Batcher& owner_;
  Batch snapshot_;
  std::mutex preparing_;
  std::vector<Suspect> suspects_;       // preparing_, until the last try ended
  std::atomic<int> unfinished_{0};      // tries that did not end
  std::atomic<bool> accepted_{false};   // the destination took a part of this batch
};

Batcher::Batcher(std::unique_ptr<Output> child, BatchPolicy policy, Counters counters,
                 TimerQueue& timers, Executor& executor, Gate& gate, Logger logger)
    : child_(std::move(child)),
      policy_(std::move(policy)),
      counters_(counters),
      timers_(timers),
      executor_(executor),
      gate_(gate),
      logger_(std::move(logger)),
      last_flush_(Clock::now()) {}

Batcher::~Batcher() = default;

void Batcher::write(SharedBatch batch, Ack ack) {
  auto receipts = receipts_for(static_cast<std::uint32_t>(batch->size()), std::move(ack));
  std::optional<Batch> full;
  {
    std::lock_guard lock(lock_);
    const std::size_t from = pending_.size();
    pending_.messages().reserve(from + batch->size());
    for (std::size_t i = 0; i < batch->size(); ++i) {
      Message copy = (*batch)[i].copy();
      Message& own = pending_.add(copy.move_to(pending_.memory()));
      own.receipt = std::move(receipts[i]);
      pending_bytes_ += own.bytes().size();
    }
    if (Counter* trigger = due(from)) {
      trigger->add_count(1);
      full = take();
    } else {
      arm_timer();
    }
  }
  batch.reset();
  if (full) send(std::move(*full));
}

Counter* Batcher::due(std::size_t added_from) {
  if (pending_.empty()) return nullptr;
  if (policy_.count > 0 && pending_.size() >= policy_.count) return counters_.by_count;
  if (policy_.byte_size > 0 && pending_bytes_ >= policy_.byte_size) return counters_.by_size;
  if (policy_.check) {
    Arena scratch;
    for (std::size_t i = added_from; i < pending_.size(); ++i) {
      const auto passed = policy_.check->check(pending_, i, scratch);
      if (!passed) logger_.error("batch check failed: {}", passed.error().message());
      if (passed && *passed) return counters_.by_check;
    }
  }
  if (policy_.period.count() > 0 && Clock::now() - last_flush_ > policy_.period) {
    return counters_.by_period;
  }
  return eager_ ? counters_.by_flush : nullptr;
}

void Batcher::arm_timer() {
  if (policy_.period.count() <= 0 || timer_ || pending_.empty()) return;
  const auto elapsed = Clock::now() - last_flush_;
  const auto left = std::max<std::chrono::nanoseconds>(policy_.period - elapsed, {});
  timer_ = timers_.after(left, [this] { executor_.post([this] { on_timer(); }); });
}

void Batcher::on_timer() {
  std::optional<Batch> full;
  {
    std::lock_guard lock(lock_);
    timer_.reset();
    if (pending_.empty()) return;
    if (Clock::now() - last_flush_ < policy_.period) {  // another trigger flushed meanwhile
      arm_timer();
      return;
    }
    counters_.by_period->add_count(1);
    full = take();
  }
  send(std::move(*full));
}

Batch Batcher::take() {
  last_flush_ = Clock::now();
  pending_bytes_ = 0;
  return std::exchange(pending_, Batch());
}

void Batcher::send(Batch batch) {
  std::vector<Batch> ready;
  if (policy_.run_once > 0) {
    auto chain = borrow_chain(true);
    auto run = chain->process(std::move(batch), ready);
    return_chain(true, std::move(chain));
    if (!run) return;
  } else {
    ready.push_back(std::move(batch));
  }
  for (Batch& each : ready) std::make_shared<Flush>(*this, std::move(each))->start();
}

std::unique_ptr<ProcessorChain> Batcher::borrow_chain(bool once) {
  {
    std::lock_guard lock(chains_lock_);
    auto& idle = once ? once_chains_ : again_chains_;
    if (!idle.empty()) {
      auto chain = std::move(idle.back());
      idle.pop_back();
      return chain;
    }
  }
  const auto& all = policy_.processors;
  return std::make_unique<ProcessorChain>(once ? slice(all, 0, policy_.run_once)
                                               : slice(all, policy_.run_once, all.size()));
}

void Batcher::return_chain(bool once, std::unique_ptr<ProcessorChain> chain) {
  std::lock_guard lock(chains_lock_);
  (once ? once_chains_ : again_chains_).push_back(std::move(chain));
}

bool Batcher::saturated() const {
  {
    std::lock_guard lock(brake_lock_);
    if (Clock::now() < paused_until_) return true;
  }
  return child_->saturated();
}

bool Batcher::connected() const {
  {
    std::lock_guard lock(brake_lock_);
    if (Clock::now() < paused_until_) return false;
  }
  return child_->connected();
}

void Batcher::flush() {
  std::optional<Batch> full;
  {
    std::lock_guard lock(lock_);
    eager_ = true;
    if (!pending_.empty()) {
      counters_.by_flush->add_count(1);
      full = take();
    }
  }
  if (full) send(std::move(*full));
  child_->flush();
}

void Batcher::close(std::chrono::steady_clock::time_point deadline) {
  flush();
  std::optional<TimerQueue::Id> period_timer, suspect_timer;
  {
    std::lock_guard lock(lock_);
    period_timer = timer_;
  }
  if (period_timer) timers_.cancel(*period_timer);
  child_->close(deadline);
  std::vector<Suspect> left;
  {
    std::lock_guard lock(brake_lock_);
    left.swap(suspects_);
    suspect_timer = suspect_timer_;
  }
  if (suspect_timer) timers_.cancel(*suspect_timer);
  settle_suspects(std::move(left), false);
}

// The brake ---------------------------------------------------------------------------------------

void Batcher::accepted() {
  std::vector<Suspect> confirmed;
  {
    std::lock_guard lock(brake_lock_);
    confirmed.swap(suspects_);
    paused_until_ = {};
  }
  if (!confirmed.empty()) settle_suspects(std::move(confirmed), true);
}

void Batcher::isolated(Receipt receipt, Error error, std::string id) {
  std::vector<Suspect> given_up;
  {
    std::lock_guard lock(brake_lock_);
    suspects_.push_back({std::move(receipt), std::move(error), std::move(id), Clock::now()});
    if (suspects_.size() > 1) given_up.swap(suspects_);
    if (given_up.empty()) {
      suspect_timer_ = timers_.after(kSuspectPatience,
                                     [this] { executor_.post([this] { give_up_overdue(); }); });
    }
  }
  settle_suspects(std::move(given_up), false);
}

void Batcher::give_up_overdue() {
  std::vector<Suspect> overdue;
  {
    std::lock_guard lock(brake_lock_);
    if (!suspects_.empty() && Clock::now() - suspects_.front().since >= kSuspectPatience) {
      overdue.swap(suspects_);
    }
  }
  settle_suspects(std::move(overdue), false);
}

void Batcher::settle_suspects(std::vector<Suspect> suspects, bool guilty) {
  if (suspects.empty()) return;
  if (guilty) {
    for (Suspect& each : suspects) {
      counters_.isolated->add_count(1);
      logger_.write(LogLevel::warn, "The destination refused one event of a batch; the others were delivered",
                    {{"id", each.id}, {"reason", std::string(each.error.message())}});
      each.receipt.fail(each.error, Refusal::content);
    }
    return;
  }
  {
    std::lock_guard lock(brake_lock_);
    paused_until_ = Clock::now() + kBrakePause;
  }
  logger_.error(
      "The destination refuses every event, one by one, so the events are not to blame: pausing {} s "
      "and keeping them with their senders. Check its URL and credentials. It said: {}",
      kBrakePause.count(), suspects.front().error.message());
  // Without the server's words: a drop_on rule that matches them is meant for culprits only.
  for (Suspect& each : suspects) {
    each.receipt.fail(Error(Fault::transient,
                            "the destination refuses every event one by one, so it is not to blame "
                            "on this one; send it again later"));
  }
}

}  // namespace tollgate
