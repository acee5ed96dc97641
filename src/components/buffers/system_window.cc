// system_window: gathers messages into windows of time by the system's clock, each one batch.
//
// Nothing is acknowledged before its window is delivered. A window that could not be delivered is
// tried again from here: what its senders sent again would be too late for it.

#include <algorithm>
#include <compare>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "component/buffer_pump.h"
#include "component/build_context.h"
#include "component/intake_tools.h"
#include "component/resource.h"
#include "net/backoff.h"
#include "value/civil.h"
#include "value/coerce.h"
#include "value/duration.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  MappingText timestamp_mapping = "root = now()";
  Duration size;
  Duration slide;
  Duration offset;
  Duration allowed_lateness;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("timestamp_mapping", &Config::timestamp_mapping,
            "The time of a message: a timestamp, seconds since 1970 or a text in RFC 3339."),
      required("size", &Config::size, "How long a window is."),
      field("slide", &Config::slide,
            "How far apart windows begin, if they overlap; empty: each begins where the one before "
            "ends."),
      field("offset", &Config::offset,
            "How much later windows begin than the clock's multiples of their size."),
      field("allowed_lateness", &Config::allowed_lateness,
            "How long to wait for late messages after a window's end."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  const auto size = config.size.value;
  const auto complain = [&](std::string_view name, std::string_view problem) {
    context.error(body[name].position(), fmt::format("{} {}", name, problem));
  };
  if (!body["size"]) return;
  if (size.count() <= 0) complain("size", "must be longer than 0s");
  if (config.slide.value >= size) complain("slide", "must be shorter than the size");
  if (config.offset.value >= size) complain("offset", "must be shorter than the size");
  if (config.slide.value.count() > 0 && config.offset.value >= config.slide.value) {
    complain("offset", "must be shorter than the slide");
  }
  if (config.allowed_lateness.value >= size) {
    complain("allowed_lateness", "must be shorter than the size");
  }
}

// Windows -----------------------------------------------------------------------------------------

/// Nanoseconds since 1970.
using Nanoseconds = std::int64_t;

Nanoseconds now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Both ends are of the window.
struct Window {
  Nanoseconds start = 0;
  Nanoseconds end = 0;
  auto operator<=>(const Window&) const = default;
};

/// How the clock is cut up. Windows begin at multiples of the size, counted from the year 1.
struct Cut {
  Nanoseconds size, slide, offset, lateness;

  Nanoseconds step() const { return slide > 0 ? slide : size; }

  /// The oldest window that is open at `at`.
  Window open_at(Nanoseconds at) const {
    constexpr __int128 kYearOne = __int128{62'135'596'800} * 1'000'000'000;
    const auto into = static_cast<Nanoseconds>((at + kYearOne) % step());
    // The nearest multiple, and one nanosecond so that no window has the other's last one.
    Nanoseconds start = at - into + (into * 2 < step() ? 0 : step()) + 1 + offset;
    if (start > at) start -= step();
    if (slide > 0) start += slide - size;
    return {start, start + size - 1};
  }
  Window before(Window window) const { return {window.start - step(), window.end - step()}; }
  Window after(Window window) const { return {window.start + step(), window.end + step()}; }
};

// Implementation ----------------------------------------------------------------------------------

/// Shared with the windows under way.
struct Store : std::enable_shared_from_this<Store> {
  struct Waiting {
    Nanoseconds time;
    std::shared_ptr<const Batch> batch;  ///< in memory of its own
    std::size_t index;
    Receipt receipt;
  };
  struct Closed {
    std::shared_ptr<const Batch> batch;
    std::vector<Receipt> receipts;
    std::shared_ptr<Backoff> backoff;
    std::chrono::steady_clock::time_point due{};
  };

  std::mutex lock;
  std::condition_variable changed;
  std::vector<Waiting> waiting;   // guarded by lock
  std::deque<Closed> closed;      // guarded by lock; to be handed on
  std::size_t under_way = 0;      // guarded by lock; windows
  Nanoseconds flushed_until = 0;  // guarded by lock; the end of the last window that was closed
  bool input_ended = false;       // guarded by lock
  bool stopping = false;          // guarded by lock

  Delivery release(Closed window) {
    Batch batch = detached(*window.batch);
    return Delivery::of(std::move(batch),
                        [self = shared_from_this(),
                         window = std::make_shared<Closed>(std::move(window))](
                            const TransactionResult& result) {
                          self->settle(std::move(*window), result);
                        });
  }

