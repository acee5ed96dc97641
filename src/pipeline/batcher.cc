#include "pipeline/batcher.h"

#include <algorithm>
#include <condition_variable>
#include <numeric>

#include "runtime/executor.h"

namespace tollgate {

namespace {

constexpr std::string_view kBroken =
    "the destination refuses every event one by one, so it is not to blame on this one; send it "
    "again later";
constexpr auto kSuspectPatience = std::chrono::seconds(5);
constexpr auto kBrakePause = std::chrono::seconds(5);
/// How long close() waits beyond its deadline for the answers of the child it closed.
constexpr auto kLastAnswers = std::chrono::seconds(5);

Error stopping() { return Error(Fault::cancelled, "the collector is stopping"); }

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

/// One batch of all that processors made of one, whatever they cut it into.
void join(std::vector<Batch>& made) {
  for (std::size_t i = 1; i < made.size(); ++i) {
    for (Message& message : made[i]) {
      const bool same = made[i].shared_memory() == made[0].shared_memory();
      made[0].add(same ? std::move(message) : message.move_to(made[0].memory()));
    }
  }
  made.resize(std::min<std::size_t>(made.size(), 1));
}

}  // namespace

// Counts what is under way. Shared, so that the last one may leave while the batcher goes.
class Batcher::Flights {
 public:
  void enter() {
    std::lock_guard lock(lock_);
    ++count_;
  }
  void leave() {
    std::lock_guard lock(lock_);
    if (--count_ == 0) landed_.notify_all();
  }
  bool wait_until(Clock::time_point deadline) {
    std::unique_lock lock(lock_);
    return landed_.wait_until(lock, deadline, [this] { return count_ == 0; });
  }
  void wait() {
    std::unique_lock lock(lock_);
    landed_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex lock_;
  std::condition_variable landed_;
  std::size_t count_ = 0;  // lock_
};

class Batcher::Flight {
 public:
  explicit Flight(std::shared_ptr<Flights> flights) : flights_(std::move(flights)) {
    flights_->enter();
  }
  Flight(Flight&&) = default;
  ~Flight() {
    if (flights_) flights_->leave();
  }

 private:
  std::shared_ptr<Flights> flights_;
};

// One flushed batch on its way, with the tries it takes. Kept alive by the receipts' callbacks.
class Batcher::Flush : public std::enable_shared_from_this<Flush> {
 public:
  using Indexes = std::vector<std::uint32_t>;

  Flush(Batcher& owner, Batch snapshot)
      : flight_(owner.flights_), owner_(owner), snapshot_(std::move(snapshot)) {
    snapshot_.encode();
  }

  void start() {
    Indexes all(snapshot_.size());
    std::iota(all.begin(), all.end(), 0u);
    unfinished_ = 1;
    attempt(std::move(all));
  }

 private:
  using Effects = std::vector<DeferredEffects::Effect>;
  using Failure = TransactionResult::Failure;

  void attempt(Indexes indexes) {
    if (owner_.closed_) {
      for (const auto index : indexes) snapshot_[index].receipt.fail(stopping());
      return finish_one();
    }
    auto effects = std::make_shared<Effects>();
    const bool after_acceptance = accepted_;  // before it is sent: answers may overtake each other
    auto receipts = Transaction::open(
        static_cast<std::uint32_t>(indexes.size()),
        [self = shared_from_this(), effects, indexes,
         after_acceptance](const TransactionResult& result) {
          self->ended(indexes, *effects, result, after_acceptance);
        });
    // Processors may settle everything: what that ends must not run inside of prepare().
    Receipt latch = receipts.front().share();
    auto made = prepare(indexes, std::move(receipts), *effects);
    latch.resolve(Outcome::filtered);
    for (Batch& batch : made) deliver(*owner_.child_, std::move(batch));
  }

