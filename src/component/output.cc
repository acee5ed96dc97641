#include "component/output.h"

#include <algorithm>
#include <cassert>

namespace tollgate {

bool WriteResult::ok() const {
  return status.outcome != Outcome::failed &&
         std::ranges::none_of(exceptions, [](const auto& exception) {
           return exception.second.outcome == Outcome::failed;
         });
}

const WriteStatus& WriteResult::of(std::uint32_t message) const {
  const auto found = std::ranges::lower_bound(exceptions, message, {}, [](auto& e) { return e.first; });
  return found != exceptions.end() && found->first == message ? found->second : status;
}

Ack::~Ack() {
  if (!callback_) return;
  assert(!"an ack was dropped uncalled");
  callback_(WriteResult::failed(Error(Fault::transient, "a write was forgotten; this is a bug")));
}

void settle(Receipt& receipt, const WriteStatus& status) {
  if (status.error) {
    receipt.resolve(status.outcome, *status.error, status.refusal);
  } else if (status.outcome == Outcome::failed) {
    receipt.fail(Error(Fault::transient, "the output failed without a reason"), status.refusal);
  } else {
    receipt.resolve(status.outcome);
  }
}

void deliver(Output& output, Batch batch) {
  batch.encode();
  std::vector<Receipt> receipts;
  receipts.reserve(batch.size());
  for (Message& message : batch) receipts.push_back(std::move(message.receipt));
  output.write(std::make_shared<const Batch>(std::move(batch)),
               Ack([receipts = std::move(receipts)](const WriteResult& result) mutable {
                 if (result.exceptions.empty() && result.ok() && !result.status.error) {
                   Settlement settlement(result.status.outcome);
                   for (Receipt& receipt : receipts) settlement.resolve(receipt);
                   return;
                 }
                 for (std::uint32_t i = 0; i < receipts.size(); ++i) {
                   settle(receipts[i], result.of(i));
                 }
               }));
}

std::vector<Receipt> receipts_for(std::uint32_t messages, Ack ack) {
  return Transaction::open(messages, [ack = std::move(ack)](TransactionResult ended) mutable {
    WriteResult result;
    if (ended.outcomes.empty()) {
      const auto only = std::ranges::max_element(ended.count) - ended.count.begin();
      result.status.outcome = ended.records ? static_cast<Outcome>(only) : Outcome::delivered;
    }
    for (std::uint32_t i = 0; i < ended.outcomes.size(); ++i) {
      if (ended.outcomes[i] != Outcome::delivered) {
        result.exceptions.push_back({i, {ended.outcomes[i], std::nullopt, Refusal::none}});
      }
    }
    for (auto& failure : ended.failures) {
      if (ended.outcomes.empty()) {  // all ended alike: the reasons may differ all the same
        result.exceptions.push_back(
            {failure.record, {result.status.outcome, std::move(failure.error), failure.refusal}});
        continue;
      }
      const auto at = std::ranges::lower_bound(result.exceptions, failure.record, {},
                                               [](const auto& e) { return e.first; });
      if (at == result.exceptions.end() || at->first != failure.record) continue;
      at->second.error = std::move(failure.error);
      at->second.refusal = failure.refusal;
    }
    if (result.exceptions.size() == ended.records && !result.exceptions.empty() &&
        ended.outcomes.empty()) {
      result.status = result.exceptions.front().second;  // what is said of the batch as a whole
    }
    ack(std::move(result));
  });
}

SharedBatch subset(const SharedBatch& batch, const std::vector<std::uint32_t>& indexes) {
  if (indexes.size() == batch->size()) return batch;
  auto part = std::make_shared<Batch>(batch->shared_memory());
  part->messages().reserve(indexes.size());
  for (const std::uint32_t index : indexes) part->add_twin((*batch)[index]);
  return part;
}

}  // namespace tollgate
