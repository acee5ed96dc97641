#include "components/outputs/dead_letter.h"

#include <fmt/format.h>

namespace tollgate {

namespace {

class DeadLetter final : public WrappedOutput {
 public:
  DeadLetter(std::unique_ptr<Output> output, std::unique_ptr<Output> letters)
      : WrappedOutput(std::move(output)), letters_(std::move(letters)) {}

  Result<> start() override {
    TRY(letters_->start());
    return child().start();
  }

  void write(SharedBatch batch, Ack ack) override {
    child().write(batch, Ack([this, batch, ack = std::move(ack)](WriteResult result) mutable {
                    set_aside(batch, std::move(result), std::move(ack));
                  }));
  }

  void flush() override {
    child().flush();
    letters_->flush();
  }
  void close(std::chrono::steady_clock::time_point deadline) override {
    child().close(deadline);
    letters_->close(deadline);
  }

 private:
  void set_aside(const SharedBatch& batch, WriteResult result, Ack ack) {
    Batch letters;
    std::vector<std::uint32_t> refused;
    StatusTable table(batch->size());
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      const WriteStatus& status = result.of(i);
      table.replace(i, status);
      if (!is_refused(status)) continue;
      refused.push_back(i);
      add_with_reason((*batch)[i], status, "dead_letter_reason", letters);
    }
    if (refused.empty()) return ack(std::move(result));
    letters_->write(std::make_shared<const Batch>(std::move(letters)),
                    Ack([refused = std::move(refused), table = std::move(table),
                         result = std::move(result),
                         ack = std::move(ack)](const WriteResult& written) mutable {
                      for (std::uint32_t i = 0; i < refused.size(); ++i) {
                        table.replace(refused[i],
                                      after_letter(result.of(refused[i]), written.of(i)));
                      }
                      ack(std::move(table).finish());
                    }));
  }

  static WriteStatus after_letter(const WriteStatus& refusal, const WriteStatus& letter) {
    if (letter.outcome == Outcome::delivered) {
      return {Outcome::dead_lettered, refusal.error, refusal.refusal};
    }
    if (letter.outcome != Outcome::failed) return letter;
    const auto text = [](const WriteStatus& status) {
      return status.error ? status.error->message() : std::string_view("no reason was given");
    };
    return {Outcome::failed,
            Error(letter.error ? letter.error->fault() : Fault::transient,
                  fmt::format("dead_letter failed: {}; the message was refused with: {}",
                              text(letter), text(refusal))),
            Refusal::none};
  }

  const std::unique_ptr<Output> letters_;
};

}  // namespace

bool is_refused(const WriteStatus& status) {
  return status.outcome == Outcome::failed &&
         (status.refusal != Refusal::none ||
          (status.error && status.error->fault() == Fault::invalid));
}

void add_with_reason(const Message& message, const WriteStatus& status, std::string_view key,
                     Batch& batch) {
  Message& added = batch.add_copy(message);
  added.set_metadata(key, Value::string(status.error ? status.error->message() : "failed"));
}

const Schema<DeadLetterConfig>& dead_letter_schema() {
  static const Schema<DeadLetterConfig> fields{
      field("dead_letter", &DeadLetterConfig::dead_letter,
            "An output for messages that are refused for their content, one by one and with the "
            "reason as metadata `dead_letter_reason`. Without it they are rejected, for a `drop_on` "
            "or `fallback` above to handle.")
          .advanced()
          .foreign(),
  };
  return fields;
}

Result<std::unique_ptr<Output>> with_dead_letter(std::unique_ptr<Output> output,
                                                 const DeadLetterConfig& config,
                                                 BuildContext& context) {
  if (!config.dead_letter) return output;
  auto letters = TRY(context.output("dead_letter", config.dead_letter->node));
  return std::make_unique<DeadLetter>(std::move(output), std::move(letters));
}

}  // namespace tollgate
