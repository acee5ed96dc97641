// unarchive: makes several messages of one.

#include <memory>

#include "base/strings.h"
#include "components/formats/tar.h"
#include "components/formats/zip.h"
#include "components/processors/parse_failure.h"
#include "components/processors/support.h"
#include "value/csv.h"
#include "value/encoding.h"
#include "value/json.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string format;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("format", &Config::format,
               "What the message is: one of these, or `csv:` and another delimiter.")
          .suggestions({"binary", "csv", "csv:x", "json_array", "json_documents", "json_map",
                        "lines", "tar", "zip"}),
  };
  return fields;
}

// Formats -----------------------------------------------------------------------------------------

/// Collects what a format finds: copies of the message with other payloads.
class Children {
 public:
  explicit Children(Message& parent) : parent_(parent) {}

  Message& add() { return made_.emplace_back(parent_.copy()); }
  void add_bytes(std::string_view bytes) { add().set_bytes(bytes); }
  Message& add_document(Value document) {
    Message& child = add();
    if (document.is_text()) {
      // A message of a text document has the bare text as its bytes; this one is JSON.
      std::string json;
      append_json(json, document, arena());
      child.set_bytes(arena().copy(json));
    } else {
      child.set_document(document);
    }
    return child;
  }
  Arena& arena() { return parent_.memory().arena; }
  Message& parent() { return parent_; }

  /// Gives the children their identities and shares, and moves them to `out`.
  void settle_into(Batch& out) {
    for (std::size_t i = 0; i < made_.size(); ++i) {
      Message& child = made_[i];
      child.identity = parent_.identity.child(static_cast<std::uint32_t>(i));
      child.draws = 0;
      child.receipt = i + 1 < made_.size() ? parent_.receipt.share() : std::move(parent_.receipt);
      out.add(std::move(child));
    }
    if (made_.empty()) settle(parent_);
  }

 private:
  Message& parent_;
  std::vector<Message> made_;
};

std::string_view json_type(Value value) {
  switch (value.kind()) {
    case Kind::null: return "<nil>";
    case Kind::boolean: return "bool";
    case Kind::string: return "string";
    case Kind::array: return "[]interface {}";
    case Kind::object: return "map[string]interface {}";
    case Kind::number_text: return "json.Number";
    default: return kind_name(value.kind());
  }
}

Result<Value> document_of_kind(Children& to, Kind kind, std::string_view called) {
  const Value document = to.parent().document();
  const std::string prefix = "failed to parse message into JSON " + std::string(called) + ": ";
  if (document.is_error()) return invalid(prefix + parse_failure(to.parent(), document));
  if (!document.is(kind)) {
    // The incumbent writes the document anew, and nothing for null.
    std::string written;
    if (!document.is_null()) append_json(written, document, to.arena());
    to.parent().set_bytes(to.arena().copy(written));
    return invalid(prefix + "invalid type '" + std::string(json_type(document)) + "'");
  }
  return document;
}

Result<> split_json_array(Children& to) {
  const Value array = TRY(document_of_kind(to, Kind::array, "array"));
  for (const Value item : array.as_array()) to.add_document(item);
  return {};
}

Result<> split_json_map(Children& to) {
  const Value object = TRY(document_of_kind(to, Kind::object, "map"));
  for (const Member& member : object.as_object().members(to.arena())) {
    Message& child = to.add_document(member.value);
    child.set_metadata("archive_key", Value::string(member.key));
  }
  return {};
}

Result<> split_json_documents(Children& to) {
  std::string_view rest = to.parent().bytes();
  while (!(rest = trim(rest)).empty()) {
    std::size_t consumed = 0;
    const Value document = parse_json(rest, to.arena(), {.keep_numbers = false,
                                                         .allow_trailing = true,
                                                         .message = true,
                                                         .consumed = &consumed});
    if (document.is_error()) return invalid(std::string(document.as_text()));
    to.add_document(document);
    rest.remove_prefix(consumed);
  }
  return {};
}

Result<> split_lines(Children& to) {
  for (const std::string_view line : split(to.parent().bytes(), "\n")) to.add_bytes(line);
  return {};
}

