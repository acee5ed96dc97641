#include "components/inputs/export_table.h"

#include <algorithm>

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
  entry.stored = store_ != nullptr;
  // Stays in the store until it ends again: a process that dies now knows no better.
  return Begun::known;
}

Result<> ExportTable::keep_in(const std::string& file) {
  std::lock_guard lock(lock_);
  const auto now = std::chrono::steady_clock::now();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  store_ = TRY(ExportStore::open(file, lifetime_, [&](ExportStore::Entry found) {
    const auto age = std::max(wall - std::chrono::seconds(found.seconds),
                              std::chrono::system_clock::duration::zero());
    remember(entries_[found.key], found.key, std::move(found.outcomes), now - age);
  }));
  forget_old();
  return {};
}

void ExportTable::remember(Entry& entry, const Key& key, Outcomes outcomes,
                           std::chrono::steady_clock::time_point at) {
  entry.in_flight = false;
  entry.outcomes = std::move(outcomes);
  finished_.emplace_back(at, key);
  entry.age = std::prev(finished_.end());
  records_ += entry.outcomes.size();
}

void ExportTable::tidy_store() {
  if (!store_ || !store_->is_bloated()) return;
  const auto now = std::chrono::steady_clock::now();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  std::vector<ExportStore::Entry> alive;
  for (const auto& [at, key] : finished_) {
    alive.push_back({key, std::chrono::duration_cast<std::chrono::seconds>(wall - (now - at)).count(),
                     entries_.at(key).outcomes});
  }
  store_->rewrite(alive);
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
      if (store_ && it->second.stored) store_->forgotten(key, outcomes.size());
      entries_.erase(it);
    } else {
      if (store_) store_->ended(key, outcomes, it->second.stored);
      remember(it->second, key, outcomes, std::chrono::steady_clock::now());
      forget_old();
    }
    tidy_store();
  }
  for (const Answer& answer : joined) answer(outcomes, reason);
}

void ExportTable::forget_old() {
  const auto oldest = std::chrono::steady_clock::now() - lifetime_;
  while (!finished_.empty() &&
         (finished_.size() > limit_ || records_ > record_limit_ || finished_.front().first < oldest)) {
    const auto it = entries_.find(finished_.front().second);
    records_ -= it->second.outcomes.size();
    if (store_) store_->forgotten(it->first, it->second.outcomes.size());
    entries_.erase(it);
    finished_.pop_front();
  }
}

std::size_t ExportTable::remembered() const {
  std::lock_guard lock(lock_);
  return finished_.size();
}

}  // namespace tollgate
