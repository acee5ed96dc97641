#include "component/write_results.h"

#include <algorithm>
#include <numeric>

namespace tollgate {
namespace {

bool same(const WriteStatus& a, const WriteStatus& b) {
  if (a.outcome != b.outcome || a.refusal != b.refusal) return false;
  if (a.error.has_value() != b.error.has_value()) return false;
  return !a.error || (a.error->fault() == b.error->fault() &&
                      a.error->message() == b.error->message());
}

}  // namespace

void StatusTable::worsen(std::uint32_t message, const WriteStatus& status) {
  auto& current = statuses_[message];
  if (!current || current->outcome < status.outcome) current = status;
}

void StatusTable::replace(std::uint32_t message, WriteStatus status) {
  statuses_[message] = std::move(status);
}

void StatusTable::worsen(const std::vector<std::uint32_t>& indexes, const WriteResult& result) {
  for (std::uint32_t i = 0; i < indexes.size(); ++i) worsen(indexes[i], result.of(i));
}

WriteResult StatusTable::finish() && {
  WriteResult result;
  // The status of all but the exceptions is "delivered" if there is such a message.
  const WriteStatus delivered;
  const bool some_delivered = std::ranges::any_of(
      statuses_, [&](const auto& status) { return !status || same(*status, delivered); });
  if (!some_delivered && !statuses_.empty()) result.status = *statuses_.front();
  for (std::uint32_t i = 0; i < statuses_.size(); ++i) {
    const WriteStatus& status = statuses_[i] ? *statuses_[i] : delivered;
    if (!same(status, result.status)) result.exceptions.emplace_back(i, status);
  }
  return result;
}

std::vector<std::uint32_t> all_indexes(std::size_t messages) {
  std::vector<std::uint32_t> indexes(messages);
  std::iota(indexes.begin(), indexes.end(), 0u);
  return indexes;
}

SharedBatch part_of(const SharedBatch& batch, const std::vector<std::uint32_t>& indexes) {
  return indexes.size() == batch->size() ? batch : subset(batch, indexes);
}

std::vector<std::uint32_t> failed_of(const std::vector<std::uint32_t>& indexes,
                                     const WriteResult& result) {
  std::vector<std::uint32_t> failed;
  for (std::uint32_t i = 0; i < indexes.size(); ++i) {
    if (result.of(i).outcome == Outcome::failed) failed.push_back(indexes[i]);
  }
  return failed;
}

Result<> OutputGroup::start() {
  for (const auto& child : children_) TRY(child->start());
  return {};
}

bool OutputGroup::saturated() const {
  return std::ranges::any_of(children_, [](const auto& child) { return child->saturated(); });
}

bool OutputGroup::connected() const {
  return std::ranges::all_of(children_, [](const auto& child) { return child->connected(); });
}

void OutputGroup::flush() {
  for (const auto& child : children_) child->flush();
}

void OutputGroup::close(std::chrono::steady_clock::time_point deadline) {
  for (const auto& child : children_) child->close(deadline);
}

}  // namespace tollgate
