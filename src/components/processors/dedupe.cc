// dedupe: drops messages whose key a cache has seen.

#include <memory>

#include "components/processors/support.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string cache;
  InterpolatedText key;
  bool drop_on_err = true;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("cache", &Config::cache, "The label of the cache that remembers keys."),
      required("key", &Config::key, "What makes two messages the same."),
      field("drop_on_err", &Config::drop_on_err,
            "Whether messages are dropped when the cache or the key fails; else they are flagged."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (body["key"] && config.key.text.empty()) {
    context.error(body["key"].position(), "dedupe key must not be empty");
  }
}

// Implementation ----------------------------------------------------------------------------------

class Dedupe final : public Processor {
 public:
  Dedupe(std::shared_ptr<Cache> cache, Interpolated key, bool drop_on_error, ErrorSource source,
         Counter& errors, Logger logger)
      : cache_(std::move(cache)),
        key_(std::move(key)),
        drop_on_error_(drop_on_error),
        source_(std::move(source)),
        errors_(errors),
        logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    std::vector<bool> keep(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) keep[i] = is_new(batch, i);
    Batch kept(batch.shared_memory());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (keep[i]) kept.add(std::move(batch[i]));
      else settle(batch[i]);
    }
    if (!kept.empty()) out.push_back(std::move(kept));
    return {};
  }

 private:
  bool is_new(Batch& batch, std::size_t index) {
    scratch_.reset();
    const auto key = key_.eval(batch, index, scratch_);
    if (!key) {
      const std::string reason = "key interpolation error: " + std::string(key.error().message());
      logger_.error("{}", reason);
      if (drop_on_error_) {
        errors_.add_count(1);  // nobody sees the flag of a message that is gone
        return false;
      }
      source_.flag(batch[index], reason);
      return true;
    }
    const auto added = cache_->add(*key, "t", std::nullopt);
    if (added) return *added;
    logger_.error("Cache error: {}", added.error().message());
    if (drop_on_error_) return false;
    source_.flag(batch[index], added.error().message());
    return true;
  }

  const std::shared_ptr<Cache> cache_;
  const Interpolated key_;
  const bool drop_on_error_;
  const ErrorSource source_;
  Counter& errors_;
  const Logger logger_;
  Arena scratch_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [cache = TRY(context.cache(config.cache)), key = config.key.value,
          drop = config.drop_on_err, source = ErrorSource(context),
          errors = &context.counter("processor_error"), logger = context.logger()] {
    return std::make_unique<Dedupe>(cache, key, drop, source, *errors, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType dedupe_processor;
constinit const ProcessorType dedupe_processor = component_type<schema, make, check>({
    .name = "dedupe",
    .categories = "Utility",
    .summary = "Drops messages whose key a cache has seen already.",
    .description = R"md(
The key is remembered before the message is delivered. When the delivery fails and the sender sends
again, the message counts as seen and is lost: prefer ids that the destination dedupes on, as
`uuid_v4()` gives them here.
)md",
    .rerunnable = false,
});

}  // namespace tollgate
