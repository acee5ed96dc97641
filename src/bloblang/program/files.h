#pragma once

#include <expected>
#include <string>

namespace tollgate::bloblang {

/// The content of a file, or the error as Go words it ("open x: no such file or directory").
std::expected<std::string, std::string> read_file(const std::string& path);

}  // namespace tollgate::bloblang
