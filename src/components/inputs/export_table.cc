#include "components/inputs/export_table.h"

namespace tollgate {

ExportTable::Key ExportTable::key_of(const Batch& batch) {
  Identity folded{batch.size(), 0x746f6c6c67617465};
  for (const Message& message : batch) {
    folded.high ^= message.identity.high;
    folded.low ^= message.identity.low;
    folded = folded.child(0);  // mixes, so that order and repetition count
  }
  return {folded.high, folded.low};
}

ExportTable::Begun ExportTable::begin(const Key& key, Answer answer, Outcomes& known) {
  std::lock_guard lock(lock_);
  forget_old();
  const auto [it, fresh] = entries_.try_emplace(key);
  Entry& entry = it->second;
  if (fresh) return Begun::fresh;
  if (entry.in_flight) {
    entry.joined.push_back(std::move(answer));
    return Begun::joined;
  }
  known = std::move(entry.outcomes);
  records_ -= known.size();
  finished_.erase(entry.age);
  entry = {};
  return Begun::known;
}

void ExportTable::finish(const Key& key, const Outcomes& outcomes, const std::string& reason,
                         bool told) {
  std::vector<Answer> joined;
  {
    std::lock_guard lock(lock_);
    const auto it = entries_.find(key);
    if (it == entries_.end()) return;
    joined.swap(it->second.joined);
    if (told && joined.empty()) {
      entries_.erase(it);
    } else {
      it->second.in_flight = false;
      it->second.outcomes = outcomes;
      finished_.emplace_back(std::chrono::steady_clock::now(), key);
      it->second.age = std::prev(finished_.end());
      records_ += outcomes.size();
      forget_old();
    }
  }
  for (const Answer& answer : joined) answer(outcomes, reason);
}

void ExportTable::forget_old() {
  const auto oldest = std::chrono::steady_clock::now() - lifetime_;
  while (!finished_.empty() &&
         (finished_.size() > limit_ || records_ > record_limit_ || finished_.front().first < oldest)) {
    const auto it = entries_.find(finished_.front().second);
    records_ -= it->second.outcomes.size();
    entries_.erase(it);
    finished_.pop_front();
  }
}

std::size_t ExportTable::remembered() const {
  std::lock_guard lock(lock_);
  return finished_.size();
}

}  // namespace tollgate
