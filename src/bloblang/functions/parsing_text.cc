// Methods of category Parsing: CSV, logfmt, URLs and forms.

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/percent.h"
#include "bloblang/functions/url_parts.h"
#include "value/csv.h"
#include "value/encoding.h"

namespace tollgate::bloblang {
namespace {

// CSV ---------------------------------------------------------------------------------------------

Value row_array(Call& call, const std::vector<std::string>& record) {
  Array* const row = make_array(call.arena(), record.size());
  for (const std::string& field : record) row->items[row->size++] = call.string(field);
  return Value::array(row);
}

Value row_object(Call& call, const Array& header, const std::vector<std::string>& record) {
  auto* const members = call.arena().allocate_array<Member>(record.size());
  for (std::size_t i = 0; i < record.size(); ++i) {
    members[i] = {header.items[i].as_text(), call.string(record[i])};
  }
  return Value::object(make_object_of(call.arena(), members, record.size()));
}

Value parse_csv(Call& call, Value target) {
  const std::string_view delimiter = call.text(1);
  if (count_runes(delimiter) != 1) {
    return call.error("delimiter value must be exactly one character");
  }
  if (!target.is_text()) return call.type_error(target, "string");
  const char32_t comma =
      decode_rune(delimiter.data(), delimiter.data() + delimiter.size()).code;
  if (comma == '"' || comma == '\r' || comma == '\n' || comma == 0 || comma == replacement_rune) {
    return call.error("csv: invalid field or comment delimiter");
  }
  const bool has_header = call.boolean(0);
  CsvReader reader({.delimiter = comma, .lazy_quotes = call.boolean(2)});
  reader.feed(target.as_text());
  reader.finish();
  Array* const rows = make_array(call.arena());
  Value header;
  while (true) {
    const auto more = reader.next();
    if (!more) return call.error(more.error().message());
    if (!*more) break;
    if (has_header && header.is_null()) {
      header = row_array(call, reader.record());
      continue;
    }
    rows->push(has_header ? row_object(call, header.as_array(), reader.record())
                          : row_array(call, reader.record()),
               call.arena());
  }
  if (rows->size == 0 && header.is_null()) return call.error("zero records were parsed");
  return Value::array(rows);
}

// logfmt ------------------------------------------------------------------------------------------

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Reads a quoted value, whose opening quote is off; false if it does not end.
bool read_quoted(std::string_view& rest, std::string& value) {
  constexpr std::string_view kLetters = "nrtbf", kMeanings = "\n\r\t\b\f";
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return true;
    }
    if (rest[i] != '\\' || i + 1 == rest.size()) {
      value += rest[i];
      continue;
    }
    const char c = rest[++i];
    const std::size_t letter = kLetters.find(c);
    if (letter != std::string_view::npos) {
      value += kMeanings[letter];
    } else {
      if (c != '"' && c != '\\' && c != '/') value += '\\';
      value += c;
    }
  }
  return false;
}

Value parse_logfmt(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  std::string_view rest = *text;
  std::vector<Member> pairs;
  const auto take = [&rest](auto stops) {
    std::size_t size = 0;
    while (size < rest.size() && !stops(rest[size])) ++size;
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
  };
  while (true) {
    take([](char c) { return !is_blank(c); });
    if (rest.empty()) break;
    const std::string_view key = take([](char c) { return c == '=' || is_blank(c); });
    if (key.empty()) {
      rest.remove_prefix(1);
    } else if (!rest.starts_with('=')) {
      pairs.push_back({key, Value::boolean(true)});
    } else if (rest.remove_prefix(1); !rest.starts_with('"')) {
      pairs.push_back({key, Value::string(take(is_blank))});
    } else {
      rest.remove_prefix(1);
      std::string value;
      if (!read_quoted(rest, value)) {
        std::string quoted;
        append_go_quoted(quoted, key);
        return call.error("logfmt: unterminated quoted value for key ", quoted);
      }
      pairs.push_back({key, call.string(value)});
    }
  }
  auto* const members = call.arena().allocate_array<Member>(pairs.size());
  std::copy(pairs.begin(), pairs.end(), members);
  return Value::object(make_object_of(call.arena(), members, pairs.size()));
}

// URLs and forms ----------------------------------------------------------------------------------

Value parse_url(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  const auto url = UrlParts::parse(*text);
  if (!url) return call.error(url.error().message());
  Object* const parts = make_object(call.arena(), 9);
  const auto set = [&](std::string_view key, std::string_view value) {
    parts->set(key, call.string(value), call.arena());
  };
  set("scheme", url->scheme);
  set("opaque", url->opaque);
  set("host", url->host);
  set("path", url->path);
  set("raw_path", url->raw_path);
  set("raw_query", url->raw_query);
  set("fragment", url->fragment);
  set("raw_fragment", url->raw_fragment);
  if (url->user) {
    Object* const user = make_object(call.arena(), 2);
    user->set("name", call.string(*url->user), call.arena());
    if (url->password) user->set("password", call.string(*url->password), call.arena());
    parts->set("user", Value::object(user), call.arena());
  }
  return Value::object(parts);
}

