// cache: stores messages in a cache resource.

#include <fmt/format.h>

#include "component/build_context.h"
#include "component/write_results.h"
#include "value/duration.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string target;
  InterpolatedText key = "${!count(\"items\")}-${!timestamp_unix_nano()}";
  std::optional<InterpolatedText> ttl;
  int max_in_flight = 64;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("target", &Config::target, "The label of the cache."),
      field("key", &Config::key, "The key of a message."),
      field("ttl", &Config::ttl, "How long to keep a message, as a duration.").advanced(),
      field("max_in_flight", &Config::max_in_flight, "Batches under way at the same time."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.max_in_flight < 1) {
    context.error(body["max_in_flight"].position(), "max_in_flight must be at least 1");
  }
}

// Implementation ----------------------------------------------------------------------------------

class CacheOutput final : public Output {
 public:
  CacheOutput(std::shared_ptr<Cache> cache, Interpolated key, std::optional<Interpolated> ttl)
      : cache_(std::move(cache)), key_(std::move(key)), ttl_(std::move(ttl)) {}

  void write(SharedBatch batch, Ack ack) override {
    StatusTable table(batch->size());
    for (std::uint32_t i = 0; i < batch->size(); ++i) {
      if (auto stored = store(*batch, i); !stored) {
        const bool content = stored.error().fault() == Fault::invalid;
        table.replace(i, {Outcome::failed, std::move(stored).error(),
                          content ? Refusal::content : Refusal::none});
      }
    }
    ack(std::move(table).finish());
  }

 private:
  Result<> store(const Batch& batch, std::uint32_t index) {
    Arena scratch;
    const auto key = key_.eval(batch, index, scratch);
    if (!key) return invalid(fmt::format("key interpolation error: {}", key.error().message()));
    Cache::Ttl ttl;
    if (ttl_) {
      const auto text = ttl_->eval(batch, index, scratch);
      if (!text) return invalid(fmt::format("ttl interpolation error: {}", text.error().message()));
      ttl = std::chrono::nanoseconds(TRY(parse_duration(*text)));
    }
    return cache_->set(*key, batch[index].bytes(), ttl);
  }

  const std::shared_ptr<Cache> cache_;
  const Interpolated key_;
  const std::optional<Interpolated> ttl_;
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext& context) {
  auto cache = TRY(context.cache(config.target));
  std::optional<Interpolated> ttl;
  if (config.ttl) ttl = std::move(config.ttl->value);
  return context.limited(std::make_unique<CacheOutput>(std::move(cache),
                                                       std::move(config.key.value), std::move(ttl)),
                         config.max_in_flight);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType cache_output;
constinit const OutputType cache_output = component_type<schema, make, check>({
    .name = "cache",
    .categories = "Services",
    .summary = "Stores messages in a cache.",
});

}  // namespace tollgate