  void settle(Closed window, const TransactionResult& result) {
    const bool matches = result.records == window.batch->size();
    Batch failed;
    Closed again;
    std::vector<std::pair<Receipt, Outcome>> settled;
    for (std::uint32_t i = 0; i < window.batch->size(); ++i) {
      const Outcome outcome = outcome_of(result, matches ? i : 0);
      if (outcome == Outcome::failed) {
        failed.add_copy((*window.batch)[i]);
        again.receipts.push_back(std::move(window.receipts[i]));
      } else {
        settled.emplace_back(std::move(window.receipts[i]), outcome);
      }
    }
    std::unique_lock hold(lock);
    --under_way;
    if (!failed.empty() && !stopping) {
      again.backoff = window.backoff ? window.backoff
                                     : std::make_shared<Backoff>(Backoff::Options{
                                           .initial = std::chrono::milliseconds(1),
                                           .max = std::chrono::seconds(1)});
      again.due = std::chrono::steady_clock::now() +
                  again.backoff->next().value_or(std::chrono::seconds(1));
      again.batch = std::make_shared<const Batch>(std::move(failed));
      closed.push_back(std::move(again));
    }
    changed.notify_all();
    hold.unlock();
    for (auto& [receipt, outcome] : settled) {
      if (receipt) receipt.resolve(outcome);
    }
    fail_all(again.receipts);  // none are left unless we are stopping
  }

  static void fail_all(std::vector<Receipt>& receipts) {
    for (Receipt& receipt : receipts) {
      if (receipt) receipt.fail(Error(Fault::cancelled, "the window did not complete"));
    }
  }
};

class SystemWindow final : public Buffer {
 public:
  SystemWindow(std::shared_ptr<const Mapping> time, Cut cut, BuildContext& context)
      : store_(std::make_shared<Store>()),
        time_(std::move(time)),
        cut_(cut),
        logger_(context.logger()),
        downstream_(context) {}
  ~SystemWindow() override { stop(); }

  Result<> start(Intake& downstream) override {
    downstream_.set_downstream(downstream);
    const Window first = cut_.open_at(now());
    close(cut_.before(first));  // what came before the first window began
    thread_ = std::thread([this, first] { run(first); });
    return {};
  }

  Result<> write(Batch batch) override {
    batch.encode();
    std::vector<Nanoseconds> times;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto time = time_of(batch, i);
      if (!time) {
        logger_.error("Timestamp mapping failed for message: {}", time.error().message());
        batch.fail(time.error());
        return std::unexpected(time.error());
      }
      times.push_back(*time);
    }
    downstream_.count_received(batch.size());
    std::vector<Receipt> receipts = take_receipts(batch);
    const auto kept = std::make_shared<const Batch>(detached(batch));
    std::vector<Receipt> late;
    {
      std::lock_guard hold(store_->lock);
      if (!store_->stopping) {
        for (std::size_t i = 0; i < kept->size(); ++i) {
          if (times[i] > store_->flushed_until) {
            store_->waiting.push_back({times[i], kept, i, std::move(receipts[i])});
          } else {
            late.push_back(std::move(receipts[i]));
          }
        }
        receipts.clear();
      }
    }
    Store::fail_all(receipts);
    if (!late.empty()) {
      logger_.warn("{} messages are older than the windows that are open and were dropped",
                   late.size());
    }
    const Error reason(Fault::invalid, "the message is older than the windows that are open");
    for (Receipt& receipt : late) {
      if (receipt) receipt.resolve(Outcome::dropped, reason);
    }
    return {};
  }

  void end_of_input() override {
    std::lock_guard hold(store_->lock);
    store_->input_ended = true;
    store_->changed.notify_all();
  }

