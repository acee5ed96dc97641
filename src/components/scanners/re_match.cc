// re_match: cuts a stream where a pattern matches.

#include <re2/re2.h>

#include <memory>
#include <string>

#include "component/build_context.h"
#include "component/resource.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string pattern;
  std::int64_t max_buffer_size = 65536;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("pattern", &Config::pattern, "A regular expression (RE2) that begins a message."),
      field("max_buffer_size", &Config::max_buffer_size,
            "Bytes of the longest message allowed; a longer one ends the stream with an error."),
  };
  return fields;
}

// Implementation ----------------------------------------------------------------------------------

class ReMatch final : public Scanner {
 public:
  ReMatch(std::shared_ptr<const re2::RE2> pattern, std::size_t limit)
      : pattern_(std::move(pattern)), limit_(limit) {}

  Result<> feed(std::string_view bytes, Batch& out) override {
    buffer_ += bytes;
    return cut(false, out);
  }

  Result<> finish(Batch& out) override { return cut(true, out); }

 private:
  Result<> cut(bool at_end, Batch& out) {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      const std::size_t size = message_size(rest, at_end);
      if (size == 0) break;
      if (size > limit_) return too_long();
      out.add().set_bytes(out.arena().copy(rest.substr(0, size)));
      rest.remove_prefix(size);
    }
    buffer_.erase(0, buffer_.size() - rest.size());
    return buffer_.size() >= limit_ ? too_long() : Result<>();
  }

  static Result<> too_long() { return invalid("bufio.Scanner: token too long"); }

  /// Bytes of the first message of `text`; 0 if it may go on.
  std::size_t message_size(std::string_view text, bool at_end) const {
    const std::size_t open = at_end ? text.size() : 0;
    const auto first = find(text, 0);
    if (!first) return open;
    if (first->at > 0) {
      // What stands before the first match is a message once a second one shows that it is whole.
      return at_end || find(text, first->end) ? first->at : 0;
    }
    const auto second = find(text, first->end);
    return second ? second->at : open;
  }

  struct Match {
    std::size_t at, end;  ///< `end` is where to look for the next
  };

  std::optional<Match> find(std::string_view text, std::size_t from) const {
    re2::StringPiece found;
    if (from > text.size() || !pattern_->Match(re2::StringPiece(text.data(), text.size()), from,
                                               text.size(), re2::RE2::UNANCHORED, &found, 1)) {
      return std::nullopt;
    }
    const auto at = static_cast<std::size_t>(found.data() - text.data());
    return Match{at, std::max(at + found.size(), at + 1)};
  }

  const std::shared_ptr<const re2::RE2> pattern_;
  const std::size_t limit_;
  std::string buffer_;
};

std::shared_ptr<const re2::RE2> compile(const std::string& pattern) {
  return std::make_shared<const re2::RE2>(pattern, re2::RE2::Quiet);
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (const auto pattern = compile(config.pattern); !pattern->ok()) {
    context.error(body["pattern"].position(), "error parsing regexp: " + pattern->error());
  }
}

Result<ScannerFactory> make(Config config, BuildContext&) {
  auto pattern = compile(config.pattern);
  if (!pattern->ok()) return invalid("error parsing regexp: " + pattern->error());
  const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(config.max_buffer_size, 0));
  return [pattern, limit](std::string_view) { return std::make_unique<ReMatch>(pattern, limit); };
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const ScannerType re_match_scanner;
constinit const ScannerType re_match_scanner = component_type<schema, make, check>({
    .name = "re_match",
    .summary = "Cuts the stream at each match of a pattern, which begins the next message.",
});

}  // namespace tollgate