  /// What the processors make of copies of these messages. `receipts` may be empty.
  std::vector<Batch> prepare(const Indexes& indexes, std::vector<Receipt> receipts,
                             Effects& effects) {
    // Tries of one flush share its memory, so they are prepared one at a time.
    std::lock_guard lock(preparing_);
    Batch work(snapshot_.shared_memory());
    for (const auto index : indexes) work.add(snapshot_[index].copy());
    for (std::size_t i = 0; i < receipts.size(); ++i) work[i].receipt = std::move(receipts[i]);
    std::vector<Batch> made;
    DeferredEffects deferred;
    auto chain = owner_.borrow_chain(false);
    if (auto run = chain->process(std::move(work), made); !run) made.clear();
    owner_.return_chain(false, std::move(chain));
    effects = deferred.take();
    join(made);
    for (Batch& batch : made) batch.encode();
    return made;
  }

  void ended(const Indexes& indexes, const Effects& effects, const TransactionResult& result,
             bool after_acceptance) {
    happen(indexes, effects, result);
    std::vector<const Failure*> refused;
    bool any_accepted = false;
    auto failure = result.failures.begin();
    for (std::uint32_t i = 0; i < result.records; ++i) {
      const Outcome outcome = outcome_of(result, i);
      const bool has_reason = failure != result.failures.end() && failure->record == i;
      any_accepted |= outcome == Outcome::delivered;
      if (outcome == Outcome::failed && has_reason && failure->refusal != Refusal::none) {
        refused.push_back(&*failure);
      } else {
        WriteStatus status{outcome, std::nullopt, Refusal::none};
        if (has_reason) status = {outcome, failure->error, failure->refusal};
        settle(snapshot_[indexes[i]].receipt, status);
      }
      if (has_reason) ++failure;
    }
    if (any_accepted) {
      accepted_ = true;
      owner_.accepted();
    }
    if (refused.size() > 1) return halve(indexes, refused);
    if (refused.size() == 1) {
      suspect(indexes[refused.front()->record], refused.front()->error, after_acceptance);
    }
    finish_one();
  }

  /// Several were refused and may share one request, so nothing is known of any of them alone.
  void halve(const Indexes& indexes, const std::vector<const Failure*>& refused) {
    if (owner_.braked() || owner_.closed_) {
      const Error reason = owner_.closed_ ? stopping() : Error(Fault::transient, std::string(kBroken));
      for (const Failure* each : refused) snapshot_[indexes[each->record]].receipt.fail(reason);
      return finish_one();
    }
    Indexes left, right;
    for (std::size_t i = 0; i < refused.size(); ++i) {
      (i < refused.size() / 2 ? left : right).push_back(indexes[refused[i]->record]);
    }
    {
      std::lock_guard lock(suspects_lock_);
      next_.push_back(std::move(left));
      next_.push_back(std::move(right));
    }
    finish_one();
  }

  /// The effects of what was delivered, once. Where only a part was, they are worked out again for
  /// that part: running the processors again changes nothing else.
  void happen(const Indexes& indexes, const Effects& effects, const TransactionResult& result) {
    if (effects.empty()) return;
    if (result.ok()) {
      for (const auto& effect : effects) effect();
      return;
    }
    Indexes done;
    for (std::uint32_t i = 0; i < result.records; ++i) {
      if (outcome_of(result, i) != Outcome::failed) done.push_back(indexes[i]);
    }
    if (done.empty()) return;
    Effects of_these;
    prepare(done, {}, of_these);
    for (const auto& effect : of_these) effect();
  }

  static Outcome outcome_of(const TransactionResult& result, std::uint32_t record) {
    if (!result.outcomes.empty()) return result.outcomes[record];
    return static_cast<Outcome>(std::ranges::max_element(result.count) - result.count.begin());
  }

  void suspect(std::uint32_t index, const Error& error, bool after_acceptance) {
    std::lock_guard lock(suspects_lock_);
    suspects_.push_back({shared_from_this(), index, error, Clock::now(), after_acceptance});
  }

