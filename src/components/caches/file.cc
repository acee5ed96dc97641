// file: a directory with one file for each key.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "base/strings.h"
#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

struct Config {
  std::string directory;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("directory", &Config::directory, "Where the files are; it has to exist."),
  };
  return fields;
}

/// An open file descriptor.
class File {
 public:
  File(const std::string& path, int flags)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  explicit operator bool() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

class FileCache final : public Cache {
 public:
  explicit FileCache(std::string directory) : directory_(std::move(directory)) {}

  Result<std::optional<std::string>> get(std::string_view key) override {
    const std::string path = TRY(path_of(key));
    const File file(path, O_RDONLY);
    if (!file && errno == ENOENT) return std::nullopt;
    if (!file) return failed("open", path);
    std::string content;
    char piece[16384];
    while (true) {
      const ssize_t size = ::read(file.descriptor(), piece, sizeof piece);
      if (size == 0) return content;
      if (size > 0) content.append(piece, static_cast<std::size_t>(size));
      else if (errno != EINTR) return failed("read", path);
    }
  }

  Result<> set(std::string_view key, std::string_view value, Ttl) override {
    const std::string path = TRY(path_of(key));
    const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return failed("open", path);
    return write(file, path, value);
  }

  Result<bool> add(std::string_view key, std::string_view value, Ttl) override {
    const std::string path = TRY(path_of(key));
    const File file(path, O_WRONLY | O_CREAT | O_EXCL);
    if (!file && errno == EEXIST) return false;
    if (!file) return failed("open", path);
    TRY(write(file, path, value));
    return true;
  }

  Result<> remove(std::string_view key) override {
    const std::string path = TRY(path_of(key));
    if (::unlink(path.c_str()) != 0) return failed("remove", path);
    return {};
  }

 private:
  /// Keys may name files in folders below, but come from messages and must not lead out of here.
  Result<std::string> path_of(std::string_view key) const {
    for (const std::string_view part : split(key, "/")) {
      if (part == "..") return invalid("a key must not lead out of the cache's directory");
    }
    if (key.find('\0') != std::string_view::npos) return invalid("a key must not hold a zero byte");
    return directory_ + "/" + std::string(key);
  }

  static std::unexpected<Error> failed(std::string_view what, const std::string& path) {
    const int reason = errno;
    return transient(std::string(what) + " " + path + ": " + std::strerror(reason));
  }

  static Result<> write(const File& file, const std::string& path, std::string_view value) {
    while (!value.empty()) {
      const ssize_t size = ::write(file.descriptor(), value.data(), value.size());
      if (size >= 0) value.remove_prefix(static_cast<std::size_t>(size));
      else if (errno != EINTR) return failed("write", path);
    }
    return {};
  }

  const std::string directory_;
};

Result<std::unique_ptr<Cache>> make(Config config, BuildContext&) {
  return std::make_unique<FileCache>(config.directory);
}

}  // namespace

extern constinit const CacheType file_cache;
constinit const CacheType file_cache = component_type<schema, make>({
    .name = "file",
    .summary = "Keeps each item in a file of a directory.",
    .description = R"md(
The key is the file's name. Times to live have no effect, and nothing is ever removed by itself.
)md",
});

}  // namespace tollgate
