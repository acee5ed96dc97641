// string_split: makes an array of each message's text.

#include <memory>

#include "component/build_context.h"
#include "component/processor.h"
#include "value/encoding.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string delimiter = "\n";
  bool emit_bytes = false;
  bool empty_as_null = false;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("delimiter", &Config::delimiter,
            "What stands between the parts; empty: every character is a part."),
      field("emit_bytes", &Config::emit_bytes, "Whether the parts are bytes instead of strings.")
          .advanced(),
      field("empty_as_null", &Config::empty_as_null, "Whether empty parts become null."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class StringSplit final : public MessageProcessor {
 public:
  explicit StringSplit(Config config) : config_(std::move(config)) {}

 private:
  Result<Verdict> transform(Batch& batch, std::size_t index) override {
    const std::string_view text = batch[index].bytes();
    Array* parts = make_array(batch.arena(), 8);
    std::size_t start = 0;
    if (config_.delimiter.empty()) {
      while (start < text.size()) {
        const Rune rune = decode_rune(text.data() + start, text.data() + text.size());
        add(*parts, text.substr(start, rune.width), batch.arena());
        start += rune.width;
      }
    } else {
      for (std::size_t end; (end = text.find(config_.delimiter, start)) != text.npos;) {
        add(*parts, text.substr(start, end - start), batch.arena());
        start = end + config_.delimiter.size();
      }
      add(*parts, text.substr(start), batch.arena());
    }
    batch[index].set_document(Value::array(parts));
    return Verdict::keep;
  }

  void add(Array& parts, std::string_view part, Arena& arena) const {
    parts.push(config_.empty_as_null && part.empty() ? Value::null()
               : config_.emit_bytes                  ? Value::bytes(part)
                                                     : Value::string(part),
               arena);
  }

  const Config config_;
};

Result<ProcessorFactory> make(Config config, BuildContext&) {
  return [config = std::move(config)] { return std::make_unique<StringSplit>(config); };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType string_split_processor;
constinit const ProcessorType string_split_processor = component_type<schema, make>({
    .name = "string_split",
    .categories = "Parsing",
    .summary = "Cuts each message at a delimiter and replaces it with the array of its parts.",
    .description = "What the mapping method `split` does, for the whole message.",
});

}  // namespace tollgate
