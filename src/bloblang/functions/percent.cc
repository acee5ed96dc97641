#include "bloblang/functions/percent.h"

#include <algorithm>

#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_host(UrlPart part) { return part == UrlPart::host || part == UrlPart::zone; }

std::string quoted(std::string_view text) {
  std::string out;
  append_go_quoted(out, text);
  return out;
}

/// Whether an escape for `byte` is allowed in a host: of ASCII only what a zone may need.
bool may_escape_in_host(std::string_view escape, unsigned char byte, UrlPart part) {
  if (part == UrlPart::host) return byte >= 0x80 || escape == "%25";
  return escape == "%25" || byte == ' ' || !must_escape(static_cast<char>(byte), UrlPart::host);
}

}  // namespace

bool must_escape(char c, UrlPart part) {
  if (is_alphanumeric(c)) return false;
  if (is_host(part) && std::string_view("!$&'()*+,;=:[]<>\"").contains(c)) return false;
  if (std::string_view("-_.~").contains(c)) return false;
  if (std::string_view("$&+,/:;=?@").contains(c)) {
    switch (part) {
      case UrlPart::path: return c == '?';
      case UrlPart::path_segment: return c == '/' || c == ';' || c == ',' || c == '?';
      case UrlPart::user: return c == '@' || c == '/' || c == '?' || c == ':';
      case UrlPart::fragment: return false;
      default: return true;
    }
  }
  if (part == UrlPart::fragment) return !std::string_view("!()*").contains(c);
  return true;
}

void append_escaped(std::string& out, std::string_view text, UrlPart part) {
  for (const char c : text) {
    if (c == ' ' && part == UrlPart::query) {
      out += '+';
    } else if (must_escape(c, part)) {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4];
      out += "0123456789ABCDEF"[byte & 15];
    } else {
      out += c;
    }
  }
}

Result<std::string> unescape(std::string_view text, UrlPart part) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      const std::string_view escape = text.substr(i, 3);
      const auto byte = static_cast<unsigned char>(high * 16 + low);
      if (high < 0 || low < 0 || (is_host(part) && !may_escape_in_host(escape, byte, part))) {
        return invalid("invalid URL escape " + quoted(escape));
      }
      out += static_cast<char>(byte);
      i += 2;
    } else if (c == '+' && part == UrlPart::query) {
      out += ' ';
    } else if (is_host(part) && !(c & 0x80) && must_escape(c, part)) {
      return invalid("invalid character " + quoted(text.substr(i, 1)) + " in host name");
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace tollgate::bloblang
