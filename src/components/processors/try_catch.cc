// try_catch: `try`, and a recovery for the messages that failed.

#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::vector<ChildProcessor> processors;
  std::vector<ChildProcessor> recovery;
  std::string error_metadata = "error";
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("processors", &Config::processors,
            "Run on each message alone, until one of them fails."),
      field("catch", &Config::recovery, "Run on the messages that failed."),
      field("error_metadata", &Config::error_metadata,
            "The metadata key that tells the recovery what failed: an object with `what` and, "
            "where known, the failing component's `name`, `label` and `path`."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class TryCatch final : public Processor {
 public:
  TryCatch(const std::vector<ProcessorFactory>& processors,
           const std::vector<ProcessorFactory>& recovery, std::string error_metadata)
      : processors_(processors), recovery_(recovery), error_metadata_(std::move(error_metadata)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    Batch joined(batch.shared_memory());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (auto done = treat(take_one(batch, i), joined); !done) {
        joined.fail(done.error());
        batch.fail(done.error());
        return done;
      }
    }
    if (!joined.empty()) out.push_back(std::move(joined));
    return {};
  }

 private:
  Result<> treat(Batch one, Batch& out) {
    std::vector<Batch> tried;
    TRY(processors_.run(std::move(one), tried, ChildList::Stop::at_failure));
    for (auto made = tried.begin(); made != tried.end(); ++made) {
      if (!(*made)[0].error()) {
        append(out, std::move(*made));
        continue;
      }
      for (Message& message : *made) note_error(message);
      if (auto done = recovery_.run(std::move(*made), out); !done) {
        for (auto rest = made + 1; rest != tried.end(); ++rest) rest->fail(done.error());
        return done;
      }
    }
    return {};
  }

  /// Moves the flag into metadata, where the recovery reads it.
  void note_error(Message& message) const {
    const MessageError* error = message.error();
    if (!error) return;
    Arena& arena = message.memory().arena;
    Object* what = make_object(arena, 4);
    what->set("what", Value::string(error->text), arena);
    if (error->has_source) {
      what->set("name", Value::string(error->source_name), arena);
      what->set("label", Value::string(error->source_label), arena);
      what->set("path", Value::string(error->source_path), arena);
    }
    message.set_metadata(error_metadata_, Value::object(what));
    message.clear_error();
  }

  ChildList processors_;
  ChildList recovery_;
  const std::string error_metadata_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [processors = TRY(context.processors("processors", config.processors)),
          recovery = TRY(context.processors("catch", config.recovery)),
          key = config.error_metadata] {
    return std::make_unique<TryCatch>(processors, recovery, key);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType try_catch_processor;
constinit const ProcessorType try_catch_processor = component_type<schema, make>({
    .name = "try_catch",
    .status = "beta",
    .categories = "Composition",
    .summary = "Runs processors on each message alone and others on those that failed.",
    .description = R"md(
A message that is flagged already goes straight to `catch`. The flag is cleared before `catch` runs,
so that a failure in there is a new one. An empty `catch` only clears it.
)md",
});

}  // namespace tollgate
