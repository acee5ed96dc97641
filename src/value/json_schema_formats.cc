#include <arpa/inet.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "value/json_schema_program.h"

namespace tollgate {
namespace {

bool full_match(std::string_view text, const re2::RE2& pattern) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

// Dates and times: the digits' places are checked by patterns, their ranges here.

bool is_date(std::string_view text) {
  static const re2::RE2 pattern(R"(\d{4}-\d{2}-\d{2})");
  if (!full_match(text, pattern)) return false;
  static constexpr std::array kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int year = number(text.substr(0, 4)), month = number(text.substr(5, 2));
  const int day = number(text.substr(8, 2));
  if (month < 1 || month > 12 || day < 1) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

/// With or without a zone. A fraction of the second is allowed everywhere.
bool is_time(std::string_view text, bool zone_needed) {
  static const re2::RE2 pattern(
      R"((\d{1,2}):(\d{2}):(\d{2})(?:[.,]\d+)?(Z|[+-]\d{2}:\d{2})?)");
  re2::StringPiece h, m, s, z;
  if (!re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern, &h, &m, &s, &z)) {
    return false;
  }
  const auto view = [](const re2::StringPiece& p) { return std::string_view(p.data(), p.size()); };
  if (number(view(h)) > 23 || number(view(m)) > 59 || number(view(s)) > 59) return false;
  const std::string_view zone = view(z);
  if (zone.empty()) return !zone_needed;
  return zone == "Z" || (number(zone.substr(1, 2)) <= 24 && number(zone.substr(4, 2)) < 60);
}

bool is_any_time(std::string_view text) { return is_time(text, false); }

bool is_date_time(std::string_view text) {
  if (is_any_time(text) || is_date(text)) return true;
  return text.size() > 11 && text[10] == 'T' && is_date(text.substr(0, 10)) &&
         is_time(text.substr(11), true);
}

bool is_address(std::string_view text, int family) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(family, std::string(text).c_str(), address.data()) == 1 &&
         text.find('\0') == std::string_view::npos;
}

/// An IPv4 address, or one inside an IPv6 address.
bool is_ipv4(std::string_view text) {
  return is_address(text, AF_INET) ||
         (text.find('.') != std::string_view::npos && is_address(text, AF_INET6));
}

bool is_ipv6(std::string_view text) { return is_address(text, AF_INET6); }

/// A mailbox of RFC 5322 without comments: "a@b", "<a@b>" or "Some Name <a@b>".
bool is_email(std::string_view text) {
  static const re2::RE2 pattern([] {
    const std::string atom = R"re([A-Za-z0-9!#$%&'*+/=?^_`{|}~\x{80}-\x{10FFFF}-]+)re";
    const std::string quoted = R"re("(?:[^"\\]|\\.)*")re";
    const std::string dotted = atom + R"((?:\.)" + atom + ")*";
    const std::string address =
        "(?:" + dotted + "|" + quoted + ")@(?:" + dotted + R"(|\[[^\]\[\\]*\]))";
    const std::string words = "(?:" + quoted + R"re(|[^\x00-\x1F<>()\[\]:;@\\,"]+)*)re";
    return "[ \\t]*(?:" + words + "[ \\t]*<" + address + ">|" + address + ")[ \\t]*";
  }());
  return full_match(text, pattern);
}

bool is_hostname(std::string_view text) {
  static const re2::RE2 pattern([] {
    const std::string part = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
    return part + R"((?:\.)" + part + ")*";
  }());
  return text.size() < 256 && full_match(text, pattern);
}

bool good_escapes(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') continue;
    if (i + 2 >= text.size() || !std::isxdigit(static_cast<unsigned char>(text[i + 1])) ||
        !std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      return false;
    }
  }
  return true;
}

struct UriParts {
  bool valid = false;
  bool has_scheme = false;
  std::string_view path;
};

