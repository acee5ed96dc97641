#include "component/intake_tools.h"

#include <memory>

namespace tollgate {
namespace {

const Error not_taken(Fault::cancelled, "the message was not taken");

/// Runs a function once, at the latest when it goes.
class Once {
 public:
  explicit Once(std::move_only_function<void()> run) : run_(std::move(run)) {}
  ~Once() { now(); }
  void now() {
    if (auto run = std::exchange(run_, nullptr)) run();
  }

 private:
  std::move_only_function<void()> run_;
};

}  // namespace

HeldReceipts::~HeldReceipts() {
  for (Receipt& receipt : receipts) {
    if (receipt) receipt.fail(not_taken);
  }
}

Outcome outcome_of(const TransactionResult& result, std::uint32_t record) {
  if (record < result.outcomes.size()) return result.outcomes[record];
  for (std::size_t i = 0; i < kOutcomes; ++i) {
    if (result.count[i] > 0) return static_cast<Outcome>(i);
  }
  return Outcome::delivered;
}

void settle_as(std::vector<Receipt>& receipts, const TransactionResult& result) {
  auto failure = result.failures.begin();
  const bool matches = result.records == receipts.size();
  for (std::uint32_t i = 0; i < receipts.size(); ++i) {
    while (matches && failure != result.failures.end() && failure->record < i) ++failure;
    const bool has_reason = failure != result.failures.end() && (!matches || failure->record == i);
    const Outcome outcome = outcome_of(result, matches ? i : 0);
    if (!receipts[i]) continue;
    if (has_reason) {
      receipts[i].resolve(outcome, failure->error, failure->refusal);
    } else if (outcome == Outcome::failed) {
      receipts[i].fail(not_taken);
    } else {
      receipts[i].resolve(outcome);
    }
  }
}

std::vector<Receipt> take_receipts(Batch& batch) {
  std::vector<Receipt> receipts;
  receipts.reserve(batch.size());
  for (Message& message : batch) receipts.push_back(std::move(message.receipt));
  return receipts;
}

std::size_t held_bytes(const Batch& batch) {
  constexpr std::size_t each_message = 256;
  std::size_t bytes = each_message;
  for (const Message& message : batch) {
    bytes += each_message + (message.has_bytes() ? message.bytes().size() : 0);
  }
  return bytes;
}

Delivery carrying(Batch batch) {
  auto carried = std::make_shared<HeldReceipts>(take_receipts(batch));
  Delivery delivery;
  delivery.bytes = held_bytes(batch);
  delivery.open = [batch = std::move(batch)]() mutable -> Result<Batch> { return std::move(batch); };
  delivery.done = [carried](const TransactionResult& result) {
    settle_as(carried->receipts, result);
  };
  return delivery;
}

std::vector<Batch> open_fully(Delivery delivery) {
  auto opened = delivery.open();
  if (!opened) {
    TransactionResult refused;
    refused.records = 1;
    refused.count[static_cast<std::size_t>(Outcome::failed)] = 1;
    refused.failures.push_back({0, std::move(opened).error(), Refusal::content});
    if (delivery.done) delivery.done(std::move(refused));
    return {};
  }
  std::vector<Message*> bare;
  for (Message& message : *opened) {
    if (!message.receipt) bare.push_back(&message);
    if (!message.identity.is_set()) message.identity = Identity::random();
  }
  auto receipts = Transaction::open(
      static_cast<std::uint32_t>(bare.size()),
      [done = std::move(delivery.done)](TransactionResult result) mutable {
        if (done) done(std::move(result));
      });
  for (std::size_t i = 0; i < bare.size(); ++i) bare[i]->receipt = std::move(receipts[i]);
  std::vector<Batch> current;
  current.push_back(std::move(*opened));
  for (const auto& stage : delivery.stages) {
    std::vector<Batch> next;
    for (Batch& each : current) {
      if (!stage(std::move(each), next)) continue;  // it failed the receipts it could not handle
    }
    current = std::move(next);
  }
  std::erase_if(current, [](const Batch& batch) { return batch.empty(); });
  return current;
}

Delivery observed(Delivery delivery, std::move_only_function<void()> settled) {
  auto once = std::make_shared<Once>(std::move(settled));
  delivery.done = [done = std::move(delivery.done), once](TransactionResult outcome) mutable {
    if (done) done(std::move(outcome));
    once->now();
  };
  return delivery;
}

Batch detached(const Batch& batch) {
  Batch copy;
  copy.messages().reserve(batch.size());
  for (const Message& message : batch) {
    Message each = message.copy();
    copy.add(each.move_to(copy.memory()));
  }
  return copy;
}

}  // namespace tollgate
