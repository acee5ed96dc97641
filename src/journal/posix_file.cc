#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "journal/file.h"

namespace tollgate {
namespace {

constexpr mode_t kOwnerOnly = 0600;

std::unexpected<Error> failure(std::string_view doing, const std::string& path, int reason) {
  return transient(fmt::format("{} {}: {}", doing, path, std::generic_category().message(reason)));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size) const override {
    std::size_t done = 0;
    while (done < size) {
      const auto got =
          ::pread(fd_.get(), out + done, size - done, static_cast<off_t>(offset + done));
      if (got == 0) break;
      if (got > 0) {
        done += static_cast<std::size_t>(got);
      } else if (errno != EINTR) {
        return failure("reading", path_, errno);
      }
    }
    return done;
  }

  Result<> write_at(std::uint64_t offset, std::span<const std::string_view> parts) override {
    constexpr std::size_t most = 512;  // of the system's limit of 1024
    std::size_t next = 0, within = 0;  // the first byte not yet written
    while (next < parts.size()) {
      iovec vectors[most];
      int count = 0;
      for (std::size_t i = next; i < parts.size() && count < static_cast<int>(most); ++i) {
        const auto part = parts[i].substr(i == next ? within : 0);
        vectors[count++] = {const_cast<char*>(part.data()), part.size()};
      }
      const auto wrote = ::pwritev(fd_.get(), vectors, count, static_cast<off_t>(offset));
      if (wrote < 0) {
        if (errno == EINTR) continue;
        return failure("writing", path_, errno);
      }
      offset += static_cast<std::uint64_t>(wrote);
      within += static_cast<std::size_t>(wrote);
      const std::size_t before = next;
      while (next < parts.size() && within >= parts[next].size()) within -= parts[next++].size();
      if (wrote == 0 && next == before) return failure("writing", path_, ENOSPC);
    }
    return {};
  }

  Result<> sync() override {
    if (::fdatasync(fd_.get()) != 0) return failure("syncing", path_, errno);
    return {};
  }
  Result<> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      return failure("truncating", path_, errno);
    }
    return {};
  }
  Result<std::uint64_t> size() const override {
    struct stat about {};
    if (::fstat(fd_.get(), &about) != 0) return failure("examining", path_, errno);
    return static_cast<std::uint64_t>(about.st_size);
  }

 private:
  const std::string path_;
  const Descriptor fd_;
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  const Descriptor fd_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
    int flags = O_CLOEXEC;
    if (how == Open::read) flags |= O_RDONLY;
    if (how == Open::read_write) flags |= O_RDWR;
    if (how == Open::create) flags |= O_RDWR | O_CREAT | O_EXCL;
    Descriptor fd(::open(path.c_str(), flags, kOwnerOnly));
    if (fd.get() < 0) return failure("opening", path, errno);
    return std::make_unique<PosixFile>(path, std::move(fd));
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::error_code error;
    std::filesystem::directory_iterator each(directory, error);
    std::vector<std::string> names;
    for (; !error && each != std::filesystem::directory_iterator(); each.increment(error)) {
      names.push_back(each->path().filename());
    }
    if (error) return transient(fmt::format("listing {}: {}", directory, error.message()));
    std::ranges::sort(names);
    return names;
  }

  Result<> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return failure("removing", path, errno);
    return {};
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failure("renaming", from, errno);
    return {};
  }

  Result<> sync_directory(const std::string& directory) override {
    const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return failure("opening", directory, errno);
    if (::fsync(fd.get()) != 0) return failure("syncing", directory, errno);
    return {};
  }

  Result<> make_directories(const std::string& directory) override {
    const std::filesystem::path path(directory);
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return {};
    if (const auto parent = path.parent_path(); !parent.empty() && parent != path) {
      TRY(make_directories(parent.string()));
    }
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
      return failure("making the directory", directory, errno);
    }
    const auto parent = path.parent_path();
    return sync_directory(parent.empty() ? "." : parent.string());
  }

  Result<std::uint64_t> free_bytes(const std::string& directory) override {
    struct statvfs about {};
    if (::statvfs(directory.c_str(), &about) != 0) return failure("examining", directory, errno);
    return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly));
    if (fd.get() < 0) return failure("opening", path, errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        return transient(fmt::format("{} is locked: another process uses it", path));
      }
      return failure("locking", path, errno);
    }
    return std::make_unique<PosixLock>(std::move(fd));
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem system;
  return system;
}

}  // namespace tollgate
