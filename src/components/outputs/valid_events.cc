#include "components/outputs/valid_events.h"

#include <fmt/format.h>

#include "component/write_results.h"
#include "value/time_layout.h"

namespace tollgate {

namespace {

constexpr std::string_view kRequired[] = {"id", "source", "type", "subject", "specversion"};

class ValidEvents final : public WrappedOutput {
 public:
  ValidEvents(std::unique_ptr<Output> output, Counter& refused, Logger logger)
      : WrappedOutput(std::move(output)), refused_(refused), logger_(std::move(logger)) {}

  void write(SharedBatch batch, Ack ack) override {
    std::vector<std::uint32_t> valid;
    std::vector<std::pair<std::uint32_t, std::string>> others;
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      std::string reason = why_no_event((*batch)[i]);
      if (reason.empty()) {
        valid.push_back(i);
      } else {
        others.emplace_back(i, std::move(reason));
      }
    }
    if (others.empty()) return child().write(std::move(batch), std::move(ack));
    StatusTable table(batch->size());
    for (const auto& [index, reason] : others) refuse((*batch)[index], index, reason, table);
    if (valid.empty()) return ack(std::move(table).finish());
    child().write(subset(batch, valid),
                  Ack([valid, table = std::move(table),
                       ack = std::move(ack)](const WriteResult& result) mutable {
                    table.worsen(valid, result);
                    ack(std::move(table).finish());
                  }));
  }

  bool reads_bytes_alone() const override { return false; }  // a document that is there is cheap

 private:
  void refuse(const Message& message, std::uint32_t index, const std::string& reason,
              StatusTable& table) {
    refused_.add_count(1);
    std::string text = "not a valid event: " + reason;
    if (const MessageError* error = message.error()) {
      text += fmt::format("; its processing failed: {}", error->text);
    }
    logger_.warn("A message was refused before it was sent: {}", text);
    table.replace(index, {Outcome::failed, Error(Fault::invalid, std::move(text)),
                          Refusal::content});
  }

  Counter& refused_;
  const Logger logger_;
};

}  // namespace

std::string why_no_event(const Message& message) {
  Arena scratch;
  const Value document = message.document(scratch);
  if (document.is_error()) return std::string(document.as_text());
  if (!document.is(Kind::object)) return "it is no JSON object";
  const Object& event = document.as_object();
  for (const std::string_view key : kRequired) {
    const Value* value = event.find(key, scratch);
    if (!value) return fmt::format("'{}' is missing", key);
    if (!value->is(Kind::string)) return fmt::format("'{}' is no string", key);
    if (value->as_text().empty()) return fmt::format("'{}' is empty", key);
  }
  const Value* time = event.find("time", scratch);
  if (!time || time->is(Kind::null)) return {};
  if (time->is(Kind::timestamp)) return {};
  if (!time->is(Kind::string) || !parse_rfc3339(time->as_text())) {
    return "'time' is no RFC 3339 time such as 2026-01-31T12:00:00Z";
  }
  return {};
}

std::unique_ptr<Output> only_valid_events(std::unique_ptr<Output> output, Counter& refused,
                                          Logger logger) {
  return std::make_unique<ValidEvents>(std::move(output), refused, std::move(logger));
}

}  // namespace tollgate
