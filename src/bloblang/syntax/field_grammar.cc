// Strings with `${! query }` in them.

#include "bloblang/syntax/grammar.h"

namespace tollgate::bloblang {

std::expected<std::vector<FieldPart>, ParseError> parse_field(const ParseInput& input) {
  constexpr std::string_view kStart = "${!", kEscapedStart = "${{!", kEscapedEnd = "}}";
  Grammar grammar(input);
  std::vector<FieldPart> parts;
  const auto refuse = [&](const Failure& why) {
    return std::unexpected(to_parse_error(why, input.source));
  };
  QueryPlace place;
  for (std::size_t at = 0; !grammar.at_end(at);) {
    const auto rest = grammar.rest(at);
    if (rest.starts_with(kEscapedStart)) {
      const auto text = rest.substr(kEscapedStart.size());
      const auto end = text.find(kEscapedEnd);
      if (end == text.npos) {
        return refuse(Failure::missing(at + kEscapedStart.size(), "end of escaped expression"));
      }
      parts.push_back({concat(input.arena, {kStart, text.substr(0, end), "}"})});
      at += kEscapedStart.size() + end + kEscapedEnd.size();
    } else if (rest.starts_with(kStart)) {
      at += kStart.size();
      grammar.skip_spaces(at);
      FieldPart part;
      if (!grammar.query(at, place, part.query)) {
        grammar.failure().require();
        return refuse(grammar.failure());
      }
      grammar.skip_spaces(at);
      if (!grammar.character(at, '}')) return refuse(Failure::missing(at, "end of expression"));
      parts.push_back(part);
    } else {
      const std::size_t next = rest.find('$', 1);
      const std::size_t length = rest[0] == '$' ? 1 : std::min(next, rest.size());
      parts.push_back({rest.substr(0, length)});
      at += length;
    }
  }
  return parts;
}

}  // namespace tollgate::bloblang
