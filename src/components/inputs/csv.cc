// csv: rows of CSV files, one file after another.

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <atomic>
#include <vector>

#include <fmt/format.h>

#include "component/build_context.h"
#include "component/glob.h"
#include "component/input.h"
#include "value/csv.h"
#include "value/encoding.h"
#include "value/timestamp.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::vector<std::string> paths;
  bool parse_header_row = true;
  std::string delimiter = ",";
  bool lazy_quotes = false;
  bool delete_on_finish = false;
  int batch_count = 1;
  bool auto_replay_nacks = true;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("paths", &Config::paths, "The files, in order. Patterns are expanded."),
      field("parse_header_row", &Config::parse_header_row,
            "Whether the first row names the columns: messages are objects then, else arrays."),
      field("delimiter", &Config::delimiter, "What separates columns: one character."),
      field("lazy_quotes", &Config::lazy_quotes, "Whether to tolerate stray quotes."),
      field("delete_on_finish", &Config::delete_on_finish,
            "Whether to delete a file once all of its rows were delivered.")
          .advanced(),
      field("batch_count", &Config::batch_count, "Rows in a batch.").advanced(),
      field("auto_replay_nacks", &Config::auto_replay_nacks,
            "Whether to send rejected messages again; otherwise they are lost."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (count_runes(config.delimiter) != 1) {
    context.error(body["delimiter"].position(), "delimiter value must be exactly one character");
  }
  if (config.batch_count < 1) {
    context.error(body["batch_count"].position(), "batch_count must be at least 1");
  }
}

// Implementation ----------------------------------------------------------------------------------

/// What is under way from one file; whoever lets go of it last deletes the file, if that is due.
struct Source {
  Source(std::string name, bool remove) : path(std::move(name)), delete_on_finish(remove) {}
  ~Source() {
    if (delete_on_finish && finished && !failed) std::remove(path.c_str());
  }
  const std::string path;
  const bool delete_on_finish;
  std::int64_t modified = 0;
  std::atomic<bool> finished{false};
  std::atomic<bool> failed{false};
};

class CsvInput final : public PolledInput {
 public:
  CsvInput(Config config, Logger logger)
      : PolledInput({.replay_failed = config.auto_replay_nacks, .max_outstanding = SIZE_MAX}),
        config_(std::move(config)),
        logger_(std::move(logger)),
        piece_(64 << 10) {}

 protected:
  Result<> connect() override {
    files_ = files_matching_any(config_.paths);
    next_file_ = 0;
    file_.reset();
    return {};
  }

  Result<std::optional<Batch>> read() override {
    Batch batch;
    while (batch.size() < static_cast<std::size_t>(config_.batch_count)) {
      if (!file_) {
        // A batch holds rows of one file, so that it can be deleted.
        if (!batch.empty()) break;
        if (next_file_ == files_.size()) return std::nullopt;
        if (auto opened = open(); !opened) return report(std::move(opened).error());
      }
      auto row = next_row();
      if (!row) {
        if (!batch.empty()) break;
        return report(std::move(row).error());
      }
      if (!*row) {
        source_->finished = true;
        file_.reset();
        continue;
      }
      add_row(batch);
    }
    follow(batch);
    return batch;
  }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::unexpected<Error> report(const Error& error) {
    logger_.error("Failed to read message: {}", error.message());
    return transient(std::string(error.message()));
  }

  Result<> open() {
    const std::string& path = files_[next_file_];
    file_.reset(std::fopen(path.c_str(), "rbe"));
    if (!file_) return transient(fmt::format("open {}: {}", path, std::strerror(errno)));
    ++next_file_;
    source_ = std::make_shared<Source>(path, config_.delete_on_finish);
    struct stat facts{};
    if (::fstat(fileno(file_.get()), &facts) == 0) source_->modified = facts.st_mtime;
    const std::string& text = config_.delimiter;
    reader_.emplace(CsvOptions{decode_rune(text.data(), text.data() + text.size()).code,
                               config_.lazy_quotes});
    header_.clear();
    if (!config_.parse_header_row) return {};
    if (TRY(next_row())) header_ = reader_->record();
    return {};
  }

  // False at the end of the file. Rows may have any number of columns.
  Result<bool> next_row() {
    while (true) {
      auto row = reader_->next();
      if (!row) {
        if (row.error().message().ends_with("wrong number of fields")) return true;
        return row;
      }
      if (*row) return true;
      if (at_end_of(*file_)) return false;
    }
  }

  // Feeds the next piece; true if there is none and the reader was told before.
  bool at_end_of(std::FILE& file) {
    const std::size_t count = std::fread(piece_.data(), 1, piece_.size(), &file);
    if (count > 0) {
      reader_->feed({piece_.data(), count});
      told_end_ = false;
      return false;
    }
    if (std::exchange(told_end_, true)) return std::exchange(told_end_, false);
    reader_->finish();
    return false;
  }

  void add_row(Batch& batch) {
    Arena& arena = batch.arena();
    const std::vector<std::string>& row = reader_->record();
    Message& message = batch.add();
    // A row that is longer than the header keeps all of its columns, as an array.
    if (config_.parse_header_row && row.size() <= header_.size()) {
      const std::size_t columns = row.size();
      auto* members = arena.allocate_array<Member>(columns);
      for (std::size_t i = 0; i < columns; ++i) {
        members[i] = {arena.copy(header_[i]), Value::string(arena.copy(row[i]))};
      }
      message.set_document(Value::object(make_object_of(arena, members, columns)));
      message.set_metadata("header", list_of(header_, arena));
    } else {
      message.set_document(list_of(row, arena));
    }
    std::string modified;
    append_rfc3339(modified, Timestamp{.seconds = source_->modified});
    message.set_metadata("path", Value::string(source_->path));
    message.set_metadata("mod_time_unix", Value::int64(source_->modified));
    message.set_metadata("mod_time", Value::string(modified));
  }

  static Value list_of(const std::vector<std::string>& texts, Arena& arena) {
    Array* list = make_array(arena, texts.size());
    for (const std::string& text : texts) list->push(Value::string(arena.copy(text)), arena);
    return Value::array(list);
  }

  void follow(Batch& batch) {
    if (!config_.delete_on_finish || batch.empty()) return;
    auto receipts = Transaction::open(static_cast<std::uint32_t>(batch.size()),
                                      [source = source_](const TransactionResult& result) {
                                        if (!result.ok()) source->failed = true;
                                      });
    for (std::size_t i = 0; i < receipts.size(); ++i) batch[i].receipt = std::move(receipts[i]);
  }

  const Config config_;
  const Logger logger_;
  std::vector<char> piece_;
  std::vector<std::string> files_;
  std::size_t next_file_ = 0;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::shared_ptr<Source> source_;
  std::optional<CsvReader> reader_;
  bool told_end_ = false;
  std::vector<std::string> header_;
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  return std::make_unique<CsvInput>(std::move(config), context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType csv_input;
constinit const InputType csv_input = component_type<schema, make, check>({
    .name = "csv",
    .categories = "Local",
    .summary = "Reads the rows of CSV files, one file after another.",
    .description = R"md(
Each message has the metadata `path`, `mod_time_unix`, `mod_time` and, with a header row, `header`.
)md",
});

}  // namespace tollgate
