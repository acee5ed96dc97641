// cache: reads or writes a cache for each message.

#include <memory>
#include <optional>

#include "components/processors/support.h"
#include "value/duration.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string resource;
  std::string operation;
  InterpolatedText key;
  std::optional<InterpolatedText> value;
  std::optional<InterpolatedText> ttl;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("resource", &Config::resource, "The label of the cache."),
      required("operator", &Config::operation, "What to do with it.")
          .options({"set", "add", "get", "delete", "exists"}),
      required("key", &Config::key, "The key to do it with."),
      field("value", &Config::value, "What `set` and `add` store."),
      field("ttl", &Config::ttl,
            "How long `set` and `add` store it, if the cache can; empty: its default.")
          .advanced(),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

enum class Operation : unsigned char { set, add, get, remove, exists };

Operation operation_named(std::string_view name) {
  if (name == "add") return Operation::add;
  if (name == "get") return Operation::get;
  if (name == "delete") return Operation::remove;
  if (name == "exists") return Operation::exists;
  return Operation::set;
}

struct Order {
  std::shared_ptr<Cache> cache;
  Operation operation;
  Interpolated key, value, ttl;
};

class CacheProcessor final : public Processor {
 public:
  CacheProcessor(Order order, ErrorSource source)
      : order_(std::move(order)), source_(std::move(source)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      scratch_.reset();
      if (const auto done = carry_out(batch, i); !done) {
        source_.flag(batch[i], done.error().message());
      }
    }
    if (!batch.empty()) out.push_back(std::move(batch));
    return {};
  }

 private:
  Result<std::string_view> text(const Interpolated& field, std::string_view name,
                                const Batch& batch, std::size_t index) {
    auto value = field.eval(batch, index, scratch_);
    if (value) return *value;
    return std::unexpected(
        std::move(value).error().within(std::string(name) + " interpolation error"));
  }

  Result<> carry_out(Batch& batch, std::size_t index) {
    const auto key = TRY(text(order_.key, "key", batch, index));
    const auto value = TRY(text(order_.value, "value", batch, index));
    const auto ttl_text = TRY(text(order_.ttl, "ttl", batch, index));
    Cache::Ttl ttl;
    if (!ttl_text.empty()) {
      auto parsed = parse_duration(ttl_text);
      if (!parsed) {
        return std::unexpected(std::move(parsed).error().within("ttl must be a duration"));
      }
      ttl = std::chrono::nanoseconds(*parsed);
    }
    const auto fail = [&](std::string_view reason) {
      return invalid("operator failed for key '" + std::string(key) + "': " + std::string(reason));
    };
    Cache& cache = *order_.cache;
    Message& message = batch[index];
    switch (order_.operation) {
      case Operation::set:
        if (const auto set = cache.set(key, value, ttl); !set) return fail(set.error().message());
        break;
      case Operation::add: {
        const auto added = cache.add(key, value, ttl);
        if (!added) return fail(added.error().message());
        if (!*added) return invalid("key already exists: " + std::string(key));
        break;
      }
      case Operation::get: {
        const auto found = cache.get(key);
        if (!found) return fail(found.error().message());
        if (!*found) return fail("key does not exist");
        message.set_bytes(batch.arena().copy(**found));
        break;
      }
      case Operation::remove:
        if (const auto done = cache.remove(key); !done) return fail(done.error().message());
        break;
      case Operation::exists: {
        const auto found = cache.get(key);
        message.set_document(Value::boolean(found && *found));
        break;
      }
    }
    return {};
  }

  const Order order_;
  const ErrorSource source_;
  Arena scratch_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  const auto value_of = [](const std::optional<InterpolatedText>& text) {
    return text ? text->value : Interpolated();
  };
  Order order{TRY(context.cache(config.resource)), operation_named(config.operation),
              config.key.value, value_of(config.value), value_of(config.ttl)};
  return [order = std::move(order), source = ErrorSource(context)] {
    return std::make_unique<CacheProcessor>(order, source);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType cache_processor;
constinit const ProcessorType cache_processor = component_type<schema, make>({
    .name = "cache",
    .categories = "Integration",
    .summary = "Reads or writes a cache for each message.",
    .description = R"md(
| operator | effect |
|---|---|
| `set` | stores `value` under `key` |
| `add` | the same, but flags the message if the key is there already |
| `get` | replaces the message by what is stored; flags it if there is nothing |
| `delete` | removes the key |
| `exists` | replaces the message by `true` or `false` |
)md",
    .rerunnable = false,
});

}  // namespace tollgate
