// PolledInput: the reading thread, the thread that hands failed records over again, and what both
// share with the batches under way.
//
// A batch that is submitted leaves a copy behind (when failed records are replayed), from which its
// failed messages are taken until all of them are settled otherwise. Messages that read() gave a
// receipt settle it when they are settled for good, which lets an input follow its own batches.

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include "component/input.h"
#include "component/intake_tools.h"
#include "net/backoff.h"

namespace tollgate {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// Failed messages on their way to be handed over again.
struct Replay {
  Batch batch;
  std::vector<Receipt> receipts;
  int attempts = 0;
  std::shared_ptr<Backoff> backoff;
};

// The first two times at once, then after growing waits.
Clock::time_point due(Replay& replay) {
  const auto now = Clock::now();
  if (++replay.attempts <= 2) return now;
  if (!replay.backoff) {
    replay.backoff = std::make_shared<Backoff>(
        Backoff::Options{.initial = 1ms, .max = 1s, .factor = 1.1, .spread = 0.5});
  }
  return now + replay.backoff->next(now).value_or(1s);
}

Backoff::Options read_backoff() { return {.initial = 100ms, .max = 1s}; }

}  // namespace

struct PolledInput::State : std::enable_shared_from_this<State> {
  explicit State(Options given) : options(given) {}

  const Options options;
  Intake* intake = nullptr;
  std::mutex lock;
  std::condition_variable changed;
  bool stopping = false;                              // guarded by lock
  bool connected = false;                             // guarded by lock
  std::size_t outstanding = 0;                        // guarded by lock; batches, replays included
  std::multimap<Clock::time_point, Replay> replays;   // guarded by lock
  std::thread reader;
  std::thread replayer;  // started by the first failure; guarded by lock

  bool submit(Batch batch, std::vector<Receipt> receipts, int attempts,
              std::shared_ptr<Backoff> backoff) {
    std::optional<Batch> kept;
    batch.encode();
    for (Message& message : batch) {
      // Once only, so that a message that is replayed draws the same ids.
      if (!message.identity.is_set()) message.identity = Identity::random();
    }
    if (options.replay_failed) kept.emplace(detached(batch));
    const std::size_t bytes = held_bytes(batch) * (kept ? 2 : 1);
    auto held = std::make_shared<HeldReceipts>(std::move(receipts));
    auto delivery = Delivery::of(
        std::move(batch),
        [self = shared_from_this(), kept = std::move(kept), held, attempts,
         backoff = std::move(backoff)](const TransactionResult& result) mutable {
          self->settle(result, std::move(kept), std::move(held->receipts), attempts, std::move(backoff));
        });
    delivery.bytes = bytes;
    return intake->submit(std::move(delivery)).has_value();
  }

  static void abandon(std::vector<Receipt>& receipts) {
    for (Receipt& receipt : receipts) {
      if (receipt) receipt.fail(Error(Fault::cancelled, "the input was stopped"));
    }
  }

  void settle(const TransactionResult& result, std::optional<Batch> kept,
              std::vector<Receipt> receipts, int attempts, std::shared_ptr<Backoff> backoff) {
    if (!kept) {
      settle_as(receipts, result);
      return settled_for_good();
    }
    Replay replay{Batch(kept->shared_memory()), {}, attempts, std::move(backoff)};
    const bool matches = result.records == kept->size();
    for (std::uint32_t i = 0; i < kept->size(); ++i) {
      const Outcome outcome = outcome_of(result, matches ? i : 0);
      if (outcome == Outcome::failed) {
        replay.batch.add(std::move((*kept)[i]));
        replay.receipts.push_back(std::move(receipts[i]));
      } else if (receipts[i]) {
        receipts[i].resolve(outcome);
      }
    }
    std::unique_lock hold(lock);
    if (replay.batch.empty() || stopping) {
      hold.unlock();
      abandon(replay.receipts);
      return settled_for_good();
    }
    const auto when = due(replay);
    replays.emplace(when, std::move(replay));
    if (!replayer.joinable()) replayer = std::thread([self = shared_from_this()] { self->replay(); });
    changed.notify_all();
  }

  void settled_for_good() {
    std::lock_guard hold(lock);
    --outstanding;
    changed.notify_all();
  }