  /// One try ended. The next ones are made when all of their level did, so that what was accepted
  /// is known by then.
  void finish_one() {
    if (--unfinished_ > 0) return;
    std::vector<Indexes> next = std::exchange(next_, {});
    if (next.empty() && accepted_) {
      // Refused before anything was accepted: it may have been the moment and not the message.
      const auto doubtful = std::ranges::partition(suspects_, &Suspect::after_acceptance);
      for (const Suspect& each : doubtful) next.push_back({each.index});
      suspects_.erase(doubtful.begin(), doubtful.end());
    }
    if (!next.empty()) return attempt_all(std::move(next));
    std::vector<Suspect> suspects = std::exchange(suspects_, {});
    if (suspects.empty()) return;
    if (accepted_) {
      owner_.settle_suspects(std::move(suspects), true);
    } else if (suspects.size() > 1) {
      owner_.settle_suspects(std::move(suspects), false);
    } else {
      owner_.isolated(std::move(suspects.front()));
    }
  }

  void attempt_all(std::vector<Indexes> parts) {
    unfinished_ = static_cast<int>(parts.size());
    // Not from inside an ack: a long bisection would hold up the network thread.
    owner_.executor_.post([self = shared_from_this(), parts = std::move(parts)]() mutable {
      for (Indexes& part : parts) self->attempt(std::move(part));
    });
  }

 public:
  /// The destination accepted something else since `index` was refused alone: try it once more.
  void retry(std::uint32_t index) {
    accepted_ = true;
    attempt_all({{index}});
  }

  Receipt& receipt(std::uint32_t index) { return snapshot_[index].receipt; }
  std::string id(std::uint32_t index) const { return describe(snapshot_[index]); }

