// inproc: hands batches to the `inproc` input of the same name in this process.
//
// What the receiving side makes of a message is the answer, so that acknowledgements reach across.
// Batches wait inside, in order, while there is no receiver or it has no room.

#include <deque>
#include <mutex>

#include "component/build_context.h"
#include "component/inproc.h"
#include "component/intake_tools.h"
#include "runtime/timer_queue.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string name;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::name, "The name that the input has."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

constexpr auto look_again = std::chrono::milliseconds(5);

/// Shared with the timer and outlives the output by at most one round of it.
struct Channel : std::enable_shared_from_this<Channel> {
  Channel(std::string to, InprocHub& meeting_place, TimerQueue& queue)
      : name(std::move(to)), hub(meeting_place), timers(queue) {}

  void push(Delivery delivery) {
    {
      std::lock_guard hold(lock);
      waiting.push_back(std::move(delivery));
    }
    pump();
  }

  // Hands over what there is room for. One thread at a time, so that the order stays.
  void pump() {
    std::unique_lock hold(lock);
    if (pumping) return;
    pumping = true;
    while (!waiting.empty() && !closed) {
      Delivery next = std::move(waiting.front());
      waiting.pop_front();
      hold.unlock();
      bool taken = false;
      hub.with(name, [&](Intake& intake) { taken = intake.try_submit(next); });
      hold.lock();
      if (taken) continue;
      waiting.push_front(std::move(next));
      break;
    }
    pumping = false;
    if (waiting.empty() || closed || scheduled) return;
    scheduled = true;
    timers.after(look_again, [self = shared_from_this()] {
      {
        std::lock_guard held(self->lock);
        self->scheduled = false;
      }
      self->pump();
    });
  }

  const std::string name;
  InprocHub& hub;
  TimerQueue& timers;
  std::mutex lock;
  std::deque<Delivery> waiting;  // guarded by lock
  bool pumping = false;          // guarded by lock
  bool scheduled = false;        // guarded by lock
  bool closed = false;           // guarded by lock
};

class InprocOutput final : public Output {
 public:
  InprocOutput(std::string name, InprocHub& hub, TimerQueue& timers)
      : channel_(std::make_shared<Channel>(std::move(name), hub, timers)) {}

  void write(SharedBatch batch, Ack ack) override {
    Batch copy = detached(*batch);
    auto receipts = receipts_for(static_cast<std::uint32_t>(copy.size()), std::move(ack));
    for (std::size_t i = 0; i < receipts.size(); ++i) copy[i].receipt = std::move(receipts[i]);
    if (copy.empty()) return;  // answered already
    Delivery delivery = carrying(std::move(copy));
    // It was counted where it entered. Counting it again could wait for itself for ever.
    delivery.bytes = 0;
    channel_->push(std::move(delivery));
  }

  bool saturated() const override {
    std::lock_guard hold(channel_->lock);
    return !channel_->waiting.empty();
  }

  // What no receiver took goes back to the sender.
  void close(std::chrono::steady_clock::time_point) override {
    std::deque<Delivery> left;
    std::lock_guard hold(channel_->lock);
    channel_->closed = true;
    left.swap(channel_->waiting);
  }

 private:
  const std::shared_ptr<Channel> channel_;
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  return std::make_unique<InprocOutput>(std::move(config.name), context.inproc(),
                                        context.timers());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType inproc_output;
constinit const OutputType inproc_output = component_type<schema, make>({
    .name = "inproc",
    .categories = "Utility",
    .summary = "Hands batches to an `inproc` input of the same name in this process.",
});

}  // namespace tollgate
