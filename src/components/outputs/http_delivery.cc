#include "components/outputs/http_delivery.h"

#include <algorithm>
#include <atomic>
#include <span>

#include <fmt/format.h>

#include "base/strings.h"
#include "component/write_results.h"

namespace tollgate {
namespace {

WriteStatus status_of(HttpFailure failure) {
  return {Outcome::failed, std::move(failure.error), failure.refusal};
}

// Keeps what the destination answered for the inputs whose messages are in `batch`.
void store_response(const HttpRequestBuilder& builder, const Batch& batch,
                    const std::vector<std::uint32_t>& indexes, const HttpResponse& response) {
  std::vector<ResponseStore*> stores;
  for (const std::uint32_t index : indexes) {
    ResponseStore* store = batch[index].response.get();
    if (store && std::ranges::find(stores, store) == stores.end()) stores.push_back(store);
  }
  if (stores.empty()) return;
  Batch answer;
  if (!builder.read_response(response, answer)) return;
  // What the request was known by, the answer is known by too.
  if (const Object* asked = batch[indexes.front()].metadata()) {
    for (const Member& member : std::span(asked->items, asked->size)) {
      for (Message& message : answer) {
        if (!message.metadata(member.key)) message.set_metadata(member.key, member.value);
      }
    }
  }
  for (ResponseStore* store : stores) store->add(answer);
}

}  // namespace

/// The requests of one batch, one after another. A loop and not a recursion where a request ends
/// before send() returns: `turn_` tells which of the two, the caller or the callback, goes on.
class HttpDelivery::Sequence : public std::enable_shared_from_this<Sequence> {
 public:
  Sequence(const HttpDelivery& owner, SharedBatch batch, Ack ack)
      : builder_(owner.builder_),
        sender_(owner.sender_),
        propagate_(owner.options_.propagate_response),
        batch_(std::move(batch)),
        ack_(std::move(ack)),
        table_(batch_->size()) {}

  void run() {
    while (next_ < batch_->size()) {
      turn_ = 0;
      sender_->send(
          [builder = builder_, batch = batch_, index = next_] {
            return builder->of_message(*batch, index, batch);
          },
          [self = shared_from_this()](std::expected<HttpResponse, HttpFailure> outcome) {
            self->ended(std::move(outcome));
            if (self->turn_.exchange(1) == 2) self->run();
          },
          ack_.slot());
      if (turn_.exchange(2) != 1) return;
    }
    ack_(std::move(table_).finish());
  }

 private:
  void ended(std::expected<HttpResponse, HttpFailure> outcome) {
    const auto index = static_cast<std::uint32_t>(next_++);
    if (outcome) {
      if (propagate_) store_response(*builder_, *batch_, {index}, *outcome);
      return;
    }
    const WriteStatus status = status_of(std::move(outcome).error());
    table_.replace(index, status);
    if (status.refusal != Refusal::none) return;
    for (; next_ < batch_->size(); ++next_) {
      table_.replace(static_cast<std::uint32_t>(next_), status);
    }
  }

  const std::shared_ptr<const HttpRequestBuilder> builder_;
  const std::shared_ptr<HttpSender> sender_;
  const bool propagate_;
  const SharedBatch batch_;
  Ack ack_;
  StatusTable table_;
  std::size_t next_ = 0;
  std::atomic<int> turn_{0};
};

HttpDelivery::HttpDelivery(std::shared_ptr<const HttpRequestBuilder> builder,
                           std::shared_ptr<HttpSender> sender, Options options)
    : builder_(std::move(builder)), sender_(std::move(sender)), options_(options) {}

void HttpDelivery::write(SharedBatch batch, Ack ack) {
  if (batch->empty()) return ack(WriteResult::delivered());
  switch (options_.form) {
    case Form::json_array: return write_array(std::move(batch), std::move(ack));
    case Form::multipart:
      if (batch->size() > 1) return write_whole(std::move(batch), std::move(ack));
      break;
    case Form::message: break;
  }
  std::make_shared<Sequence>(*this, std::move(batch), std::move(ack))->run();
}

void HttpDelivery::write_whole(SharedBatch batch, Ack ack) {
  auto make = [builder = builder_, batch] { return builder->of_batch(*batch, batch); };
  const auto slot = ack.slot();
  auto done = [builder = builder_, batch, ack = std::move(ack), keep = options_.propagate_response](
                  std::expected<HttpResponse, HttpFailure> outcome) mutable {
    if (!outcome) return ack({status_of(std::move(outcome).error()), {}});
    if (keep) store_response(*builder, *batch, all_indexes(batch->size()), *outcome);
    ack(WriteResult::delivered());
  };
  sender_->send(std::move(make), std::move(done), slot);
}

void HttpDelivery::write_array(SharedBatch batch, Ack ack) {
  std::string body = "[";
  StatusTable table(batch->size());
  std::vector<std::uint32_t> sent;
  for (std::uint32_t i = 0; i < batch->size(); ++i) {
    Arena scratch;
    if (const Value document = (*batch)[i].document(scratch); document.is_error()) {
      table.replace(i, {Outcome::failed,
                        Error(Fault::invalid,
                              fmt::format("failed to process event: {}", document.as_text())),
                        Refusal::content});
      continue;
    }
    if (!sent.empty()) body += ',';
    body += trim((*batch)[i].bytes());
    sent.push_back(i);
  }
  if (sent.empty()) return ack(std::move(table).finish());
  body += ']';
  auto make = [builder = builder_, batch, body = HttpBody(std::move(body))] {
    return builder->with_body(*batch, 0, body, "application/json");
  };
  const auto slot = ack.slot();
  auto done = [table = std::move(table), sent = std::move(sent), ack = std::move(ack)](
                  std::expected<HttpResponse, HttpFailure> outcome) mutable {
    WriteResult result;
    if (!outcome) result.status = status_of(std::move(outcome).error());
    table.worsen(sent, result);
    ack(std::move(table).finish());
  };
  sender_->send(std::move(make), std::move(done), slot);
}

}  // namespace tollgate