Result<> split_binary(Children& to) {
  std::string_view rest = to.parent().bytes();
  const auto take_length = [&rest]() -> Result<std::size_t> {
    if (rest.size() < 4) return invalid("serialised message bytes were in unexpected format");
    std::size_t length = 0;
    for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(rest[i]);
    rest.remove_prefix(4);
    return length;
  };
  const std::size_t size = rest.size();
  const std::size_t count = TRY(take_length());
  if (count >= size) return invalid("serialised message bytes were in unexpected format");
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t length = TRY(take_length());
    if (length > rest.size()) return invalid("serialised message bytes were in unexpected format");
    to.add_bytes(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return {};
}

void add_file(Children& to, std::string_view name, std::string_view content) {
  Message& child = to.add();
  child.set_bytes(to.arena().copy(content));
  if (!name.empty()) child.set_metadata("archive_filename", Value::string(name));
}

Result<> split_tar(Children& to) {
  TarReader reader;
  return reader.read(to.parent().bytes(), [&to](std::string_view name, std::string_view content) {
    add_file(to, name, content);
  });
}

Result<> split_zip(Children& to) {
  return read_zip(to.parent().bytes(), [&to](std::string_view name, std::string_view content) {
    add_file(to, name, content);
  });
}

Result<> split_csv(Children& to, char32_t delimiter) {
  CsvReader reader({.delimiter = delimiter});
  reader.feed(to.parent().bytes());
  reader.finish();
  Arena& arena = to.arena();
  std::vector<std::string_view> headers;
  while (true) {
    auto read = reader.next();
    if (!read) {
      return std::unexpected(std::move(read).error().within("failed to parse message as csv"));
    }
    if (!*read) return {};
    const auto& record = reader.record();
    if (headers.empty()) {
      for (const std::string& header : record) headers.push_back(arena.copy(header));
      continue;
    }
    auto* members = arena.allocate_array<Member>(record.size());
    for (std::size_t i = 0; i < record.size(); ++i) {
      members[i] = {headers[i], Value::string(arena.copy(record[i]))};
    }
    to.add_document(Value::object(make_object_of(arena, members, record.size())));
  }
}

// Implementation ----------------------------------------------------------------------------------

using Splitter = std::function<Result<>(Children&)>;

Result<Splitter> splitter_named(std::string_view name) {
  if (name == "json_array") return split_json_array;
  if (name == "json_map") return split_json_map;
  if (name == "json_documents") return split_json_documents;
  if (name == "lines") return split_lines;
  if (name == "binary") return split_binary;
  if (name == "tar") return split_tar;
  if (name == "zip") return split_zip;
  if (name == "csv") return [](Children& to) { return split_csv(to, U','); };
  if (!name.starts_with("csv:")) {
    return invalid("archive format not recognised: " + std::string(name));
  }
  const std::string_view by = name.substr(4);
  if (by.empty()) return invalid("csv format requires a non-empty delimiter");
  const Rune rune = decode_rune(by.data(), by.data() + by.size());
  if (rune.width != by.size()) return invalid("csv format requires a single character delimiter");
  return [delimiter = rune.code](Children& to) { return split_csv(to, delimiter); };
}

class Unarchive final : public Processor {
 public:
  Unarchive(Splitter splitter, Logger logger)
      : splitter_(std::move(splitter)), logger_(std::move(logger)) {}

  Result<> process(Batch batch, std::vector<Batch>& out) override {
    Batch split_up(batch.shared_memory());
    for (Message& message : batch) {
      Children children(message);
      if (const auto done = splitter_(children); done) {
        children.settle_into(split_up);
      } else {
        logger_.error("Failed to unarchive message part: {}", done.error().message());
        message.set_error(done.error().message());
        split_up.add(std::move(message));
      }
    }
    if (!split_up.empty()) out.push_back(std::move(split_up));
    return {};
  }

 private:
  const Splitter splitter_;
  const Logger logger_;
};

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.format.empty()) return;
  if (const auto known = splitter_named(config.format); !known) {
    context.error(body["format"].position(), std::string(known.error().message()));
  }
}

Result<ProcessorFactory> make(Config config, BuildContext& context) {
  return [splitter = TRY(splitter_named(config.format)), logger = context.logger()] {
    return std::make_unique<Unarchive>(splitter, logger);
  };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ProcessorType unarchive_processor;
constinit const ProcessorType unarchive_processor = component_type<schema, make, check>({
    .name = "unarchive",
    .categories = "Parsing,Utility",
    .summary = "Makes several messages of one, in the same batch.",
    .description = R"md(
| format | messages |
|---|---|
| `json_array` | the elements of an array |
| `json_map` | the values of an object, with their keys in the metadata `archive_key` |
| `json_documents` | JSON documents one after another |
| `lines` | lines; a line break at the end gives an empty last message |
| `csv`, `csv:x` | an object for each row, with the names in the first row |
| `binary` | what `archive` made with this format |
| `tar`, `zip` | the files, with their names in the metadata `archive_filename` |

The messages have the metadata of the one they came from. One that cannot be read is flagged and
stays as it was. Follow with `split` to treat the messages as batches of their own.
)md",
});

}  // namespace tollgate
