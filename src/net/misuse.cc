#include "net/misuse.h"

namespace tollgate {

void MisuseReporter::report(std::string explanation) {
  using Clock = std::chrono::steady_clock;
  if (!sink_) return;
  {
    std::lock_guard lock(mutex_);
    auto now = Clock::now();
    if (last_ != Clock::time_point() && now - last_ < std::chrono::seconds(1)) {
      ++suppressed_;
      return;
    }
    last_ = now;
    if (suppressed_ > 0) explanation += " (and " + std::to_string(suppressed_) + " more)";
    suppressed_ = 0;
  }
  sink_(std::move(explanation));
}

std::string explain_failed_handshake(std::string_view port, std::string_view peer,
                                     std::string_view error) {
  const bool plain = error.find("http request") != std::string_view::npos ||
                     error.find("wrong version number") != std::string_view::npos ||
                     error.find("packet length too long") != std::string_view::npos;
  std::string text;
  if (plain) {
    text.append("plain text from ").append(peer).append(" on the TLS ").append(port);
    return text.append(" port: turn TLS on in the sender, or use https://");
  }
  return text.append("TLS handshake with ").append(peer).append(" failed: ").append(error);
}

bool looks_like_tls(std::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x16 && bytes[1] == 0x03;
}

}  // namespace tollgate
