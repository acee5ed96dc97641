#include "cli/environment_secrets.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/strings.h"
#include "config/normalise.h"
#include "net/redact.h"

namespace tollgate {

namespace {

/// Shorter values stand in too many texts that have nothing to do with them.
constexpr std::size_t kShortestSecret = 6;

std::vector<std::string> secrets_of_environment() {
  std::vector<std::string> found;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view variable = *each;
    const std::size_t equals = std::min(variable.find('='), variable.size());
    const std::string_view value = variable.substr(std::min(equals + 1, variable.size()));
    if (value.size() >= kShortestSecret && holds_credentials(variable.substr(0, equals))) {
      found.emplace_back(value);
    }
  }
  // Of two, one of which holds the other, the longer one goes first.
  std::ranges::sort(found, std::greater(), &std::string::size);
  return found;
}

Node hide(const Node& node, const std::vector<std::string>& secrets) {
  if (node.is(Node::Kind::map)) {
    std::vector<Node::Entry> entries = node.entries();
    for (Node::Entry& entry : entries) entry.value = hide(entry.value, secrets);
    return node.with_entries(std::move(entries));
  }
  if (node.is(Node::Kind::list)) {
    std::vector<Node> items = node.items();
    for (Node& item : items) item = hide(item, secrets);
    return node.with_items(std::move(items));
  }
  std::string text(node.text());
  for (const std::string& secret : secrets) text = replace_all(text, secret, scrubbed_secret);
  return text == node.text() ? node : Node::of(std::move(text));
}

}  // namespace

Node hide_environment_secrets(const Node& config) {
  const auto secrets = secrets_of_environment();
  return secrets.empty() ? config : hide(config, secrets);
}

}  // namespace tollgate
