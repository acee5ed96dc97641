#include "pipeline/failed_messages.h"

#include <fmt/format.h>

#include "component/write_results.h"

namespace tollgate {

namespace {

class FailedMessages final : public WrappedOutput {
 public:
  FailedMessages(std::unique_ptr<Output> output, BuildContext& context)
      : WrappedOutput(std::move(output)),
        failed_(context.counter("output_failed_messages")),
        logger_(context.logger()) {}

  void write(SharedBatch batch, Ack ack) override {
    std::size_t failed = 0;
    const MessageError* first = nullptr;
    for (const Message& message : *batch) {
      if (!message.error()) continue;
      if (!first) first = message.error();
      ++failed;
    }
    if (failed > 0) report(failed, *first);
    child().write(std::move(batch), std::move(ack));
  }

 private:
  void report(std::size_t failed, const MessageError& first) {
    failed_.add_count(failed);
    logger_.write(LogLevel::warn,
                  fmt::format("{} messages whose processing failed are sent on as they were before; "
                              "handle them with catch or reject_errored",
                              failed),
                  {{"reason", std::string(first.text)},
                   {"processor", std::string(first.source_name)},
                   {"processor_path", std::string(first.source_path)}});
  }

  Counter& failed_;
  const Logger logger_;
};

}  // namespace

std::unique_ptr<Output> watch_failed_messages(std::unique_ptr<Output> output,
                                              BuildContext& context) {
  return std::make_unique<FailedMessages>(std::move(output), context);
}

}  // namespace tollgate
