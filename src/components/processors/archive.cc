// archive: makes one message of a batch.

#include <algorithm>
#include <cstring>
#include <memory>

#include "components/formats/tar.h"
#include "components/formats/zip.h"
#include "components/processors/parse_failure.h"
#include "components/processors/support.h"
#include "value/json.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string format;
  InterpolatedText path;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("format", &Config::format, "How the messages are put together.")
          .options({"binary", "concatenate", "json_array", "lines", "tar", "zip"}),
      field("path", &Config::path, "The name of each message in the archive, for tar and zip."),
  };
  return fields;
}

// Formats -----------------------------------------------------------------------------------------
// Each appends the archive of `batch` to `out`.

Result<> append_json_array(Batch& batch, const Interpolated&, const Logger&, std::string& out) {
  out += '[';
  for (Message& message : batch) {
    if (out.size() > 1) out += ',';
    // Bytes of our own writer are what this would write again.
    if (message.bytes_are_json()) {
      out += message.bytes();
      continue;
    }
    const Value document = message.document();
    if (document.is_error()) {
      return invalid("failed to parse message as JSON: " + parse_failure(message, document));
    }
    if (!append_json(out, document, batch.arena())) return invalid("a message has no JSON form");
  }
  out += ']';
  return {};
}

Result<> append_lines(Batch& batch, const Interpolated&, const Logger&, std::string& out) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (i > 0) out += '\n';
    out += batch[i].bytes();
  }
  return {};
}

Result<> append_all(Batch& batch, const Interpolated&, const Logger&, std::string& out) {
  for (Message& message : batch) out += message.bytes();
  return {};
}

/// The same array where all messages are bytes of our own writer: copied once, to where it stays.
std::string_view join_json(const Batch& batch) {
  const std::size_t size = batch.payload_bytes() + batch.size() + 1;
  auto* const memory = batch.arena().allocate_array<char>(size);
  char* to = memory;
  for (const Message& message : batch) {
    *to = to == memory ? '[' : ',';
    ++to;
    const std::string_view bytes = message.bytes();
    std::memcpy(to, bytes.data(), bytes.size());
    to += bytes.size();
  }
  *to = ']';
  return {memory, size};
}

void append_length(std::string& out, std::size_t length) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((length >> shift) & 0xFF);
}

/// Lengths are four bytes, most significant first: the count, then each message's before it.
Result<> append_binary(Batch& batch, const Interpolated&, const Logger&, std::string& out) {
  append_length(out, batch.size());
  for (Message& message : batch) {
    if (message.bytes().size() > UINT32_MAX) return invalid("a message is too large");
    append_length(out, message.bytes().size());
    out += message.bytes();
  }
  return {};
}

template <typename Writer>
Result<> append_files(Batch& batch, const Interpolated& path, const Logger& logger,
                      std::string& out) {
  Writer writer(out);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto name = path.eval(batch, i, batch.arena());
    if (!name) logger.error("Name interpolation error: {}", name.error().message());
    TRY(writer.add(name.value_or(""), batch[i].bytes()));
  }
  writer.finish();
  return {};
}

using Format = Result<> (*)(Batch& batch, const Interpolated& path, const Logger& logger,
                            std::string& out);

Format format_named(std::string_view name) {
  if (name == "binary") return append_binary;
  if (name == "concatenate") return append_all;
  if (name == "lines") return append_lines;
  if (name == "tar") return append_files<TarWriter>;
  if (name == "zip") return append_files<ZipWriter>;
  return append_json_array;
}

// Implementation ----------------------------------------------------------------------------------

class Archive final : public Processor {
 public:
  Archive(Format format, Interpolated path, Logger logger)
      : format_(format), path_(std::move(path)), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    if (batch.empty()) return {};
    if (format_ == append_json_array && std::ranges::all_of(batch, &Message::bytes_are_json)) {
      const auto bytes = join_json(batch);
      out.push_back(collapse(std::move(batch), bytes));
      return {};
    }
    buffer_.clear();
    if (const auto made = format_(batch, path_, logger_, buffer_); !made) {
      logger_.error("Failed to create archive: {}", made.error().message());
      for (Message& message : batch) message.set_error(made.error().message());
      out.push_back(std::move(batch));
      return {};
    }
    const auto bytes = batch.arena().copy(buffer_);
    out.push_back(collapse(std::move(batch), bytes));
    if (buffer_.capacity() > kKeptBuffer) buffer_ = {};
    return {};
  }

 private:
  static constexpr std::size_t kKeptBuffer = std::size_t{4} << 20;

  Batch collapse(Batch batch, std::string_view bytes) {
    Message whole = batch[0].copy();
    whole.set_bytes(bytes);
    whole.collapsed = 0;
    std::vector<Receipt> receipts;
    receipts.reserve(batch.size());
    for (Message& message : batch) {
      whole.collapsed += message.collapsed;
      receipts.push_back(std::move(message.receipt));
    }
    whole.receipt = Receipt::merge(std::move(receipts));
    Batch one(batch.shared_memory());
    one.add(std::move(whole));
    return one;
  }

  const Format format_;
  const Interpolated path_;
  const Logger logger_;
  std::string buffer_;
};

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [format = format_named(config.format), path = config.path.value,
          logger = context.logger()] {
    return std::make_unique<Archive>(format, path, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType archive_processor;
constinit const ProcessorType archive_processor = component_type<schema, make>({
    .name = "archive",
    .categories = "Parsing,Utility",
    .summary = "Makes one message of all messages of a batch.",
    .description = R"md(
| format | result |
|---|---|
| `json_array` | a JSON array of the messages, which must be JSON |
| `lines` | the messages with a line break between them |
| `concatenate` | the messages with nothing between them |
| `binary` | the messages with their lengths before them |
| `tar`, `zip` | an archive of one file a message, named by `path` |

The result has the metadata of the first message. When a message does not fit the format all
messages of the batch are flagged and go on as they were.
)md",
});

}  // namespace tollgate
