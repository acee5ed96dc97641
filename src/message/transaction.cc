#include "message/transaction.h"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace tollgate {

std::vector<Receipt> Transaction::open(std::uint32_t records, Done done) {
  std::vector<Receipt> receipts;
  if (records == 0) {
    done({});
    return receipts;
  }
  auto* transaction = new Transaction(records, std::move(done));
  receipts.reserve(records);
  for (std::uint32_t i = 0; i < records; ++i) receipts.push_back(Receipt(transaction, i));
  return receipts;
}

void Transaction::settle(std::uint32_t index, Outcome outcome, const Error* error,
                         Refusal refusal) {
  if (error) {
    std::lock_guard lock(failures_lock_);
    failures_.push_back({outcome, {index, *error, refusal}});
  }
  if (end_share(index, outcome)) records_ended(1);
}

bool Transaction::end_share(std::uint32_t index, Outcome outcome) {
  Record& record = records_[index];
  // The only holder of the last share needs no atomic arithmetic.
  if (record.shares.load(std::memory_order_acquire) == 1) {
    const auto worst = record.worst.load(std::memory_order_relaxed);
    record.worst.store(std::max(worst, static_cast<std::uint8_t>(outcome)),
                       std::memory_order_relaxed);
    return true;
  }
  auto worst = record.worst.load(std::memory_order_relaxed);
  while (worst < static_cast<std::uint8_t>(outcome) &&
         !record.worst.compare_exchange_weak(worst, static_cast<std::uint8_t>(outcome))) {
  }
  return record.shares.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

void Transaction::records_ended(std::uint32_t count) {
  if (pending_.fetch_sub(count, std::memory_order_acq_rel) == count) finish();
}

void Transaction::finish() {
  TransactionResult result;
  result.records = static_cast<std::uint32_t>(records_.size());
  for (const Record& record : records_) ++result.count[record.worst.load()];
  if (std::ranges::find(result.count, result.records) == result.count.end()) {
    for (const Record& record : records_) {
      result.outcomes.push_back(static_cast<Outcome>(record.worst.load()));
    }
  }
  const auto rank = [](const auto& given) {
    return std::tuple(given.second.record, -static_cast<int>(given.first), given.second.refusal);
  };
  std::ranges::stable_sort(failures_, {}, rank);
  for (auto& [outcome, failure] : failures_) {
    const bool repeated = !result.failures.empty() && result.failures.back().record == failure.record;
    // A reason for less than what the record ended with explains nothing.
    const bool explains = static_cast<std::uint8_t>(outcome) == records_[failure.record].worst.load();
    if (!repeated && explains) result.failures.push_back(std::move(failure));
  }
  Done done = std::move(done_);
  delete this;
  done(std::move(result));
}

void Receipt::resolve(Outcome outcome) {
  assert(outcome != Outcome::failed);
  settle(outcome, nullptr, Refusal::none);
}

void Receipt::resolve(Outcome outcome, const Error& error, Refusal refusal) {
  settle(outcome, &error, refusal);
}

void Receipt::settle(Outcome outcome, const Error* error, Refusal refusal) {
  void* target = std::exchange(target_, nullptr);
  if (!target) return;
  if (index_ != kGroup) {
    static_cast<Transaction*>(target)->settle(index_, outcome, error, refusal);
    return;
  }
  std::unique_ptr<Group> group(static_cast<Group*>(target));
  if (!error && outcome != Outcome::failed) {
    Settlement settlement(outcome);
    for (Receipt& receipt : *group) settlement.resolve(receipt);
    return;
  }
  for (Receipt& receipt : *group) receipt.settle(outcome, error, refusal);
}

Receipt Receipt::share() {
  if (!target_) return {};
  if (index_ != kGroup) {
    static_cast<Transaction*>(target_)->records_[index_].shares.fetch_add(1);
    return {target_, index_};
  }
  auto copy = std::make_unique<Group>();
  for (Receipt& receipt : *static_cast<Group*>(target_)) copy->push_back(receipt.share());
  return {copy.release(), kGroup};
}

Receipt Receipt::merge(std::vector<Receipt> receipts) {
  std::erase_if(receipts, [](const Receipt& receipt) { return !receipt; });
  if (receipts.empty()) return {};
  if (receipts.size() == 1) return std::move(receipts.front());
  return {std::make_unique<Group>(std::move(receipts)).release(), kGroup};
}

std::size_t Receipt::records() const {
  if (!target_) return 0;
  if (index_ != kGroup) return 1;
  std::size_t total = 0;
  for (const Receipt& receipt : *static_cast<const Group*>(target_)) total += receipt.records();
  return total;
}

void Settlement::resolve(Receipt& receipt) {
  assert(outcome_ != Outcome::failed);
  if (receipt.index_ == Receipt::kGroup) return receipt.resolve(outcome_);
  auto* const transaction = static_cast<Transaction*>(std::exchange(receipt.target_, nullptr));
  if (!transaction) return;
  if (transaction != of_) {
    tell();
    of_ = transaction;
  }
  ended_ += transaction->end_share(receipt.index_, outcome_);
}

void Settlement::tell() {
  if (ended_ > 0) of_->records_ended(std::exchange(ended_, 0));
}

void Receipt::abandon_slow() noexcept {
  assert(!"a receipt was dropped unresolved");
  fail(Error(Fault::transient, "a message was dropped unresolved; this is a bug"));
}

}  // namespace tollgate
