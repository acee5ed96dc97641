// csv: makes a message of each row.

#include <memory>
#include <optional>

#include "component/build_context.h"
#include "component/resource.h"
#include "value/csv.h"
#include "value/encoding.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::optional<std::string> custom_delimiter;
  bool parse_header_row = true;
  bool lazy_quotes = false;
  bool continue_on_error = false;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("custom_delimiter", &Config::custom_delimiter,
            "The character between fields, in place of a comma."),
      field("parse_header_row", &Config::parse_header_row,
            "Whether the first row names the fields: rows are objects then, else arrays."),
      field("lazy_quotes", &Config::lazy_quotes,
            "Whether quotes in bare fields, and bare quotes in quoted ones, are tolerated."),
      field("continue_on_error", &Config::continue_on_error,
            "Whether a row that cannot be read makes a flagged message; else it ends the stream."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class Csv final : public Scanner {
 public:
  Csv(const Config& config, char32_t delimiter)
      : has_header_(config.parse_header_row),
        go_on_(config.continue_on_error),
        reader_({.delimiter = delimiter, .lazy_quotes = config.lazy_quotes}) {}

  Result<> feed(std::string_view bytes, Batch& out) override {
    reader_.feed(bytes);
    return drain(out);
  }

  Result<> finish(Batch& out) override {
    reader_.finish();
    return drain(out);
  }

 private:
  Result<> drain(Batch& out) {
    while (true) {
      auto read = reader_.next();
      if (!read && (!go_on_ || needs_header())) return std::unexpected(std::move(read).error());
      if (read && !*read) return {};
      if (needs_header()) {
        header_ = reader_.record();
        continue;
      }
      Message& message = out.add();
      // A row of another length is there in full; of one that cannot be read nothing is.
      const bool whole = read || read.error().message().ends_with("wrong number of fields");
      message.set_document(row(whole ? reader_.record() : std::vector<std::string>(), out.arena()));
      message.set_metadata("csv_row", Value::int64(row_++));
      if (!read) message.set_error(read.error().message());
    }
  }

  bool needs_header() const { return has_header_ && header_.empty(); }

  Value row(const std::vector<std::string>& record, Arena& arena) const {
    if (!has_header_) {
      Array* array = make_array(arena, record.size());
      for (const std::string& text : record) array->push(Value::string(arena.copy(text)), arena);
      return Value::array(array);
    }
    const std::size_t fields = std::min(record.size(), header_.size());
    auto* members = arena.allocate_array<Member>(fields);
    for (std::size_t i = 0; i < fields; ++i) {
      members[i] = {arena.copy(header_[i]), Value::string(arena.copy(record[i]))};
    }
    return Value::object(make_object_of(arena, members, fields));
  }

  const bool has_header_;
  const bool go_on_;
  CsvReader reader_;
  std::vector<std::string> header_;
  std::int64_t row_ = 0;
};

Result<ScannerFactory> make(Config config, BuildContext&) {
  const std::string text = config.custom_delimiter.value_or("");
  char32_t delimiter = U',';
  if (!text.empty()) delimiter = decode_rune(text.data(), text.data() + text.size()).code;
  if (delimiter == U'"' || delimiter == U'\r' || delimiter == U'\n' ||
      delimiter == replacement_rune) {
    return invalid("csv: invalid field or comment delimiter");
  }
  return [config, delimiter](std::string_view) { return std::make_unique<Csv>(config, delimiter); };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ScannerType csv_scanner;
constinit const ScannerType csv_scanner = component_type<schema, make>({
    .name = "csv",
    .summary = "Makes a message of each row of comma-separated values.",
    .description = "The metadata `csv_row` counts the rows from 0.",
});

}  // namespace tollgate
