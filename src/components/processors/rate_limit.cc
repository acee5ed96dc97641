// rate_limit: holds messages back until a rate limit lets them through.

#include <memory>

#include "component/build_context.h"
#include "component/processor.h"
#include "component/wait.h"

namespace tollgate {
namespace {

struct Config {
  std::string resource;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("resource", &Config::resource, "The label of the rate limit."),
  };
  return fields;
}

class RateLimited final : public Processor {
 public:
  RateLimited(std::shared_ptr<RateLimit> limit, Logger logger)
      : limit_(std::move(limit)), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (auto let = pass_one(); !let) {
        batch.fail(let.error());
        return let;
      }
    }
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }

 private:
  Result<> pass_one() {
    while (true) {
      const auto wait = limit_->access();
      if (!wait) logger_.error("Failed to access rate limit: {}", wait.error().message());
      if (wait && wait->count() == 0) return {};
      TRY(wait_for(wait ? *wait : std::chrono::seconds(1)));
    }
  }

  const std::shared_ptr<RateLimit> limit_;
  const Logger logger_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [limit = TRY(context.rate_limit(config.resource)), logger = context.logger()] {
    return std::make_unique<RateLimited>(limit, logger);
  };
}

}  // namespace

extern constinit const ProcessorType rate_limit_processor;
constinit const ProcessorType rate_limit_processor = component_type<schema, make>({
    .name = "rate_limit",
    .categories = "Utility",
    .summary = "Holds each message back until a rate limit lets it through.",
    .description = R"md(
When the limit itself fails, that is logged and asked again after a second.
)md",
    .rerunnable = false,
    .blocking = true,
});

}  // namespace tollgate
