#include "net/url.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace tollgate {
namespace {

bool alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

/// The scheme in front of the first ':', or "" when what stands there is no scheme.
std::string_view scheme_of(std::string_view text) {
  auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !alpha(text[0])) return {};
  auto scheme = text.substr(0, colon);
  bool valid = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return alpha(c) || digit(c) || c == '+' || c == '-' || c == '.';
  });
  return valid ? scheme : std::string_view();
}

std::optional<int> parse_port(std::string_view text) {
  int port = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (code != std::errc() || end != text.data() + text.size() || port < 0 || port > 65535) {
    return std::nullopt;
  }
  return port;
}

bool bad_host_char(char c) {
  return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '"' || c == '<' || c == '>' ||
         c == '\\' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}';
}

/// Reads "host", "host:port" or "[v6]:port" into `url`. An empty message means success.
std::string read_authority(std::string_view authority, Url& url) {
  std::string_view host = authority;
  std::string_view port;
  if (host.starts_with('[')) {
    auto close = host.find(']');
    if (close == std::string_view::npos) return "missing ']' in host";
    port = host.substr(close + 1);
    host = host.substr(1, close - 1);
    if (!port.empty() && !port.starts_with(':')) return "invalid port after host";
  } else if (auto colon = host.rfind(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
    if (host.find(':') != std::string_view::npos) return "too many colons in address";
  }
  if (port.size() > 1) {
    auto number = parse_port(port.substr(1));
    if (!number) return "invalid port \"" + std::string(port) + "\" after host";
    url.port = *number;
  }
  if (std::any_of(host.begin(), host.end(), bad_host_char)) return "invalid character in host name";
  url.host = lowered(host);
  return {};
}

/// RFC 3986, 5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool trailing_slash = false;
  std::size_t from = path.starts_with('/') ? 1 : 0;
  while (from <= path.size()) {
    auto slash = std::min(path.find('/', from), path.size());
    auto segment = path.substr(from, slash - from);
    trailing_slash = slash == path.size() && (segment == "." || segment == "..");
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != ".") {
      kept.push_back(segment);
    }
    from = slash + 1;
  }
  std::string out;
  for (auto segment : kept) out.append("/").append(segment);
  if (trailing_slash || out.empty()) out += '/';
  return out;
}

}  // namespace

int Url::effective_port() const {
  if (port != 0) return port;
  if (scheme == "http" || scheme == "ws") return 80;
  if (scheme == "https" || scheme == "wss") return 443;
  return 0;
}

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != 0) out += ":" + std::to_string(port);
  return out;
}

std::string Url::redacted() const { return scheme + "://" + authority() + path; }

Result<Url> parse_url(std::string_view text) {
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return invalid("invalid control character in URL");
  }
  Url url;
  auto scheme = scheme_of(text);
  if (scheme.empty()) {
    return invalid("URL \"" + std::string(text) + "\" has no scheme; expected http:// or https://");
  }
  url.scheme = lowered(scheme);
  text.remove_prefix(scheme.size() + 1);
  if (auto hash = text.find('#'); hash != std::string_view::npos) {
    url.fragment = text.substr(hash + 1);
    text = text.substr(0, hash);
  }
  if (auto mark = text.find('?'); mark != std::string_view::npos) {
    url.query = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  if (!text.starts_with("//")) {
    return invalid("URL of scheme \"" + url.scheme + "\" has no host");
  }
  text.remove_prefix(2);
  auto slash = std::min(text.find('/'), text.size());
  auto authority = text.substr(0, slash);
  url.path = text.substr(slash);
  if (auto at = authority.rfind('@'); at != std::string_view::npos) {
    url.userinfo = authority.substr(0, at);
    authority = authority.substr(at + 1);
  }
  if (auto problem = read_authority(authority, url); !problem.empty()) {
    return invalid("URL: " + problem);
  }
  if (url.host.empty()) return invalid("URL has no host");
  return url;
}

Result<std::string> resolve_url(std::string_view base, std::string_view reference) {
  if (!scheme_of(reference).empty()) {
    TRY(parse_url(reference));
    return std::string(reference);
  }
  Url from = TRY(parse_url(base));
  if (reference.starts_with("//")) {
    std::string joined = from.scheme + ":" + std::string(reference);
    TRY(parse_url(joined));
    return joined;
  }
  std::string origin = from.scheme + "://" + (from.userinfo.empty() ? "" : from.userinfo + "@") +
                       from.authority();
  auto tail_at = std::min(reference.find_first_of("?#"), reference.size());
  auto path = reference.substr(0, tail_at);
  auto tail = reference.substr(tail_at);
  std::string result;
  if (path.empty()) {
    result = origin + from.path;
    if (!tail.starts_with('?') && !from.query.empty()) result += "?" + from.query;
  } else if (path.starts_with('/')) {
    result = origin + remove_dot_segments(path);
  } else {
    auto folder = from.path.substr(0, from.path.rfind('/') + 1);
    if (folder.empty()) folder = "/";
    result = origin + remove_dot_segments(folder + std::string(path));
  }
  result += tail;
  TRY(parse_url(result));
  return result;
}

std::string escape_url(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (alpha(c) || digit(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

std::string unescape_url(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!query.empty()) {
    auto end = std::min(query.find('&'), query.size());
    auto field = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (field.empty()) continue;
    auto equals = std::min(field.find('='), field.size());
    auto value = field.substr(std::min(equals + 1, field.size()));
    fields.emplace_back(unescape_url(field.substr(0, equals), true), unescape_url(value, true));
  }
  return fields;
}

Result<std::pair<std::string, int>> split_host_port(std::string_view address) {
  Url parts;
  auto colon = address.rfind(':');
  auto bracket = address.rfind(']');
  bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  if (!has_port || colon + 1 == address.size()) {
    return invalid("address \"" + std::string(address) +
                   "\" has no port; expected host:port, for example 0.0.0.0:4317");
  }
  if (auto problem = read_authority(address, parts); !problem.empty()) {
    return invalid("address \"" + std::string(address) + "\": " + problem);
  }
  return std::pair(std::move(parts.host), parts.port);
}

std::string join_host_port(std::string_view host, int port) {
  bool v6 = host.find(':') != std::string_view::npos;
  return (v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(port);
}

}  // namespace tollgate
