#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate {

/// Writes a POSIX tape archive of regular files to the end of a string.
class TarWriter {
 public:
  explicit TarWriter(std::string& out) : out_(out) {}
  Result<> add(std::string_view name, std::string_view content);
  void finish();

 private:
  void add_entry(std::string_view name, std::string_view content, char type);
  std::string& out_;
};

/// Reads a tape archive that comes in pieces: ustar, with the long names of pax and GNU.
/// Limit: a file of at most 256 MiB, which is held until it is whole.
class TarReader {
 public:
  using Sink = std::function<void(std::string_view name, std::string_view content)>;

  /// Gives `sink` every file that is whole now.
  Result<> feed(std::string_view bytes, const Sink& sink);
  /// The stream ended. Error if a file is not whole.
  Result<> finish() const;

  /// A whole archive.
  Result<> read(std::string_view bytes, const Sink& sink);

 private:
  Result<bool> take_entry(std::string_view& rest, const Sink& sink);

  std::string buffer_;
  std::string long_name_;  // for the next file; empty: none
  bool zero_block_ = false;
  bool ended_ = false;
};

}  // namespace tollgate