  /// Windows that are open are given back to their senders.
  void stop() override {
    {
      std::lock_guard hold(store_->lock);
      store_->stopping = true;
      store_->changed.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    std::vector<Receipt> left;
    {
      std::lock_guard hold(store_->lock);
      for (Store::Waiting& each : store_->waiting) left.push_back(std::move(each.receipt));
      for (Store::Closed& each : store_->closed) {
        for (Receipt& receipt : each.receipts) left.push_back(std::move(receipt));
      }
      store_->waiting.clear();
      store_->closed.clear();
    }
    Store::fail_all(left);
  }

 private:
  Result<Nanoseconds> time_of(const Batch& batch, std::size_t index) {
    scratch_.reset();
    const Value value = time_->query(batch, index, scratch_);
    if (value.is_error()) return invalid(std::string(value.as_text()));
    const auto time = get_timestamp(value);
    if (!time) return std::unexpected(time.error());
    // Times that nanoseconds cannot express are as good as the nearest that they can.
    return nanoseconds_between(*time, Timestamp{});
  }

  void run(Window next) {
    Store& store = *store_;
    while (true) {
      std::unique_lock hold(store.lock);
      if (store.stopping) return;
      if (store.input_ended && store.waiting.empty() && store.closed.empty() &&
          store.under_way == 0) {
        hold.unlock();
        downstream_.exhausted();
        return downstream_.ended();
      }
      const auto steady = std::chrono::steady_clock::now();
      if (!store.closed.empty() && store.closed.front().due <= steady) {
        Store::Closed window = std::move(store.closed.front());
        store.closed.pop_front();
        ++store.under_way;
        hold.unlock();
        if (!downstream_.submit(store.release(std::move(window)))) return;
        continue;
      }
      const Nanoseconds left = next.end + cut_.lateness - now();
      if (left <= 0) {
        // Every window in its turn, since late messages may be of any of them; but a clock that was
        // set forward far leaves nothing in between.
        const bool idle = store.waiting.empty();
        hold.unlock();
        close(next);
        next = idle ? std::max(cut_.after(next), cut_.open_at(now())) : cut_.after(next);
        continue;
      }
      auto until = steady + std::chrono::nanoseconds(left);
      if (!store.closed.empty()) until = std::min(until, store.closed.front().due);
      store.changed.wait_until(hold, until);
    }
  }

  /// Makes a batch of `window` and forgets what no later window can hold.
  void close(Window window) {
    const Nanoseconds next_start = window.start + cut_.step();
    std::string end;
    append_rfc3339(end, make_timestamp(0, window.end, nullptr));
    Batch batch;
    Store::Closed closed;
    std::vector<Receipt> outdated;
    std::lock_guard hold(store_->lock);
    std::vector<Store::Waiting> kept;
    for (Store::Waiting& each : store_->waiting) {
      const bool inside = each.time >= window.start && each.time <= window.end;
      const bool later = each.time >= next_start;
      if (inside) {
        Message& message =
            batch.add_copy((*each.batch)[each.index]);
        message.set_metadata("window_end_timestamp", Value::string(end));
        // Several windows, several messages; the same ones again for a record that is sent again.
        if (cut_.slide > 0) {
          message.identity =
              message.identity.child(static_cast<std::uint32_t>(window.end / cut_.step()));
        }
        closed.receipts.push_back(later ? each.receipt.share() : std::move(each.receipt));
      }
      if (later) {
        kept.push_back(std::move(each));
      } else if (!inside) {
        outdated.push_back(std::move(each.receipt));
      }
    }
    store_->waiting = std::move(kept);
    store_->flushed_until = window.end;
    for (Receipt& receipt : outdated) {
      if (receipt) receipt.resolve(Outcome::dropped);
    }
    if (batch.empty()) return;
    closed.batch = std::make_shared<const Batch>(std::move(batch));
    store_->closed.push_back(std::move(closed));
  }

  const std::shared_ptr<Store> store_;
  const std::shared_ptr<const Mapping> time_;
  const Cut cut_;
  const Logger logger_;
  Arena scratch_;
  BufferMetrics downstream_;
  std::thread thread_;
};

Result<std::unique_ptr<Buffer>> make(Config config, BuildContext& context) {
  if (!config.timestamp_mapping.mapping) return invalid("timestamp_mapping must not be empty");
  const Cut cut{config.size.value.count(), config.slide.value.count(),
                config.offset.value.count(), config.allowed_lateness.value.count()};
  return std::make_unique<SystemWindow>(config.timestamp_mapping.mapping, cut, context);
}

std::vector<ComponentExample> examples() {
  return {
      {"Counts by the hour", "One event for each subject and hour.",
       R"yaml(
buffer:
  system_window:
    timestamp_mapping: root = this.time
    size: 1h
    allowed_lateness: 5m
pipeline:
  processors:
    - group_by_value:
        value: '${! json("subject") }'
    - mapping: |
        root = if batch_index() != 0 { deleted() } else {
          {"subject": this.subject, "requests": batch_size(), "until": @window_end_timestamp}
        }
)yaml"},
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const BufferType system_window_buffer;
constinit const BufferType system_window_buffer = component_type<schema, make, check>({
    .name = "system_window",
    .status = "beta",
    .categories = "Windowing",
    .summary = "Gathers messages into windows of time; each one becomes a batch.",
    .description = R"md(
Windows follow the system's clock: `size: 1h` makes one for each hour. With `slide` they overlap, and
a message belongs to several. A message that is older than the windows that are open is dropped, with
a warning; an empty window gives nothing. The metadata `window_end_timestamp` is the end of the
window.

Messages are acknowledged when all their windows are delivered: give senders the time for that, or
let them not wait. When the collector stops, those of open windows go back to their senders.
)md",
    .examples = examples,
});

}  // namespace tollgate
