#include "pipeline/batcher.h"

#include <algorithm>
#include <condition_variable>
#include <numeric>
#include <unordered_map>

#include "runtime/executor.h"

namespace tollgate {

namespace {

constexpr std::string_view kBroken =
    "the destination refuses every event one by one, so it is not to blame on this one; send it "
    "again later";
/// More suspects than this are tried again together: it is likely that they are innocent.
constexpr std::size_t kManySuspects = 8;
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

/// Whether keeping the memory of `batch` costs little more than a copy of its payloads would.
bool are_most_of_memory(const Batch& batch) {
  return batch.arena().footprint() <= batch.payload_bytes() * 4;
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
class Batcher::Flush final : public Brake::Suspects, public std::enable_shared_from_this<Flush> {
 public:
  using Indexes = std::vector<std::uint32_t>;

  Flush(Batcher& owner, Batch snapshot)
      : flight_(owner.flights_), owner_(owner), snapshot_(std::move(snapshot)) {
    snapshot_.encode();
  }
  ~Flush() override {
    if (troubled_) owner_.brake_.trouble_ended();
  }

  void start() {
    Indexes all(snapshot_.size());
    std::iota(all.begin(), all.end(), 0u);
    unfinished_ = 1;
    attempt({std::move(all), nullptr});
  }

  // Brake::Suspects: `waiting_` is of whoever the brake calls, which it does once for each wait().
  void look_again(bool evidence) override {
    weak_round_ = !evidence;
    Indexes again = std::exchange(waiting_, {});
    std::vector<Part> parts;
    if (again.size() > kManySuspects) {
      parts.push_back({std::move(again), nullptr});
    } else {
      for (const auto index : again) parts.push_back({{index}, nullptr});
    }
    attempt_all(std::move(parts));
  }
  void give_up() override {
    // Without the server's words: a drop_on rule that matches them is meant for culprits only.
    fail_waiting(Error(Fault::transient, std::string(kBroken)));
  }
  void stopping() override { fail_waiting(tollgate::stopping()); }
  std::string reason() const override { return reason_; }

 private:
  using Effects = std::vector<DeferredEffects::Effect>;
  using Failure = TransactionResult::Failure;

  /// Messages that were refused together, and what they were refused in before.
  struct Refused {
    std::shared_ptr<Refused> within;
    Clock::time_point at;
    bool for_content;
    std::uint32_t open;  ///< how many of them were not accepted since
  };
  /// What is tried in one request.
  struct Part {
    Indexes indexes;
    std::shared_ptr<Refused> refused;  ///< null: they were not refused before
  };
  /// A message that was refused alone.
  struct Suspect {
    std::uint32_t index;
    Error error;
    Refusal refusal;
    std::shared_ptr<Refused> within;
    Clock::time_point at;              ///< when it was refused
    Clock::time_point known_accepted;  ///< the newest acceptance when it was sent
  };

  void attempt(Part part) {
    if (owner_.closed_) {
      for (const auto index : part.indexes) snapshot_[index].receipt.fail(tollgate::stopping());
      return finish_one();
    }
    auto effects = std::make_shared<Effects>();
    const auto messages = static_cast<std::uint32_t>(part.indexes.size());
    // Both before it is sent: answers may overtake each other.
    const auto known_accepted = owner_.brake_.newest_accepted();
    const auto sent = Clock::now();
    const Indexes indexes = part.indexes;
    owner_.brake_.sending();
    auto receipts = Transaction::open(
        messages, [self = shared_from_this(), effects, part = std::move(part), known_accepted,
                   sent](const TransactionResult& result) {
          self->owner_.brake_.answered();
          self->ended(part, *effects, result, sent, known_accepted);
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
    work.messages().reserve(indexes.size());
    for (const auto index : indexes) work.add_twin(snapshot_[index]);
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

  void ended(const Part& part, const Effects& effects, const TransactionResult& result,
             Clock::time_point sent, Clock::time_point known_accepted) {
    const auto now = Clock::now();
    happen(part.indexes, effects, result);
    if (result.ok() && result.outcomes.empty() && result.failures.empty()) {
      return ended_alike(part, outcome_of(result, 0), sent);
    }
    std::vector<const Failure*> refused;
    bool any_delivered = false;
    std::uint32_t accepted = 0;
    auto failure = result.failures.begin();
    for (std::uint32_t i = 0; i < result.records; ++i) {
      const Outcome outcome = outcome_of(result, i);
      const bool has_reason = failure != result.failures.end() && failure->record == i;
      any_delivered |= outcome == Outcome::delivered;
      accepted += outcome != Outcome::failed;
      if (outcome == Outcome::failed && has_reason && failure->refusal != Refusal::none) {
        refused.push_back(&*failure);
      } else {
        WriteStatus status{outcome, std::nullopt, Refusal::none};
        if (has_reason) status = {outcome, failure->error, failure->refusal};
        settle(snapshot_[part.indexes[i]].receipt, status);
      }
      if (has_reason) ++failure;
    }
    if (!refused.empty() && !troubled_.exchange(true)) owner_.brake_.trouble_began();
    accept(part, accepted, any_delivered, sent);
    if (refused.size() > 1) return halve(part, refused, now);
    if (refused.size() == 1) {
      const Failure& only = *refused.front();
      std::lock_guard lock(lock_);
      suspects_.push_back({part.indexes[only.record], only.error, only.refusal, part.refused, now,
                           known_accepted});
    }
    finish_one();
  }

  /// Nothing of it failed.
  void ended_alike(const Part& part, Outcome outcome, Clock::time_point sent) {
    {
      Settlement settlement(outcome);
      for (const auto index : part.indexes) settlement.resolve(snapshot_[index].receipt);
    }
    accept(part, static_cast<std::uint32_t>(part.indexes.size()), outcome == Outcome::delivered, sent);
    finish_one();
  }

  /// The destination did not refuse `count` messages of a part, and took some if `delivered`.
  void accept(const Part& part, std::uint32_t count, bool delivered, Clock::time_point sent) {
    {
      std::lock_guard lock(lock_);
      for (Refused* each = part.refused.get(); each; each = each->within.get()) each->open -= count;
      accepted_ = accepted_ || delivered;
    }
    if (delivered) owner_.brake_.accepted(sent);
  }

  /// Several were refused and may share one request, so nothing is known of any of them alone.
  void halve(const Part& part, const std::vector<const Failure*>& refused, Clock::time_point now) {
    if (owner_.brake_.engaged() || owner_.closed_) {
      const Error reason =
          owner_.closed_ ? tollgate::stopping() : Error(Fault::transient, std::string(kBroken));
      for (const Failure* each : refused) {
        snapshot_[part.indexes[each->record]].receipt.fail(reason);
      }
      return finish_one();
    }
    const bool for_content = std::ranges::all_of(
        refused, [](const Failure* each) { return each->refusal == Refusal::content; });
    const auto together = std::make_shared<Refused>(
        Refused{part.refused, now, for_content, static_cast<std::uint32_t>(refused.size())});
    Part left{{}, together}, right{{}, together};
    for (std::size_t i = 0; i < refused.size(); ++i) {
      (i < refused.size() / 2 ? left : right).indexes.push_back(part.indexes[refused[i]->record]);
    }
    {
      std::lock_guard lock(lock_);
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

  /// One try ended. The next ones are made when all of their level did, so that what was accepted
  /// is known by then.
  void finish_one() {
    if (--unfinished_ > 0) return;
    std::vector<Part> next = std::exchange(next_, {});
    if (!next.empty()) return attempt_all(std::move(next));
    judge(std::exchange(suspects_, {}));
  }

  void attempt_all(std::vector<Part> parts) {
    unfinished_ = static_cast<int>(parts.size());
    // Not from inside an ack: a long bisection would hold up the network thread.
    owner_.executor_.post([self = shared_from_this(), parts = std::move(parts)]() mutable {
      for (Part& part : parts) self->attempt(std::move(part));
    });
  }

  /// Everything else of this batch is settled. Believes who was refused twice, for nobody else's
  /// sake, with an acceptance between; the others wait for an acceptance to be tried again.
  void judge(std::vector<Suspect> suspects) {
    if (suspects.empty()) return calm_down();
    const bool calm = owner_.brake_.calm();
    Clock::time_point wanted{};
    for (const Suspect& suspect : suspects) {
      const auto before = refused_before(suspect);
      const bool convicted = (before && *before <= suspect.known_accepted) ||
                             (accepted_ && calm && (weak_round_ || is_other_of_a_pair()));
      if (convicted) {
        believe(suspect);
        continue;
      }
      first_refused_alone_.try_emplace(suspect.index, suspect.at);
      wanted = std::max(wanted, before.value_or(suspect.at));
      waiting_.push_back(suspect.index);
      reason_ = suspect.error.message();
    }
    const std::size_t left = waiting_.size();
    if (left == 0) return calm_down();
    owner_.brake_.wait({shared_from_this(), left, wanted, accepted_, weak_round_});
  }

  /// When this message was refused earlier, alone or among messages that are all accepted by now.
  std::optional<Clock::time_point> refused_before(const Suspect& suspect) const {
    std::optional<Clock::time_point> first;
    if (const auto alone = first_refused_alone_.find(suspect.index);
        alone != first_refused_alone_.end()) {
      first = alone->second;
    }
    // Too large together says nothing of one.
    if (suspect.refusal != Refusal::content) return first;
    for (const Refused* each = suspect.within.get(); each; each = each->within.get()) {
      if (each->open == 1 && each->for_content && (!first || each->at < *first)) first = each->at;
    }
    return first;
  }

  /// Of two messages one was accepted and the other refused at the same time. No third request could
  /// tell more, and the bound allows none.
  bool is_other_of_a_pair() const { return snapshot_.size() == 2; }

  void believe(const Suspect& suspect) {
    owner_.counters_.isolated->add_count(1);
    owner_.logger_.write(LogLevel::warn,
                         "The destination refused one event of a batch; the others were delivered",
                         {{"id", describe(snapshot_[suspect.index])},
                          {"reason", std::string(suspect.error.message())}});
    snapshot_[suspect.index].receipt.fail(suspect.error, Refusal::content);
  }

  void fail_waiting(const Error& error) {
    for (const auto index : std::exchange(waiting_, {})) snapshot_[index].receipt.fail(error);
    calm_down();
  }

  void calm_down() {
    if (troubled_.exchange(false)) owner_.brake_.trouble_ended();
  }

  const Flight flight_;  // goes last
  Batcher& owner_;
  Batch snapshot_;
  std::mutex preparing_;
  std::atomic<int> unfinished_{0};  // tries of this level that did not end
  std::atomic<bool> troubled_{false};

  std::mutex lock_;
  // Guarded by lock_ while tries are under way; after the last one they are of whoever ended it.
  std::vector<Suspect> suspects_;
  std::vector<Part> next_;  // the tries of the next level
  bool accepted_ = false;   // the destination took a part of this batch

  // Of whoever judges or is called by the brake; one at a time.
  Indexes waiting_;
  std::unordered_map<std::uint32_t, Clock::time_point> first_refused_alone_;
  std::string reason_;       // what the destination said of one of those
  bool weak_round_ = false;  // they are tried again without an acceptance meanwhile
};

Batcher::Batcher(std::unique_ptr<Output> child, BatchPolicy policy, Counters counters,
                 TimerQueue& timers, Executor& executor, Gate& gate, Logger logger,
                 Brake::Timing timing)
    : child_(std::move(child)),
      policy_(std::move(policy)),
      counters_(counters),
      timers_(timers),
      executor_(executor),
      logger_(logger),
      brake_(timing, timers, executor, gate, std::move(logger)),
      flights_(std::make_shared<Flights>()),
      last_flush_(Clock::now()) {}

// Whatever is still under way touches this object once more: it is waited for.
Batcher::~Batcher() {
  closed_ = true;
  stop_timer();
  child_.reset();  // answers what it still has
  pending_.fail(stopping());
  brake_.close();
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
    const bool stay = are_most_of_memory(*batch);
    if (stay) pending_.memory().retained.push_back(batch->shared_memory());
    pending_.messages().reserve(from + batch->size());
    for (std::size_t i = 0; i < batch->size(); ++i) {
      Message& own = stay ? pending_.add_view((*batch)[i]) : pending_.add_copy((*batch)[i]);
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

bool Batcher::saturated() const { return brake_.engaged() || child_->saturated(); }
bool Batcher::connected() const { return !brake_.engaged() && child_->connected(); }

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
  stop_timer();
  brake_.close();
  executor_.settle();
  if (!flights_->wait_until(std::max(deadline, Clock::now()) + kLastAnswers)) {
    logger_.error("an output did not answer all its writes when it was closed");
  }
}

// Requires: closed_, so that it is not armed any more.
void Batcher::stop_timer() {
  std::optional<TimerQueue::Id> timer;
  {
    std::lock_guard lock(lock_);
    timer = std::exchange(timer_, std::nullopt);
  }
  if (timer) timers_.cancel(*timer);
  executor_.settle();  // it posts there
}

}  // namespace tollgate
