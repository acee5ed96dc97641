// cached: runs processors once for each key and remembers what they made.

#include <memory>
#include <optional>

#include "components/processors/support.h"
#include "value/duration.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string cache;
  std::optional<MappingText> skip_on;
  InterpolatedText key;
  std::optional<InterpolatedText> ttl;
  std::vector<ChildProcessor> processors;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("cache", &Config::cache, "The label of the cache that remembers results."),
      field("skip_on", &Config::skip_on,
            "A mapping over the result that tells whether it must not be remembered."),
      required("key", &Config::key, "What a result depends on."),
      field("ttl", &Config::ttl, "How long a result is remembered; unset: the cache's default."),
      required("processors", &Config::processors, "What makes the result."),
  };
  return fields;
}

// Stored results ----------------------------------------------------------------------------------
// Numbers of four bytes, most significant first: the version, the count, each message's length.

constexpr std::uint32_t kVersion = 1;

void append_number(std::string& out, std::size_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((number >> shift) & 0xFF);
}

Result<std::size_t> take_number(std::string_view& from) {
  if (from.size() < 4) return invalid("message is too small to extract number");
  std::size_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(from[i]);
  from.remove_prefix(4);
  return number;
}

std::string serialise(Batch& batch) {
  std::string stored;
  append_number(stored, kVersion);
  append_number(stored, batch.size());
  for (Message& message : batch) {
    append_number(stored, message.bytes().size());
    stored += message.bytes();
  }
  return stored;
}

Result<std::vector<std::string_view>> deserialise(std::string_view stored) {
  const auto read_version = take_number(stored);
  if (!read_version) {
    return invalid("failed to extract serialization format version: " +
                   std::string(read_version.error().message()));
  }
  const std::size_t version = *read_version;
  if (version != kVersion) return invalid("invalid format version: " + std::to_string(version));
  const std::size_t count = TRY(take_number(stored));
  std::vector<std::string_view> payloads;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = TRY(take_number(stored));
    if (size > stored.size()) return invalid("input data ended unexpectedly");
    payloads.push_back(stored.substr(0, size));
    stored.remove_prefix(size);
  }
  return payloads;
}

// Implementation ----------------------------------------------------------------------------------

struct Order {
  std::shared_ptr<Cache> cache;
  std::shared_ptr<const Mapping> skip_on;
  Interpolated key;
  std::optional<Interpolated> ttl;
  std::vector<ProcessorFactory> processors;
};

class Cached final : public Processor {
 public:
  Cached(std::shared_ptr<const Order> order, Logger logger)
      : order_(std::move(order)), processors_(order_->processors), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    Batch joined(batch.shared_memory());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Batch one = take_one(batch, i);
      const auto lookup = look_up(one);
      if (!lookup) {
        one[0].set_error(lookup.error().message());
        append(joined, std::move(one));
      } else if (lookup->stored) {
        restore(std::move(one), *lookup->stored, joined);
      } else if (auto made = make_result(std::move(one), *lookup, joined); !made) {
        joined.fail(made.error());
        batch.fail(made.error());
        return made;
      }
    }
    if (!joined.empty()) out.push_back(std::move(joined));
    return {};
  }

 private:
  struct Lookup {
    std::string key;
    Cache::Ttl ttl;
    std::optional<std::string> stored;
  };

  Result<Lookup> look_up(const Batch& one) {
    scratch_.reset();
    auto key = order_->key.eval(one, 0, scratch_);
    if (!key) {
      return std::unexpected(
          std::move(key).error().within("failed to interpolate key expression"));
    }
    Lookup lookup{std::string(*key), {}, {}};
    if (order_->ttl) {
      auto text = order_->ttl->eval(one, 0, scratch_);
      if (!text) {
        return std::unexpected(
            std::move(text).error().within("failed to interpolate ttl expression"));
      }
      auto ttl = parse_duration(*text);
      if (!ttl) {
        return std::unexpected(std::move(ttl).error().within("failed to parse ttl expression"));
      }
      lookup.ttl = std::chrono::nanoseconds(*ttl);
    }
    lookup.stored = TRY(order_->cache->get(lookup.key));
    return lookup;
  }

  static void restore(Batch one, std::string_view stored, Batch& out) {
    const auto payloads = deserialise(stored);
    if (!payloads) {
      one[0].set_error("failed to parse cached result, this indicates the data was not set by "
                       "this processor: " + std::string(payloads.error().message()));
      append(out, std::move(one));
      return;
    }
    Message& message = one[0];
    for (std::size_t i = 0; i < payloads->size(); ++i) {
      Message copy = message.copy();
      copy.set_bytes(one.arena().copy((*payloads)[i]));
      copy.receipt = message.receipt.share();
      if (payloads->size() > 1) {
        copy.identity = message.identity.child(static_cast<std::uint32_t>(i));
        copy.draws = 0;
      }
      out.add(std::move(copy));
    }
    settle(message);  // the share that the copies do not hold
  }

  Result<> make_result(Batch one, const Lookup& lookup, Batch& out) {
    std::vector<Batch> results;
    TRY(processors_.run(std::move(one), results));
    bool remember = true;
    for (const Batch& result : results) remember = remember && !must_skip(result);
    Batch whole(out.shared_memory());
    for (Batch& result : results) append(whole, std::move(result));
    if (remember) {
      // Failing to remember costs time later and nothing now.
      if (const auto set = order_->cache->set(lookup.key, serialise(whole), lookup.ttl); !set) {
        logger_.error("failed to write result to cache: {}", set.error().message());
      }
    }
    append(out, std::move(whole));
    return {};
  }

  bool must_skip(const Batch& result) {
    if (!order_->skip_on) return false;
    scratch_.reset();
    const auto skip = order_->skip_on->check(result, 0, scratch_);
    if (skip) return *skip;
    logger_.error("skip_on check failed: {}, caching will be skipped as a precaution",
                  skip.error().message());
    return true;
  }

  const std::shared_ptr<const Order> order_;
  ChildList processors_;
  const Logger logger_;
  Arena scratch_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  Order order{TRY(context.cache(config.cache)),
              config.skip_on ? config.skip_on->mapping : nullptr,
              config.key.value,
              {},
              TRY(context.processors("processors", config.processors))};
  if (config.ttl) order.ttl = config.ttl->value;
  return [order = std::make_shared<const Order>(std::move(order)), logger = context.logger()] {
    return std::make_unique<Cached>(order, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType cached_processor;
constinit const ProcessorType cached_processor = component_type<schema, make>({
    .name = "cached",
    .categories = "Utility",
    .summary = "Runs processors once for each key and remembers the result in a cache.",
    .description = R"md(
A result that is remembered replaces the payload; the metadata stay those of the message at hand.
Failed results are remembered too unless `skip_on` says otherwise, for example
`skip_on: errored()`.
)md",
    .rerunnable = false,
});

}  // namespace tollgate
