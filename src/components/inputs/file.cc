// file: the contents of files, one after another.
//
// Each batch carries a receipt of a transaction that counts it against its file, so that the file
// can be deleted when everything from it was settled, while later files are being read.

#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "component/glob.h"
#include "component/input.h"
#include "component/scanned_stream.h"
#include "value/timestamp.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::vector<std::string> paths;
  std::optional<std::string> codec;
  std::int64_t max_buffer = 1'000'000;
  ChildScanner scanner = default_scanner();
  bool delete_on_finish = false;
  bool auto_replay_nacks = true;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("paths", &Config::paths,
               "The files, in order. Patterns may hold `*`, `?`, `[a-z]`, `{a,b}`, and `**` for "
               "any number of directories."),
      field("codec", &Config::codec, "The older form of `scanner`.").deprecated(),
      field("max_buffer", &Config::max_buffer, "The longest message of `codec`.").deprecated(),
      field("scanner", &Config::scanner, "How bytes become messages."),
      field("delete_on_finish", &Config::delete_on_finish,
            "Whether to delete a file once everything from it was delivered.")
          .advanced(),
      field("auto_replay_nacks", &Config::auto_replay_nacks,
            "Whether to send rejected messages again; otherwise they are lost."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (!config.codec || config.codec->empty()) return;
  if (const auto scanner = scanner_of_codec(*config.codec, config.max_buffer); !scanner) {
    context.error(body["codec"].position(), std::string(scanner.error().message()));
  }
}

// Implementation ----------------------------------------------------------------------------------

/// What is under way from one file. Shared by the reader and the batches; whoever lets go of it
/// last deletes the file, if it was read to its end and nothing from it was given up.
struct Source {
  Source(std::string name, bool remove, Logger log)
      : path(std::move(name)), delete_on_finish(remove), logger(std::move(log)) {}
  ~Source() {
    if (!delete_on_finish || !finished || failed) return;
    if (std::remove(path.c_str()) != 0) {
      logger.error("Failed to delete {}: {}", path, std::strerror(errno));
    }
  }

  const std::string path;
  const bool delete_on_finish;
  const Logger logger;
  std::atomic<bool> finished{false};
  std::atomic<bool> failed{false};
};

class FileInput final : public PolledInput {
 public:
  FileInput(Config config, ScannerFactory scanners, Logger logger)
      : PolledInput({.replay_failed = config.auto_replay_nacks, .max_outstanding = SIZE_MAX}),
        config_(std::move(config)),
        scanners_(std::move(scanners)),
        logger_(std::move(logger)),
        piece_(256 << 10) {}

 protected:
  Result<> connect() override {
    files_ = files_matching_any(config_.paths);
    next_file_ = 0;
    close();
    return {};
  }

  Result<std::optional<Batch>> read() override {
    while (true) {
      if (auto batch = messages_.take()) {
        annotate(*batch);
        return batch;
      }
      auto more = advance();
      if (!more) {
        logger_.error("Failed to read message: {}", more.error().message());
        return std::unexpected(Error(Fault::transient, std::string(more.error().message())));
      }
      if (!*more) return std::nullopt;
    }
  }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  // Reads a piece of the present file or opens the next; false if there is none.
  Result<bool> advance() {
    if (!file_) {
      if (next_file_ == files_.size()) return false;
      TRY(open(files_[next_file_]));
      ++next_file_;
    }
    const std::size_t count = std::fread(piece_.data(), 1, piece_.size(), file_.get());
    if (count > 0) {
      auto scanned = scanner_->feed({piece_.data(), count}, messages_.buffer());
      if (!scanned) abandon();
      TRY(std::move(scanned));
      return true;
    }
    if (std::ferror(file_.get())) {
      const std::string why = std::strerror(errno);
      const std::string path = source_->path;
      abandon();
      return transient(fmt::format("read {}: {}", path, why));
    }
    auto finished = scanner_->finish(messages_.buffer());
    source_->finished = finished.has_value();
    file_.reset();
    scanner_.reset();
    TRY(std::move(finished));
    return true;
  }

  Result<> open(const std::string& path) {
    file_.reset(std::fopen(path.c_str(), "rbe"));
    if (!file_) {
      std::string why = std::strerror(errno);
      if (!why.empty()) {
        why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
      }
      return transient(fmt::format("open {}: {}", path, why));
    }
    struct stat facts{};
    modified_ = ::fstat(fileno(file_.get()), &facts) == 0 ? facts.st_mtime : 0;
    source_ = std::make_shared<Source>(path, config_.delete_on_finish, logger_);
    scanner_ = scanners_(path);
    return {};
  }

  // A file that cannot be read further is left where it is.
  void abandon() {
    file_.reset();
    scanner_.reset();
  }

  void close() {
    abandon();
    source_.reset();
    messages_ = ScannedMessages();
  }

  // The messages found are those of the file read last: they are taken before the next opens.
  void annotate(Batch& batch) {
    std::string modified;
    append_rfc3339(modified, Timestamp{.seconds = modified_});
    Message& message = batch[0];
    message.set_metadata("path", Value::string(source_->path));
    message.set_metadata("mod_time_unix", Value::int64(modified_));
    message.set_metadata("mod_time", Value::string(modified));
    if (!config_.delete_on_finish) return;
    auto receipts = Transaction::open(1, [source = source_](const TransactionResult& result) {
      if (!result.ok()) source->failed = true;
    });
    message.receipt = std::move(receipts.front());
  }

  const Config config_;
  const ScannerFactory scanners_;
  const Logger logger_;
  std::vector<char> piece_;
  std::vector<std::string> files_;
  std::size_t next_file_ = 0;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::unique_ptr<Scanner> scanner_;
  std::shared_ptr<Source> source_;
  std::int64_t modified_ = 0;
  ScannedMessages messages_;
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  ScannerFactory scanners =
      TRY(make_scanner(config.codec, config.max_buffer, config.scanner, context));
  return std::make_unique<FileInput>(std::move(config), std::move(scanners), context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType file_input;
constinit const InputType file_input = component_type<schema, make, check>({
    .name = "file",
    .categories = "Local",
    .summary = "Reads files, one after another, to their ends.",
    .description = R"md(
Files are not followed as they grow. Each message has the metadata `path`, `mod_time_unix` and
`mod_time`.
)md",
});

}  // namespace tollgate
