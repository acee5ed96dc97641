// stdout: prints messages.

#include <unistd.h>

#include <mutex>

#include "component/build_context.h"
#include "component/output.h"
#include "component/output_codec.h"
#include "component/write_results.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string codec = "lines";
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("codec", &Config::codec, "What stands between messages.")
          .suggestions({"all-bytes", "append", "lines", "delim:x"}),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  check_output_codec(config.codec, body, context);
}

// Implementation ----------------------------------------------------------------------------------

std::mutex& stdout_lock() {  // several outputs of a process share the one stream
  static std::mutex lock;
  return lock;
}

class Stdout final : public Output {
 public:
  explicit Stdout(OutputCodec codec) : codec_(std::move(codec)) {}

  void write(SharedBatch batch, Ack ack) override {
    std::string text;
    std::vector<std::size_t> ends;  // of each message in `text`
    for (const Message& message : *batch) {
      codec_.append(text, message.bytes());
      ends.push_back(text.size());
    }
    std::size_t written = 0;
    Result<> result;
    {
      std::lock_guard lock(stdout_lock());
      result = write_all(STDOUT_FILENO, text, written);
    }
    if (result) return ack(WriteResult::delivered());
    StatusTable table(batch->size());
    for (std::uint32_t i = 0; i < ends.size(); ++i) {
      if (ends[i] > written) {
        table.replace(i, {Outcome::failed, result.error(), Refusal::none});
      }
    }
    ack(std::move(table).finish());
  }

 private:
  const OutputCodec codec_;
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext&) {
  return std::make_unique<Stdout>(TRY(OutputCodec::parse(config.codec)));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType stdout_output;
constinit const OutputType stdout_output = component_type<schema, make, check>({
    .name = "stdout",
    .categories = "Local",
    .summary = "Prints messages to the standard output.",
});

}  // namespace tollgate