 private:
  const Flight flight_;  // goes last
  Batcher& owner_;
  Batch snapshot_;
  std::mutex preparing_;
  std::mutex suspects_lock_;
  std::vector<Suspect> suspects_;       // suspects_lock_, until the last try of a level ended
  std::vector<Indexes> next_;           // likewise; the tries of the next level
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
      flights_(std::make_shared<Flights>()),
      last_flush_(Clock::now()) {}

// Whatever is still under way touches this object once more: it is waited for.
Batcher::~Batcher() {
  closed_ = true;
  stop_timers();
  child_.reset();  // answers what it still has
  pending_.fail(stopping());
  for (Suspect& each : suspects_) each.flush->receipt(each.index).fail(stopping());
  executor_.settle();
  flights_->wait();
}

void Batcher::write(SharedBatch batch, Ack ack) {
  auto receipts = receipts_for(static_cast<std::uint32_t>(batch->size()), std::move(ack));
  std::optional<Batch> full;
  {
    std::lock_guard lock(lock_);
    const std::size_t from = pending_.size();
    if (from == 0 && policy_.period.count() > 0) {  // idle ticks flush nothing and start anew
      last_flush_ += (Clock::now() - last_flush_) / policy_.period * policy_.period;
    }
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
      if (!passed) logger_.error("Failed to execute batch check query: {}", passed.error().message());
      if (passed && *passed) return counters_.by_check;
    }
  }
  if (policy_.period.count() > 0 && Clock::now() - last_flush_ > policy_.period) {
    return counters_.by_period;
  }
  return eager_ ? counters_.by_flush : nullptr;
}

void Batcher::arm_timer() {
  if (policy_.period.count() <= 0 || timer_ || pending_.empty() || closed_) return;
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
  if (policy_.run_once == 0) {
    std::make_shared<Flush>(*this, std::move(batch))->start();
    return;
  }
  executor_.post([this, flight = Flight(flights_), batch = std::move(batch)]() mutable {
    std::vector<Batch> ready;
    auto chain = borrow_chain(true);
    auto run = chain->process(std::move(batch), ready);
    return_chain(true, std::move(chain));
    if (!run) return;
    for (Batch& each : ready) std::make_shared<Flush>(*this, std::move(each))->start();
  });
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

bool Batcher::saturated() const { return braked() || child_->saturated(); }
bool Batcher::connected() const { return !braked() && child_->connected(); }

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
  executor_.settle();  // what waits there for its try, or for processors, reaches the child
  child_->close(deadline);
  closed_ = true;
  stop_timers();
  std::vector<Suspect> left;
  {
    std::lock_guard lock(brake_lock_);
    left.swap(suspects_);
  }
  for (Suspect& each : left) each.flush->receipt(each.index).fail(stopping());
  executor_.settle();
  if (!flights_->wait_until(std::max(deadline, Clock::now()) + kLastAnswers)) {
    logger_.error("an output did not answer all its writes when it was closed");
  }
}

// Requires: closed_, so that none is armed any more.
void Batcher::stop_timers() {
  std::optional<TimerQueue::Id> period_timer, suspect_timer;
  {
    std::lock_guard lock(lock_);
    period_timer = std::exchange(timer_, std::nullopt);
  }
  {
    std::lock_guard lock(brake_lock_);
    suspect_timer = std::exchange(suspect_timer_, std::nullopt);
  }
  if (period_timer) timers_.cancel(*period_timer);
  if (suspect_timer) timers_.cancel(*suspect_timer);
  executor_.settle();  // they post there
}

// The brake ---------------------------------------------------------------------------------------

void Batcher::accepted() {
  std::vector<Suspect> doubtful;
  bool was_paused = false;
  {
    std::lock_guard lock(brake_lock_);
    doubtful.swap(suspects_);
    was_paused = std::exchange(paused_until_, {}) != Clock::time_point{};
  }
  if (was_paused) gate_.open();
  for (const Suspect& each : doubtful) each.flush->retry(each.index);
}

void Batcher::isolated(Suspect suspect) {
  std::vector<Suspect> given_up;
  const auto flush = suspect.flush;
  const std::uint32_t index = suspect.index;
  bool closed = false;
  {
    std::lock_guard lock(brake_lock_);
    closed = closed_;
    if (!closed) {
      suspects_.push_back(std::move(suspect));
      if (suspects_.size() > 1) {
        given_up.swap(suspects_);
      } else if (!suspect_timer_) {
        arm_suspect_timer(kSuspectPatience);
      }
    }
  }
  if (closed) flush->receipt(index).fail(stopping());
  settle_suspects(std::move(given_up), false);
}

void Batcher::arm_suspect_timer(std::chrono::nanoseconds wait) {
  suspect_timer_ = timers_.after(wait, [this] { executor_.post([this] { give_up_overdue(); }); });
}

void Batcher::give_up_overdue() {
  std::vector<Suspect> overdue;
  {
    std::lock_guard lock(brake_lock_);
    suspect_timer_.reset();
    if (suspects_.empty()) return;
    // A timer may be an earlier suspect's, who was settled meanwhile.
    const auto left = suspects_.front().since + kSuspectPatience - Clock::now();
    if (left.count() > 0) {
      if (!closed_) arm_suspect_timer(left);
      return;
    }
    overdue.swap(suspects_);
  }
  settle_suspects(std::move(overdue), false);
}

bool Batcher::braked() const {
  std::lock_guard lock(brake_lock_);
  return Clock::now() < paused_until_;
}

void Batcher::settle_suspects(std::vector<Suspect> suspects, bool guilty) {
  if (suspects.empty()) return;
  if (guilty) {
    for (Suspect& each : suspects) {
      counters_.isolated->add_count(1);
      logger_.write(LogLevel::warn,
                    "The destination refused one event of a batch; the others were delivered",
                    {{"id", each.flush->id(each.index)},
                     {"reason", std::string(each.error.message())}});
      each.flush->receipt(each.index).fail(each.error, Refusal::content);
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
    each.flush->receipt(each.index).fail(Error(Fault::transient, std::string(kBroken)));
  }
}

}  // namespace tollgate
