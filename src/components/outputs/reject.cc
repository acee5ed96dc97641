// reject: fails every message with a text of the user's.

#include "component/build_context.h"
#include "component/output.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  InterpolatedText text;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("", &Config::text, "The reason, taken for the first message of a batch."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (!config.text.text.empty()) return;
  context.error(body.position(),
                "an error message must be provided in order to provide context for the rejection");
}

// Implementation ----------------------------------------------------------------------------------

class Reject final : public Output {
 public:
  explicit Reject(Interpolated text) : text_(std::move(text)) {}

  void write(SharedBatch batch, Ack ack) override {
    if (batch->empty()) return ack(WriteResult::delivered());
    Arena scratch;
    const auto text = text_.eval(*batch, 0, scratch);
    ack(WriteResult::failed(
        Error(Fault::invalid, std::string(text ? *text : text.error().message()))));
  }

 private:
  const Interpolated text_;
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext&) {
  return std::make_unique<Reject>(std::move(config.text.value));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType reject_output;
constinit const OutputType reject_output = component_type<schema, make, check>({
    .name = "reject",
    .categories = "Utility",
    .summary = "Rejects all messages with a reason, which their sender is told.",
});

}  // namespace tollgate
