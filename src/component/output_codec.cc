#include "component/output_codec.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace tollgate {

Result<OutputCodec> OutputCodec::parse(std::string_view text) {
  if (text == "lines") return OutputCodec{"\n", false};
  if (text == "append") return OutputCodec{"", false};
  if (text == "all-bytes") return OutputCodec{"", true};
  if (text.starts_with("delim:") && text.size() > 6) {
    return OutputCodec{std::string(text.substr(6)), false};
  }
  return invalid(fmt::format("codec was not recognised: {}", text));
}

void OutputCodec::append(std::string& out, std::string_view message) const {
  out += message;
  if (!message.ends_with(delimiter)) out += delimiter;
}

void check_output_codec(std::string_view text, const Node& body, ReadContext& context) {
  if (const auto codec = OutputCodec::parse(text); !codec) {
    context.error(body["codec"].position(), std::string(codec.error().message()));
  }
}

Result<> write_all(int descriptor, std::string_view bytes, std::size_t& written) {
  written = 0;
  while (written < bytes.size()) {
    const ssize_t count = ::write(descriptor, bytes.data() + written, bytes.size() - written);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd wait{descriptor, POLLOUT, 0};
      ::poll(&wait, 1, 1000);
    } else if (errno != EINTR) {
      return transient(fmt::format("write: {}", std::strerror(errno)));
    }
  }
  return {};
}

}  // namespace tollgate
