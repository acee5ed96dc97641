// stdin: messages from the standard input.

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "component/input.h"
#include "component/scanned_stream.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::optional<std::string> codec;
  std::int64_t max_buffer = 1'000'000;
  ChildScanner scanner = default_scanner();
  bool auto_replay_nacks = true;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      field("codec", &Config::codec, "The older form of `scanner`.").deprecated(),
      field("max_buffer", &Config::max_buffer, "The longest message of `codec`.").deprecated(),
      field("scanner", &Config::scanner, "How bytes become messages."),
      field("auto_replay_nacks", &Config::auto_replay_nacks,
            "Whether to send rejected messages again; otherwise they are lost."),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (!config.codec || config.codec->empty()) return;
  if (const auto scanner = scanner_of_codec(*config.codec, config.max_buffer); !scanner) {
    context.error(body["codec"].position(), std::string(scanner.error().message()));
  }
}

// Implementation ----------------------------------------------------------------------------------

class Stdin final : public PolledInput {
 public:
  Stdin(std::unique_ptr<Scanner> scanner, bool replay, Logger logger)
      : PolledInput({.replay_failed = replay, .max_outstanding = SIZE_MAX}),
        scanner_(std::move(scanner)),
        logger_(std::move(logger)),
        wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        piece_(64 << 10) {}
  ~Stdin() override {
    if (wakeup_ >= 0) ::close(wakeup_);
  }

 protected:
  Result<std::optional<Batch>> read() override {
    while (true) {
      if (auto batch = messages_.take()) return batch;
      if (ended_) return std::nullopt;
      auto scanned = read_piece();
      if (scanned) continue;
      if (auto batch = messages_.take()) return batch;
      ended_ = scanned.error().fault() == Fault::invalid;
      logger_.error("Failed to read message: {}", scanned.error().message());
      return std::unexpected(std::move(scanned).error());
    }
  }

  void interrupt() override {
    const std::uint64_t one = 1;
    (void)!::write(wakeup_, &one, sizeof one);
  }

 private:
  Result<> read_piece() {
    pollfd ready[2] = {{STDIN_FILENO, POLLIN, 0}, {wakeup_, POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0 && errno != EINTR) return failure("poll");
    if (ready[1].revents != 0) {  // read again by nobody: the input is being stopped
      ended_ = true;
      return {};
    }
    if (ready[0].revents == 0) return {};
    const ssize_t count = ::read(STDIN_FILENO, piece_.data(), piece_.size());
    if (count < 0 && errno != EINTR && errno != EAGAIN) return failure("read");
    if (count < 0) return {};
    if (count == 0) {
      ended_ = true;
      return scanner_->finish(messages_.buffer());
    }
    return scanner_->feed({piece_.data(), static_cast<std::size_t>(count)}, messages_.buffer());
  }

  static Result<> failure(std::string_view what) {
    return invalid(fmt::format("{} stdin: {}", what, std::strerror(errno)));
  }

  const std::unique_ptr<Scanner> scanner_;
  const Logger logger_;
  const int wakeup_;
  std::vector<char> piece_;
  ScannedMessages messages_;
  bool ended_ = false;
};

Result<std::unique_ptr<Input>> make(Config config, BuildContext& context) {
  const ScannerFactory scanner =
      TRY(make_scanner(config.codec, config.max_buffer, config.scanner, context));
  return std::make_unique<Stdin>(scanner(""), config.auto_replay_nacks, context.logger());
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const InputType stdin_input;
constinit const InputType stdin_input = component_type<schema, make, check>({
    .name = "stdin",
    .categories = "Local",
    .summary = "Reads the standard input, to its end.",
});

}  // namespace tollgate
