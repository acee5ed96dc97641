#pragma once

#include <functional>
#include <vector>

#include "component/input.h"
#include "component/output.h"

namespace tollgate {

// For inputs and buffers that stand between a source and its intake.

/// How record `record` ended.
Outcome outcome_of(const TransactionResult& result, std::uint32_t record);

/// Settles one receipt a record as `result` says. If the numbers differ (the batch was never
/// opened), all of them as its first failure.
void settle_as(std::vector<Receipt>& receipts, const TransactionResult& result);

/// The receipts of all messages, which are left without.
std::vector<Receipt> take_receipts(Batch& batch);

/// Receipts waiting for a delivery to end; those that nobody settled fail as it goes.
struct HeldReceipts {
  explicit HeldReceipts(std::vector<Receipt> all) : receipts(std::move(all)) {}
  HeldReceipts(const HeldReceipts&) = delete;
  ~HeldReceipts();
  std::vector<Receipt> receipts;
};

/// What a batch occupies while it is under way, roughly.
std::size_t held_bytes(const Batch& batch);

/// A delivery of messages that carry receipts: they are taken off, and settled as the delivery ends.
/// One that is never taken fails them.
Delivery carrying(Batch batch);

/// Opens `delivery` here and now and runs its stages. Every message of the results carries a
/// receipt. Nothing comes of one that cannot be opened; its `done` was told.
std::vector<Batch> open_fully(Delivery delivery);

/// The same delivery, and `settled` runs once after its `done`, or when it goes untaken.
Delivery observed(Delivery delivery, std::move_only_function<void()> settled);

/// A copy of messages with their payloads in memory of its own; receipts stay behind.
Batch detached(const Batch& batch);

}  // namespace tollgate
