#include "net/redact.h"

#include <algorithm>

#include "base/strings.h"
#include "net/url.h"
#include "value/encoding.h"

namespace tollgate {
namespace {

/// Shorter ones would be found in texts that have nothing to do with them.
constexpr std::size_t shortest_credential = 4;

}  // namespace

bool holds_credentials(std::string_view name) {
  const std::string lower = to_lower(name);
  // Challenges of a server and keys that lock nothing are worth seeing.
  for (const char* harmless :
       {"www-authenticate", "proxy-authenticate", "idempotency-key", "sec-websocket-key"}) {
    if (lower == harmless) return false;
  }
  if (lower == "sig") return true;
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"auth", "cookie", "token", "secret", "password",
                                              "passwd", "key", "credential", "signature", "session"},
      [&](std::string_view part) { return lower.find(part) != lower.npos; });
}

std::string shown_url(std::string_view text) {
  std::string shown(text);
  const auto url = parse_url(text);
  if (!url) return shown;
  if (!url->userinfo.empty()) shown = replace_all(shown, url->userinfo + "@", "");
  const std::size_t query = shown.find('?');
  if (query == shown.npos) return shown;
  const std::size_t end = std::min(shown.find('#', query), shown.size());
  std::string kept;
  for (const std::string_view field :
       split(std::string_view(shown).substr(query + 1, end - query - 1), "&")) {
    if (!kept.empty()) kept += '&';
    const std::size_t equals = field.find('=');
    if (equals == field.npos || !holds_credentials(unescape_url(field.substr(0, equals), true))) {
      kept += field;
    } else {
      kept.append(field.substr(0, equals + 1)).append(redacted_text);
    }
  }
  return shown.substr(0, query + 1) + kept + shown.substr(end);
}

std::vector<std::string> credentials_of(std::string_view url, const HttpHeaders& headers) {
  std::vector<std::string> found;
  const auto add = [&](std::string_view text) {
    if (text.size() >= shortest_credential) found.emplace_back(text);
  };
  for (const auto& [name, value] : headers) {
    if (!holds_credentials(name)) continue;
    add(value);
    if (const std::size_t space = value.find(' '); space != value.npos) {
      add(trim(std::string_view(value).substr(space)));
    }
  }
  if (const auto parsed = parse_url(url)) {
    if (const std::size_t colon = parsed->userinfo.find(':'); colon != std::string::npos) {
      add(parsed->userinfo.substr(colon + 1));
      add(unescape_url(parsed->userinfo.substr(colon + 1)));
      std::string as_basic;
      append_base64(as_basic, unescape_url(parsed->userinfo));
      add(as_basic);
    }
    for (const auto& [name, value] : parse_query(parsed->query)) {
      if (holds_credentials(name)) add(value);
    }
  }
  return found;
}

std::string without_credentials(std::string text, const std::vector<std::string>& credentials) {
  for (const std::string& each : credentials) {
    if (!each.empty() && text.find(each) != text.npos) text = replace_all(text, each, redacted_text);
  }
  return text;
}

}  // namespace tollgate
