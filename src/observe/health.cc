#include "observe/health.h"

#include <fmt/format.h>

#include <numeric>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "value/json.h"

namespace tollgate {

namespace {

void append_status(std::string& out, const Health::Component& component, bool connected) {
  std::string_view path = component.path;
  if (path.starts_with("root.")) path.remove_prefix(5);
  out += "{\"label\":";
  append_json_string(out, component.label);
  out += ",\"path\":";
  append_json_string(out, path);
  out += connected ? ",\"connected\":true" : ",\"connected\":false";
  const std::string error = connected || !component.error ? "" : component.error();
  if (!error.empty()) {
    out += ",\"error\":";
    append_json_string(out, error);
  }
  out += '}';
}

void append_text_member(std::string& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  out += fmt::format(",\"{}\":", key);
  append_json_string(out, text);
}

}  // namespace

Health::Health(const Ledger& ledger, std::chrono::nanoseconds stall_after)
    : ledger_(ledger), stall_after_(stall_after), busy_(Clock::now()), progress_(busy_) {}

std::uint64_t Health::add(Component component) {
  std::lock_guard lock(lock_);
  components_.emplace(next_number_, std::move(component));
  return next_number_++;
}

void Health::remove(std::uint64_t number) {
  std::lock_guard lock(lock_);
  components_.erase(number);
}

void Health::set_fault(const std::string& source, std::string reason) {
  std::lock_guard lock(lock_);
  faults_[source] = std::move(reason);
}

void Health::clear_fault(const std::string& source) {
  std::lock_guard lock(lock_);
  faults_.erase(source);
}

void Health::observe(Clock::time_point now) {
  std::lock_guard lock(lock_);
  observe_progress(now);
}

std::string Health::observe_progress(Clock::time_point now) {
  const Ledger::Totals totals = ledger_.totals();
  const auto settled = std::accumulate(totals.by_outcome.begin(), totals.by_outcome.end(),
                                       std::uint64_t{0});
  const auto failed = totals.by_outcome[static_cast<std::size_t>(Outcome::failed)];
  // What failed is with its sender again: no progress, but a sign of work that waits.
  const bool progressed = settled - failed != progress_count_;
  if (was_waiting_ || failed != failed_seen_) busy_ = now;
  // Between two resends of what failed nothing may be pending: a pause is not idle at once.
  if (progressed || now - busy_ >= stall_after_ / 2) {
    progress_ = now;
    progress_count_ = settled - failed;
    failed_at_progress_ = failed;
  }
  was_waiting_ = totals.pending > 0;
  failed_seen_ = failed;
  if (!totals.balanced()) return "the ledger does not balance: " + Ledger::describe(totals);
  const auto since = failed - failed_at_progress_;
  if ((was_waiting_ || since > 0) && stall_after_.count() > 0 && now - progress_ >= stall_after_) {
    return fmt::format("nothing was delivered for {} s: {} records are pending, {} failed",
                       std::chrono::duration_cast<std::chrono::seconds>(now - progress_).count(),
                       totals.pending, since);
  }
  return {};
}

Health::Report Health::report(Clock::time_point now) {
  std::lock_guard lock(lock_);
  Report report;
  report.body = "{\"statuses\":[";
  bool first = true;
  for (const auto& [number, component] : components_) {
    const bool connected = !component.connected || component.connected();
    report.ready = report.ready && connected;
    if (!first) report.body += ',';
    first = false;
    append_status(report.body, component, connected);
  }
  report.body += ']';
  const std::string reason = observe_progress(now);
  std::vector<std::string> faults;
  for (const auto& [source, fault] : faults_) faults.push_back(fault);
  append_text_member(report.body, "error", join(faults, "; "));
  append_text_member(report.body, "reason", reason);
  report.body += "}\n";
  report.ready = report.ready && faults.empty() && reason.empty();
  return report;
}

}  // namespace tollgate
