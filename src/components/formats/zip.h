#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tollgate {

/// Writes a zip archive of deflated files to the end of a string.
/// Limits: 65,535 files, 4 GiB.
class ZipWriter {
 public:
  explicit ZipWriter(std::string& out) : out_(out), start_(out.size()) {}
  Result<> add(std::string_view name, std::string_view content);
  void finish();

 private:
  std::string& out_;
  const std::size_t start_;
  std::string directory_;
  std::uint32_t files_ = 0;
};

/// Gives `sink` each file of a zip archive in memory, in the order of its directory. Stored and
/// deflated files only; at most 256 MiB once inflated, all together.
Result<> read_zip(std::string_view bytes,
                  const std::function<void(std::string_view name, std::string_view content)>& sink);

}  // namespace tollgate
