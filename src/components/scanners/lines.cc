// lines: cuts a stream at line breaks or at another delimiter.

#include <memory>
#include <optional>
#include <string>

#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::optional<std::string> custom_delimiter;
  std::int64_t max_buffer_size = 65536;
  bool omit_empty = false;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("custom_delimiter", &Config::custom_delimiter,
            "What ends a line, in place of a line break."),
      field("max_buffer_size", &Config::max_buffer_size,
            "Bytes of the longest line allowed; a longer one ends the stream with an error."),
      field("omit_empty", &Config::omit_empty, "Whether empty lines are skipped."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class Lines final : public Scanner {
 public:
  explicit Lines(const Config& config)
      : delimiter_(config.custom_delimiter.value_or("")),
        breaks_(delimiter_.empty()),
        limit_(static_cast<std::size_t>(std::max<std::int64_t>(config.max_buffer_size, 0))),
        omit_empty_(config.omit_empty) {
    if (breaks_) delimiter_ = "\n";
  }

  Result<> feed(std::string_view bytes, Batch& out) override {
    // Most lines lie within one piece: they are cut from it and only the last is kept.
    if (rest_.empty()) {
      const std::size_t used = TRY(cut(bytes, 0, out));
      rest_ = bytes.substr(used);
    } else {
      const std::size_t seen = rest_.size();
      rest_ += bytes;
      const std::size_t from = seen < delimiter_.size() ? 0 : seen - delimiter_.size() + 1;
      rest_.erase(0, TRY(cut(rest_, from, out)));
    }
    // A line needs room for its delimiter too.
    if (rest_.size() >= limit_) return too_long();
    return {};
  }

  Result<> finish(Batch& out) override {
    if (!rest_.empty()) add(rest_, out);
    rest_.clear();
    return {};
  }

 private:
  static std::unexpected<Error> too_long() { return invalid("bufio.Scanner: token too long"); }

  /// Adds the lines that end in `bytes`, where no delimiter starts before `from`. Returns how many
  /// bytes they took.
  Result<std::size_t> cut(std::string_view bytes, std::size_t from, Batch& out) const {
    std::size_t start = 0;
    for (std::size_t end; (end = bytes.find(delimiter_, from)) != std::string_view::npos;) {
      if (end - start + delimiter_.size() > limit_) return too_long();
      add(bytes.substr(start, end - start), out);
      start = from = end + delimiter_.size();
    }
    return start;
  }

  void add(std::string_view line, Batch& out) const {
    if (breaks_ && line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() && omit_empty_) return;
    out.add().set_bytes(out.arena().copy(line));
  }

  std::string delimiter_;
  const bool breaks_;
  const std::size_t limit_;
  const bool omit_empty_;
  std::string rest_;  // of a line that has not ended
};

Result<ScannerFactory> make(Config config, BuildContext&) {
  return [config](std::string_view) { return std::make_unique<Lines>(config); };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ScannerType lines_scanner;
constinit const ScannerType lines_scanner = component_type<schema, make>({
    .name = "lines",
    .summary = "Makes a message of each line.",
    .description = R"md(
Without a delimiter of your own, a carriage return before the line break belongs to the break. The
last line needs no break.
)md",
});

}  // namespace tollgate