  void replay() {
    std::unique_lock hold(lock);
    while (!stopping) {
      if (replays.empty()) {
        changed.wait(hold);
        continue;
      }
      const auto when = replays.begin()->first;
      if (when > Clock::now()) {
        changed.wait_until(hold, when);
        continue;
      }
      Replay next = std::move(replays.extract(replays.begin()).mapped());
      hold.unlock();
      const bool taken = submit(std::move(next.batch), std::move(next.receipts), next.attempts,
                                std::move(next.backoff));
      hold.lock();
      if (!taken) {
        --outstanding;
        changed.notify_all();
      }
    }
  }

  // False if stop() was called meanwhile.
  bool wait_for(std::chrono::nanoseconds duration) {
    std::unique_lock hold(lock);
    // Far ends of time would overflow the clock.
    const auto bounded = std::min<std::chrono::nanoseconds>(duration, std::chrono::hours(24 * 365));
    return !changed.wait_for(hold, bounded, [&] { return stopping; });
  }

  void set_connected(bool now) {
    std::lock_guard hold(lock);
    connected = now;
  }

  bool stopped() {
    std::lock_guard hold(lock);
    return stopping;
  }
};

PolledInput::PolledInput(Options options) : state_(std::make_shared<State>(options)) {}

PolledInput::~PolledInput() = default;

// May be called again after stop(); connect() then starts from the beginning.
Result<> PolledInput::start(Intake& intake) {
  if (state_->intake) state_ = std::make_shared<State>(state_->options);
  state_->intake = &intake;
  state_->reader = std::thread([this] { run(); });
  return {};
}

void PolledInput::stop() {
  {
    std::lock_guard hold(state_->lock);
    state_->stopping = true;
    state_->changed.notify_all();
  }
  interrupt();
  if (state_->reader.joinable()) state_->reader.join();
  std::thread replayer;
  {
    std::lock_guard hold(state_->lock);
    replayer.swap(state_->replayer);
  }
  if (replayer.joinable()) replayer.join();
  std::multimap<Clock::time_point, Replay> left;
  {
    std::lock_guard hold(state_->lock);
    left.swap(state_->replays);
    state_->outstanding -= left.size();
  }
  for (auto& [_, replay] : left) State::abandon(replay.receipts);
}

bool PolledInput::connected() const {
  std::lock_guard hold(state_->lock);
  return state_->connected;
}

bool PolledInput::wait_for(std::chrono::nanoseconds duration) {
  return state_->wait_for(duration);
}

void PolledInput::run() {
  State& state = *state_;
  Backoff backoff(read_backoff());
  // Waits after trouble; false if the input is to end.
  const auto survive = [&](const Error& error) {
    return error.fault() != Fault::invalid && state.wait_for(backoff.next().value_or(1s));
  };
  bool data_left = true;
  while (data_left && !state.stopped()) {
    if (const auto opened = connect(); !opened) {
      data_left = survive(opened.error());
      continue;
    }
    backoff.reset();
    break;
  }
  state.set_connected(data_left && !state.stopped());
  while (data_left) {
    bool all_settled;
    {
      std::unique_lock hold(state.lock);
      state.changed.wait(hold, [&] {
        return state.stopping || state.outstanding < state.options.max_outstanding;
      });
      if (state.stopping) return;
      all_settled = state.outstanding == 0;
    }
    if (all_settled) settled();
    auto batch = read();
    if (state.stopped()) {
      // What was read but not handed over is read again by the next run.
      if (batch && *batch) (*batch)->fail(Error(Fault::cancelled, "the input was stopped"));
      return;
    }
    if (!batch) {
      data_left = survive(batch.error());
      continue;
    }
    backoff.reset();
    if (!*batch) break;
    if ((*batch)->empty()) continue;
    std::vector<Receipt> receipts = take_receipts(**batch);
    {
      std::lock_guard hold(state.lock);
      ++state.outstanding;
    }
    if (!state.submit(std::move(**batch), std::move(receipts), 0, nullptr)) return;
  }
  state.intake->exhausted();
  {
    std::unique_lock hold(state.lock);
    state.changed.wait(hold, [&] { return state.stopping || state.outstanding == 0; });
    state.connected = false;
    if (state.stopping) return;
  }
  settled();
  state.intake->ended();
}

}  // namespace tollgate
