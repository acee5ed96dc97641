#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "observe/ledger.h"

namespace tollgate {

/// Whether the collector does its work: what /ready answers.
///
/// Not ready while an input or output is not connected, while records wait or fail and none has been
/// taken responsibility for in a while, while the ledger does not balance, or while somebody reported a fault.
/// Any thread. Call observe() about once a second: a stall is measured from the first observation
/// that saw no progress.
class Health {
 public:
  using Clock = std::chrono::steady_clock;

  struct Component {
    std::string label;
    std::string path;                      ///< "root.input"; printed without "root."
    std::string kind;                      ///< "input", "output", for messages
    std::function<bool()> connected;       ///< any thread; must not use this object
    std::function<std::string()> error;    ///< why it is not connected; may be empty
  };

  struct Report {
    bool ready = true;
    std::string body;  ///< JSON with a newline at the end
    int status() const { return ready ? 200 : 503; }
  };

  /// `ledger` outlives this object. `stall_after` zero: no watch on progress.
  explicit Health(const Ledger& ledger, std::chrono::nanoseconds stall_after);

  /// Starts to watch a component until remove() of the number it gives; after that none of its
  /// functions runs any more.
  std::uint64_t add(Component component);
  void remove(std::uint64_t number);

  /// A fault of the whole, such as "the stream has terminated"; it stays until clear_fault().
  /// Several are told apart by `source`.
  void set_fault(const std::string& source, std::string reason);
  void clear_fault(const std::string& source);

  void observe(Clock::time_point now = Clock::now());
  Report report(Clock::time_point now = Clock::now());

 private:
  std::string observe_progress(Clock::time_point now);  // requires lock_; why not ready, or empty

  const Ledger& ledger_;
  const std::chrono::nanoseconds stall_after_;
  std::mutex lock_;
  // Guarded by lock_.
  std::uint64_t next_number_ = 1;
  std::map<std::uint64_t, Component> components_;
  std::map<std::string, std::string> faults_;
  std::uint64_t progress_count_ = 0;      // records taken responsibility for, at progress_
  std::uint64_t failed_at_progress_ = 0;
  std::uint64_t failed_seen_ = 0;         // at the last observation
  bool was_waiting_ = false;              // records were pending at the last observation
  Clock::time_point busy_;      // the last observation that saw records wait or fail
  Clock::time_point progress_;  // the last observation that saw progress, or nothing to do
};

}  // namespace tollgate
