#include "component/wait.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace tollgate {
namespace {

std::stop_source& source() {
  static std::stop_source one;
  return one;
}

}  // namespace

std::stop_token waits_abandoned() { return source().get_token(); }
void abandon_waits() { source().request_stop(); }

Result<> wait_for(std::chrono::nanoseconds time) {
  std::mutex lock;
  std::condition_variable_any never;
  std::unique_lock hold(lock);
  const std::stop_token abandoned = waits_abandoned();
  // Far ends of time would overflow the clock.
  const auto bounded = std::min<std::chrono::nanoseconds>(time, std::chrono::hours(24 * 365));
  never.wait_for(hold, abandoned, bounded, [] { return false; });
  if (abandoned.stop_requested()) return cancelled("the collector is stopping");
  return {};
}

}  // namespace tollgate
