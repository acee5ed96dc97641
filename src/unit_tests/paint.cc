#include "unit_tests/paint.h"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

namespace tollgate {

namespace {

bool shows_colours() {
  static const bool shows = [] {
    const char* terminal = std::getenv("TERM");
    return isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr &&
           (terminal == nullptr || std::string_view(terminal) != "dumb");
  }();
  return shows;
}

std::string painted(int colour, std::string_view text) {
  return shows_colours() ? fmt::format("\033[{}m{}\033[0m", colour, text) : std::string(text);
}

}  // namespace

std::string red(std::string_view text) { return painted(31, text); }
std::string green(std::string_view text) { return painted(32, text); }
std::string yellow(std::string_view text) { return painted(33, text); }
std::string blue(std::string_view text) { return painted(34, text); }

}  // namespace tollgate
