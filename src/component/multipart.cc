#include "component/multipart.h"

#include "base/strings.h"
#include "message/message.h"
#include "value/encoding.h"

namespace tollgate {
namespace {

constexpr std::size_t max_parts = 10'000;

std::string random_boundary() {
  const Identity a = Identity::random();
  const Identity b = Identity::random();
  std::string bytes;
  for (const std::uint64_t word : {a.high, a.low, b.high, b.low}) {
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(word >> shift));
  }
  std::string text;
  append_hex(text, std::string_view(bytes).substr(0, 30));
  return text;
}

// Takes a token or a quoted string off the front of `rest`.
std::string take_parameter_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    value = trim(rest.substr(0, end));
    rest.remove_prefix(end);
    return value;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
    value.push_back(rest[at]);
  }
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return value;
}

// The lines before the empty one; moves `part` behind it.
Result<HttpHeaders> take_part_headers(std::string_view& part) {
  HttpHeaders headers;
  while (true) {
    const std::size_t end = part.find('\n');
    if (end == part.npos) return invalid("multipart: part without a body");
    const std::string_view line = trim(part.substr(0, end));
    part.remove_prefix(end + 1);
    if (line.empty()) return headers;
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return invalid("multipart: malformed part header");
    headers.emplace_back(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
}

// The next delimiter line at or after `from`: where it begins (with the line break before it) and
// ends, and whether it is the closing one.
struct Delimiter {
  std::size_t begin = std::string_view::npos;
  std::size_t end = 0;
  bool last = false;
};
Delimiter find_delimiter(std::string_view body, std::string_view dashed, std::size_t from) {
  for (std::size_t at = body.find(dashed, from); at != body.npos; at = body.find(dashed, at + 1)) {
    if (at != 0 && body[at - 1] != '\n') continue;
    Delimiter found{at, at + dashed.size(), false};
    if (body.substr(found.end).starts_with("--")) {
      found.last = true;
      found.end += 2;
    }
    while (found.end < body.size() && (body[found.end] == ' ' || body[found.end] == '\t')) {
      ++found.end;
    }
    if (!found.last) {
      if (body.substr(found.end).starts_with("\r\n")) {
        found.end += 2;
      } else if (body.substr(found.end).starts_with('\n')) {
        found.end += 1;
      } else {
        continue;  // a longer boundary that begins like this one
      }
    }
    if (found.begin > 0) --found.begin;
    if (found.begin > 0 && body[found.begin - 1] == '\r') --found.begin;
    return found;
  }
  return {};
}

}  // namespace

std::string_view MediaType::parameter(std::string_view name) const {
  const std::string* value = find_header(parameters, name);
  return value ? std::string_view(*value) : std::string_view();
}

Result<MediaType> parse_media_type(std::string_view text) {
  const std::size_t end = std::min(text.find(';'), text.size());
  MediaType media{to_lower(trim(text.substr(0, end))), {}};
  if (media.type.empty()) return invalid("mime: no media type");
  const std::size_t slash = media.type.find('/');
  if (slash == media.type.npos ? media.type.find_first_of(" ()<>@,:\\\"[]?=") != media.type.npos
                               : slash == 0 || slash + 1 == media.type.size()) {
    return invalid("mime: expected token after slash");
  }
  std::string_view rest = text.substr(end);
  while (rest.starts_with(';')) {
    rest.remove_prefix(1);
    const std::size_t equals = rest.find_first_of("=;");
    if (equals == rest.npos || rest[equals] == ';') {
      if (!trim(rest.substr(0, std::min(equals, rest.size()))).empty()) {
        return invalid("mime: invalid media parameter");
      }
      rest.remove_prefix(std::min(equals, rest.size()));
      continue;
    }
    std::string name = to_lower(trim(rest.substr(0, equals)));
    rest.remove_prefix(equals + 1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    media.parameters.emplace_back(std::move(name), take_parameter_value(rest));
    rest.remove_prefix(std::min(rest.find(';'), rest.size()));
  }
  return media;
}

Result<std::vector<MultipartPart>> parse_multipart(std::string_view body,
                                                   std::string_view boundary) {
  if (boundary.empty()) return invalid("multipart: boundary is empty");
  const std::string dashed = "--" + std::string(boundary);
  std::vector<MultipartPart> parts;
  Delimiter open = find_delimiter(body, dashed, 0);
  if (open.begin == body.npos) return invalid("multipart: NextPart: EOF");
  while (!open.last) {
    // The line break that ends this delimiter may also begin the next one (an empty part).
    const Delimiter close = find_delimiter(body, dashed, open.end);
    if (close.begin == body.npos) return invalid("multipart: unexpected EOF");
    if (parts.size() == max_parts) return invalid("multipart: too many parts");
    std::string_view content =
        body.substr(open.end, std::max(close.begin, open.end) - open.end);
    const std::string_view with_end = body.substr(open.end, close.end - open.end);
    MultipartPart part;
    std::string_view rest = with_end;
    part.headers = TRY(take_part_headers(rest));
    const std::size_t head = with_end.size() - rest.size();
    part.body = head < content.size() ? content.substr(head) : std::string_view();
    parts.push_back(std::move(part));
    open = close;
  }
  return parts;
}

MultipartWriter::MultipartWriter() : boundary_(random_boundary()) {}

void MultipartWriter::add(const HttpHeaders& headers, std::string_view body) {
  if (!body_.empty()) body_ += "\r\n";
  body_ += "--" + boundary_ + "\r\n";
  for (const auto& [name, value] : headers) {
    if (!valid_header(name, value)) continue;
    body_ += name;
    body_ += ": ";
    body_ += value;
    body_ += "\r\n";
  }
  body_ += "\r\n";
  body_ += body;
}

std::string MultipartWriter::content_type() const {
  return "multipart/form-data; boundary=" + boundary_;
}

std::string MultipartWriter::finish() {
  if (!body_.empty()) body_ += "\r\n";
  body_ += "--" + boundary_ + "--\r\n";
  return std::move(body_);
}

}  // namespace tollgate
