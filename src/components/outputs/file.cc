// file: writes messages to files chosen by an interpolated path.
//
// One file is kept open. A batch's messages for the same path are written together; when the disk
// refuses part of them, the part is cut off again, so that the retry does not repeat or tear lines.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>

#include "component/build_context.h"
#include "component/output.h"
#include "component/output_codec.h"
#include "component/write_results.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  InterpolatedText path;
  std::string codec = "lines";
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("path", &Config::path, "The file. Missing directories are made."),
      field("codec", &Config::codec,
            "What stands between messages; `all-bytes` makes each message the whole file.")
          .suggestions({"all-bytes", "append", "delim:x", "lines"}),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  check_output_codec(config.codec, body, context);
}

// Implementation ----------------------------------------------------------------------------------

/// An open file. Not copied.
class OpenFile {
 public:
  ~OpenFile() { close(); }
  OpenFile() = default;
  OpenFile(const OpenFile&) = delete;

  Result<> open(const std::string& path, bool truncate) {
    if (descriptor_ >= 0 && path_ == path && !truncate) return {};
    close();
    std::error_code ignored;  // open() tells what is wrong
    const auto parent = std::filesystem::path(path).parent_path();
    if (!parent.empty()) std::filesystem::create_directories(parent, ignored);
    descriptor_ = ::open(path.c_str(),
                         O_WRONLY | O_CREAT | O_CLOEXEC | (truncate ? O_TRUNC : O_APPEND), 0600);
    if (descriptor_ < 0) return transient(fmt::format("open {}: {}", path, std::strerror(errno)));
    path_ = path;
    return {};
  }

  Result<> write(std::string_view text) {
    struct stat before{};
    const bool regular = ::fstat(descriptor_, &before) == 0 && S_ISREG(before.st_mode);
    std::size_t written = 0;
    auto result = write_all(descriptor_, text, written);
    if (!result && regular && written > 0 && ::ftruncate(descriptor_, before.st_size) != 0) {
      return transient(fmt::format("{}; a torn part stays in the file", result.error().message()));
    }
    return result;
  }

  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_ = -1;
  std::string path_;
};

class FileOutput final : public Output {
 public:
  FileOutput(Interpolated path, OutputCodec codec)
      : path_(std::move(path)), codec_(std::move(codec)) {}

  void write(SharedBatch batch, Ack ack) override {
    StatusTable table(batch->size());
    {
      std::lock_guard lock(lock_);
      write_runs(*batch, table);
    }
    ack(std::move(table).finish());
  }

  void close(std::chrono::steady_clock::time_point) override {
    std::lock_guard lock(lock_);
    file_.close();
  }

 private:
  static void fail(StatusTable& table, std::uint32_t from, std::uint32_t to, const Error& error,
                   Refusal refusal = Refusal::none) {
    for (std::uint32_t i = from; i < to; ++i) table.replace(i, {Outcome::failed, error, refusal});
  }

  // Neighbours with the same path go in one write.
  void write_runs(const Batch& batch, StatusTable& table) {
    std::string text, path;
    std::uint32_t from = 0;
    const auto flush = [&](std::uint32_t to) {
      if (from < to) {
        auto result = file_.open(path, codec_.own_file);
        if (result) result = file_.write(text);
        if (!result) fail(table, from, to, result.error());
      }
      text.clear();
      from = to;
    };
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      Arena scratch;
      const auto chosen = path_.eval(batch, i, scratch);
      if (!chosen) {
        flush(i);
        fail(table, i, i + 1,
             Error(Fault::invalid,
                   fmt::format("path interpolation error: {}", chosen.error().message())),
             Refusal::content);
        from = i + 1;
        continue;
      }
      if (i == from || *chosen != path || codec_.own_file) {
        flush(i);
        path = *chosen;
      }
      codec_.append(text, batch[i].bytes());
    }
    flush(static_cast<std::uint32_t>(batch.size()));
  }

  const Interpolated path_;
  const OutputCodec codec_;
  std::mutex lock_;
  OpenFile file_;  // guarded by lock_
};

Result<std::unique_ptr<Output>> make(Config config, BuildContext&) {
  return std::make_unique<FileOutput>(std::move(config.path.value),
                                      TRY(OutputCodec::parse(config.codec)));
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const OutputType file_output;
constinit const OutputType file_output = component_type<schema, make, check>({
    .name = "file",
    .categories = "Local",
    .summary = "Writes messages to files.",
});

}  // namespace tollgate
