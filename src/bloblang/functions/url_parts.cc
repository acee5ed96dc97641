#include "bloblang/functions/url_parts.h"

#include <algorithm>

#include "base/strings.h"
#include "bloblang/functions/percent.h"
#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string quoted(std::string_view text) {
  std::string out;
  append_go_quoted(out, text);
  return out;
}

/// Takes the scheme and its colon off `rest`; empty if there is none.
Result<std::string> take_scheme(std::string_view& rest) {
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == ':') {
      if (i == 0) return invalid("missing protocol scheme");
      std::string scheme = to_lower(rest.substr(0, i));
      rest.remove_prefix(i + 1);
      return scheme;
    }
    const bool later = is_digit(c) || c == '+' || c == '-' || c == '.';
    if (!is_letter(c) && (i == 0 || !later)) break;
  }
  return std::string();
}

Result<> check_port(std::string_view port) {
  if (port.empty()) return {};
  if (port[0] != ':' || !std::ranges::all_of(port.substr(1), is_digit)) {
    return invalid("invalid port " + quoted(port) + " after host");
  }
  return {};
}

Result<std::string> parse_host(std::string_view host) {
  const std::size_t bracket = host.rfind('[');
  if (bracket != host.npos && bracket > 0) return invalid("invalid IP-literal");
  if (host.starts_with('[')) {
    const std::size_t close = host.rfind(']');
    if (close == std::string_view::npos) return invalid("missing ']' in host");
    TRY(check_port(host.substr(close + 1)));
    const std::size_t zone = host.substr(0, close).find("%25");
    if (zone != std::string_view::npos) {
      const std::string address = TRY(unescape(host.substr(0, zone), UrlPart::host));
      const std::string name = TRY(unescape(host.substr(zone, close - zone), UrlPart::zone));
      return address + name + TRY(unescape(host.substr(close), UrlPart::host));
    }
  } else if (const std::size_t colon = host.rfind(':'); colon != std::string_view::npos) {
    TRY(check_port(host.substr(colon)));
  }
  return unescape(host, UrlPart::host);
}

bool valid_userinfo(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("-._:~!$&'()*+,;=%@").contains(c);
  });
}

Result<> parse_authority(std::string_view authority, UrlParts& url) {
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) {
    url.host = TRY(parse_host(authority));
    return {};
  }
  url.host = TRY(parse_host(authority.substr(at + 1)));
  const std::string_view user = authority.substr(0, at);
  if (!valid_userinfo(user)) return invalid("net/url: invalid userinfo");
  const std::size_t colon = user.find(':');
  url.user = TRY(unescape(user.substr(0, colon), UrlPart::user));
  if (colon != std::string_view::npos) {
    url.password = TRY(unescape(user.substr(colon + 1), UrlPart::user));
  }
  return {};
}

/// `text` unescaped, and itself as `raw` if escaping that again gives another text.
Result<std::string> unescaped(std::string_view text, UrlPart part, std::string& raw) {
  const std::string plain = TRY(unescape(text, part));
  std::string again;
  append_escaped(again, plain, part);
  if (again != text) raw = text;
  return plain;
}

Result<> parse_without_fragment(std::string_view text, UrlParts& url) {
  for (const char c : text) {
    if ((c >= 0 && c < ' ') || c == 0x7F) {
      return invalid("net/url: invalid control character in URL");
    }
  }
  if (text == "*") {
    url.path = text;
    return {};
  }
  std::string_view rest = text;
  url.scheme = TRY(take_scheme(rest));
  if (const std::size_t mark = rest.find('?'); mark != std::string_view::npos) {
    url.raw_query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  if (!rest.starts_with('/')) {
    if (!url.scheme.empty()) {
      url.opaque = rest;
      return {};
    }
    if (rest.substr(0, rest.find('/')).contains(':')) {
      return invalid("first path segment in URL cannot contain colon");
    }
  }
  if ((!url.scheme.empty() || !rest.starts_with("///")) && rest.starts_with("//")) {
    std::string_view authority = rest.substr(2);
    const std::size_t slash = authority.find('/');
    rest = slash == std::string_view::npos ? std::string_view{} : authority.substr(slash);
    TRY(parse_authority(authority.substr(0, slash), url));
  }
  url.path = TRY(unescaped(rest, UrlPart::path, url.raw_path));
  return {};
}

}  // namespace

Result<UrlParts> UrlParts::parse(std::string_view text) {
  UrlParts url;
  const std::size_t hash = text.find('#');
  const std::string_view before = text.substr(0, hash);
  if (const auto parsed = parse_without_fragment(before, url); !parsed) {
    return invalid("parse " + quoted(before) + ": " + std::string(parsed.error().message()));
  }
  if (hash == std::string_view::npos || hash + 1 == text.size()) return url;
  auto fragment = unescaped(text.substr(hash + 1), UrlPart::fragment, url.raw_fragment);
  if (!fragment) {
    return invalid("parse " + quoted(text) + ": " + std::string(fragment.error().message()));
  }
  url.fragment = std::move(*fragment);
  return url;
}

}  // namespace tollgate::bloblang