bool good_authority(std::string_view authority) {
  std::string_view host = authority;
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    host = authority.substr(at + 1);
    static const re2::RE2 user(R"([A-Za-z0-9._:~!$&'()*+,;=%@-]*)");
    const auto info = authority.substr(0, at);
    if (!full_match(info, user)) return false;
  }
  std::string_view port;
  if (host.starts_with('[')) {
    const auto end = host.rfind(']');
    if (end == std::string_view::npos) return false;
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (const auto colon = host.rfind(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  static const re2::RE2 port_pattern(R"((?::\d*)?)");
  if (!full_match(port, port_pattern)) return false;
  return good_escapes(host) && host.find_first_of(" \"\\^`{|}<>") == std::string_view::npos;
}

/// Length of "scheme:" at the start; 0 if there is none.
std::size_t scheme_length(std::string_view text) {
  static const re2::RE2 pattern("([A-Za-z][A-Za-z0-9+.-]*:)");
  re2::StringPiece rest(text.data(), text.size());
  return re2::RE2::Consume(&rest, pattern) ? text.size() - rest.size() : 0;
}

/// Takes a URI or a reference apart as leniently as Go's net/url: queries may hold anything.
UriParts parse_uri(std::string_view text) {
  UriParts parts;
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; };
  if (std::ranges::any_of(text, is_control) || text.starts_with(':')) return parts;
  std::string_view rest = text.substr(0, text.find('#'));
  if (rest.size() < text.size() && !good_escapes(text.substr(rest.size()))) return parts;
  if (const std::size_t scheme = scheme_length(rest); scheme > 0) {
    parts.has_scheme = true;
    rest.remove_prefix(scheme);
  }
  rest = rest.substr(0, rest.find('?'));
  if (!rest.starts_with('/')) {
    if (parts.has_scheme) {  // opaque
      parts.valid = true;
      return parts;
    }
    const std::string_view first = rest.substr(0, rest.find('/'));
    if (first.find(':') != std::string_view::npos) return parts;
  }
  if (rest.starts_with("//")) {
    const std::string_view authority = rest.substr(2, rest.find('/', 2) - 2);
    if (!good_authority(authority)) return parts;
    rest.remove_prefix(2 + authority.size());
  }
  parts.path = rest;
  parts.valid = good_escapes(rest);
  return parts;
}

bool has_backslash(std::string_view text) { return text.find('\\') != std::string_view::npos; }

bool is_uri(std::string_view text) {
  const UriParts parts = parse_uri(text);
  return parts.valid && parts.has_scheme && !has_backslash(text);
}

bool is_uri_reference(std::string_view text) {
  return parse_uri(text).valid && !has_backslash(text);
}

bool is_uri_template(std::string_view text) {
  const UriParts parts = parse_uri(text);
  static const re2::RE2 braces(R"((?s)(?:[^{]*(?:\{[^}]*\})?)*)");
  return parts.valid && !has_backslash(text) && full_match(parts.path, braces);
}

bool is_uuid(std::string_view text) {
  static const re2::RE2 pattern("[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}");
  return full_match(text, pattern);
}

bool is_regex(std::string_view text) {
  return re2::RE2(re2::StringPiece(text.data(), text.size()), re2::RE2::Quiet).ok();
}

bool is_json_pointer(std::string_view text) {
  static const re2::RE2 pattern("(?s)(?:/(?:[^~/]|~0|~1)*)*");
  return full_match(text, pattern);
}

bool is_relative_json_pointer(std::string_view text) {
  static const re2::RE2 pattern("(?s)(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)");
  return full_match(text, pattern);
}

struct Format {
  std::string_view name;
  bool (*holds)(std::string_view text);
};

constexpr std::array kFormats{
    Format{"date", is_date},
    Format{"date-time", is_date_time},
    Format{"email", is_email},
    Format{"hostname", is_hostname},
    Format{"idn-email", is_email},
    Format{"ipv4", is_ipv4},
    Format{"ipv6", is_ipv6},
    Format{"iri", is_uri},
    Format{"iri-reference", is_uri_reference},
    Format{"json-pointer", is_json_pointer},
    Format{"regex", is_regex},
    Format{"relative-json-pointer", is_relative_json_pointer},
    Format{"time", is_any_time},
    Format{"uri", is_uri},
    Format{"uri-reference", is_uri_reference},
    Format{"uri-template", is_uri_template},
    Format{"uuid", is_uuid},
};

const Format* find_format(std::string_view name) {
  const auto* found = std::ranges::find(kFormats, name, &Format::name);
  return found == kFormats.end() ? nullptr : found;
}

}  // namespace

bool has_format(std::string_view format, std::string_view text) {
  const Format* known = find_format(format);
  return !known || known->holds(text);
}

bool is_known_format(std::string_view format) { return find_format(format) != nullptr; }

}  // namespace tollgate
