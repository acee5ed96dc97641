// to_the_end, chunker: streams without structure.

#include <memory>
#include <string>

#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct NoConfig {
  Node ignored = Node::map({});
};

const Schema<NoConfig>& no_schema() {
  static const Schema<NoConfig> fields{
      field("", &NoConfig::ignored, "Has no fields.").type_name("object"),
  };
  return fields;
}

struct ChunkConfig {
  std::int64_t size = 0;
};

const Schema<ChunkConfig>& chunk_schema() {
  static const Schema<ChunkConfig> fields{
      required("size", &ChunkConfig::size, "Bytes of a chunk; the last may be shorter."),
  };
  return fields;
}

void check_chunks(const ChunkConfig& config, const Node& body, ReadContext& context) {
  if (body["size"] && config.size <= 0) {
    context.error(body["size"].position(), "size must be larger than zero");
  }
}

// Implementation ----------------------------------------------------------------------------------

class ToTheEnd final : public Scanner {
 public:
  Result<> feed(std::string_view bytes, Batch&) override {
    // A message is a view of 32 bits of length.
    if (bytes.size() > kMaxBytes - all_.size()) return invalid("the stream is too large");
    all_ += bytes;
    return {};
  }

  Result<> finish(Batch& out) override {
    out.add().set_bytes(out.arena().copy(all_));
    all_ = {};
    return {};
  }

 private:
  static constexpr std::size_t kMaxBytes = (std::size_t{1} << 31) - 1;
  std::string all_;
};

class Chunker final : public Scanner {
 public:
  explicit Chunker(std::size_t size) : size_(size) {}

  Result<> feed(std::string_view bytes, Batch& out) override {
    while (rest_.size() + bytes.size() >= size_) {
      const std::size_t wanted = size_ - rest_.size();
      rest_ += bytes.substr(0, wanted);
      bytes.remove_prefix(wanted);
      out.add().set_bytes(out.arena().copy(rest_));
      rest_.clear();
    }
    rest_ += bytes;
    return {};
  }

  Result<> finish(Batch& out) override {
    if (!rest_.empty()) out.add().set_bytes(out.arena().copy(rest_));
    rest_.clear();
    return {};
  }

 private:
  const std::size_t size_;
  std::string rest_;
};

Result<ScannerFactory> make_to_the_end(NoConfig, BuildContext&) {
  return [](std::string_view) { return std::make_unique<ToTheEnd>(); };
}

Result<ScannerFactory> make_chunker(ChunkConfig config, BuildContext&) {
  if (config.size <= 0) return invalid("size must be larger than zero");
  return [size = static_cast<std::size_t>(config.size)](std::string_view) {
    return std::make_unique<Chunker>(size);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ScannerType to_the_end_scanner;
constinit const ScannerType to_the_end_scanner = component_type<no_schema, make_to_the_end>({
    .name = "to_the_end",
    .summary = "Makes one message of the whole stream.",
    .description = "The stream has to fit into memory.",
});

extern constinit const ScannerType chunker_scanner;
constinit const ScannerType chunker_scanner =
    component_type<chunk_schema, make_chunker, check_chunks>({
        .name = "chunker",
        .summary = "Cuts the stream into messages of a fixed size.",
    });

}  // namespace tollgate