Value parse_form(Call& call, Value target) {
  const auto text = as_string(target, call.arena());
  if (!text) return call.type_error(target, "string");
  std::string_view rest = *text;
  std::vector<Member> fields;
  std::string problem;
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (pair.contains(';')) {
      problem = "invalid semicolon separator in query";
      continue;
    }
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto key = unescape(pair.substr(0, equals), UrlPart::query);
    const auto value = unescape(
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1),
        UrlPart::query);
    if (!key || !value) {
      if (problem.empty()) problem = (key ? value : key).error().message();
      continue;
    }
    fields.push_back({call.arena().copy(*key), call.string(*value)});
  }
  if (!problem.empty()) {
    return call.error("failed to parse value as url-encoded data: ", problem);
  }
  std::ranges::stable_sort(fields, {}, &Member::key);
  Object* const form = make_object(call.arena(), fields.size());
  for (const Member& field : fields) {
    Member* const last = form->size ? &form->items[form->size - 1] : nullptr;
    if (!last || last->key != field.key) {
      form->items[form->size++] = field;
      continue;
    }
    if (!last->value.is(Kind::array)) {
      Array* const all = make_array(call.arena(), 2);
      all->push(last->value, call.arena());
      last->value = Value::array(all);
    }
    last->value.as_array().push(field.value, call.arena());
  }
  return Value::object(form);
}

/// Tells what is no Parquet file as the incumbent does; what is one is refused.
Value parse_parquet(Call& call, Value target) {
  constexpr std::string_view kMagic = "PAR1";
  constexpr std::string_view kBefore = "parquet read panic: ";
  const auto file = as_string(target, call.arena());
  if (!file) return call.type_error(target, "bytes");
  const auto quoted = [](std::string_view text) {
    std::string out;
    append_go_quoted(out, text);
    return out;
  };
  if (file->size() < 4) return call.error(kBefore, "reading magic header of parquet file: EOF");
  if (!file->starts_with(kMagic)) {
    return call.error(kBefore, "invalid magic header of parquet file: ",
                      quoted(file->substr(0, 4)));
  }
  if (file->size() < 8) {
    return call.error(kBefore, "reading magic footer of parquet file: bytes.Reader.ReadAt: "
                               "negative offset (read: 0)");
  }
  if (!file->ends_with(kMagic)) {
    return call.error(kBefore, "invalid magic footer of parquet file: ",
                      quoted(file->substr(file->size() - 4)));
  }
  return call.error("parse_parquet is not available: this program reads no Parquet files");
}

// Entries -----------------------------------------------------------------------------------------

constexpr auto kAsGiven = Function::Errors::as_given;

constinit const Function kEntries[] = {
    {.name = "parse_csv",
     .category = Category::parsing,
     .parameters = {{"parse_header_row", Type::boolean, "Whether the first row names the columns.",
                     Need::defaulted, Value::boolean(true)},
                    {"delimiter", Type::string, "The one character between fields.",
                     Need::defaulted, Value::string(",")},
                    {"lazy_quotes", Type::boolean,
                     "Accept quotes in bare fields, and single ones in quoted fields.",
                     Need::defaulted, Value::boolean(false)}},
     .call = parse_csv,
     .description = "The rows of a CSV text as objects by column, or without a header row as "
                    "arrays. All values are strings.",
     .examples = {{.mapping = "root.rows = this.csv.parse_csv()",
                   .cases = {{R"({"csv":"a,b\n1,2\n3,\"x,y\""})",
                              R"({"rows":[{"a":"1","b":"2"},{"a":"3","b":"x,y"}]})"}}},
                  {.mapping = "root.rows = this.csv.parse_csv(false, \";\")",
                   .cases = {{R"({"csv":"a;b\n1;2"})", R"({"rows":[["a","b"],["1","2"]]})"}}}}},
    {.name = "parse_logfmt",
     .category = Category::parsing,
     .call = parse_logfmt,
     .description = "An object of the key=value pairs of a text; a key alone is true.",
     .examples = {{.mapping = "root = this.line.parse_logfmt()",
                   .cases = {{R"({"line":"level=info msg=\"hello world\" dry"})",
                              R"({"dry":true,"level":"info","msg":"hello world"})"}}}}},
    {.name = "parse_url",
     .category = Category::parsing,
     .call = parse_url,
     .description = "The parts of a URL.",
     .examples = {{.mapping = "root = this.url.parse_url().with(\"scheme\", \"host\", \"path\", "
                              "\"raw_query\", \"user\")",
                   .cases = {{R"({"url":"https://ada:pw@example.com/a%20b?q=1#top"})",
                              R"({"host":"example.com","path":"/a b","raw_query":"q=1","scheme":"https","user":{"name":"ada","password":"pw"}})"}}}}},
    {.name = "parse_form_url_encoded",
     .category = Category::parsing,
     .errors = kAsGiven,
     .call = parse_form,
     .description = "The fields of a URL-encoded form or query; one that comes several times is an "
                    "array.",
     .examples = {{.mapping = "root = this.body.parse_form_url_encoded()",
                   .cases = {{R"({"body":"a=1&b=x+y&a=2"})", R"({"a":["1","2"],"b":"x y"})"}}}}},
    {.name = "parse_parquet",
     .category = Category::parsing,
     .parameters = {{"byte_array_as_string", Type::boolean, "Ignored.", Need::defaulted,
                     Value::boolean(false)}},
     .errors = kAsGiven,
     .call = parse_parquet,
     .description = "Not available: fails on every Parquet file."},
};

}  // namespace

constinit const std::span<const Function> kTextParsingMethods = kEntries;

}  // namespace tollgate::bloblang
