#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tollgate {

// The seam between the journal and the operating system: everything it does to a disk goes through
// these, so that tests can lose, tear and refuse writes. Errors name the path and the reason.

/// An open file. Reads may run beside anything; the rest is one thread at a time.
class File {
 public:
  virtual ~File() = default;
  /// Reads up to `size` bytes; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size) const = 0;
  /// Writes all parts one after another. After an error any of the bytes may have been written.
  virtual Result<> write_at(std::uint64_t offset, std::span<const std::string_view> parts) = 0;
  /// Makes everything written survive a power cut. After an error nothing is known about what was
  /// written since the last success, whatever a later call says.
  virtual Result<> sync() = 0;
  virtual Result<> truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() const = 0;
};

/// Holds a lock on a path until destroyed; the end of the process frees it too.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// A file system. Any thread.
class FileSystem {
 public:
  enum class Open : unsigned char {
    read,        ///< must exist
    read_write,  ///< must exist
    create,      ///< must not exist; for its owner only
  };

  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Open how) = 0;
  /// Names in a directory, without "." and "..", sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  virtual Result<> remove(const std::string& path) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  /// Makes creations, removals and renames in `directory` survive a power cut.
  virtual Result<> sync_directory(const std::string& directory) = 0;
  /// Makes the directory and its parents, for their owner only; fine if it exists.
  virtual Result<> make_directories(const std::string& directory) = 0;
  /// Bytes that may still be written to the disk that holds `directory`.
  virtual Result<std::uint64_t> free_bytes(const std::string& directory) = 0;
  /// An error (transient) if somebody else holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

/// The real one.
FileSystem& posix_file_system();

}  // namespace tollgate
