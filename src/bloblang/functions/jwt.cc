// Methods of category JSON Web Tokens.

#include <algorithm>
#include <chrono>

#include "base/strings.h"
#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/json_refusal.h"
#include "bloblang/functions/jwt_keys.h"
#include "value/encoding.h"
#include "value/json.h"

namespace tollgate::bloblang {
namespace {

struct JwtState final : CallState {
  explicit JwtState(JwtKey loaded) : key(std::move(loaded)) {}
  JwtKey key;
  std::string header;  // of tokens to be signed, encoded
};

// Signing -----------------------------------------------------------------------------------------

constexpr std::string_view kReserved[] = {"alg", "typ", "jku", "jwk",      "x5u",
                                          "x5c", "x5t", "x5t#S256", "crit"};

template <JwtAlgorithm algorithm>
Prepared prepare_sign(const Arguments& arguments) {
  auto key = JwtKey::load(algorithm, arguments.text(0), true);
  if (!key) return std::unexpected("decoding signing_secret: " + key.error());
  auto state = std::make_unique<JwtState>(std::move(*key));
  Arena arena;
  Object* const header = make_object(arena, 4);
  if (arguments.has(1) && !arguments[1].is_null()) {
    if (!arguments[1].is(Kind::object)) {
      return std::unexpected("headers parameter must be an object (map), got " +
                             std::string(go_type(arguments[1])));
    }
    for (const auto& [name, value] : arguments[1].as_object().members(arena)) {
      if (std::ranges::find(kReserved, name) == std::end(kReserved)) header->set(name, value, arena);
    }
  }
  header->set("alg", Value::string(jwt_name(algorithm)), arena);
  header->set("typ", Value::string("JWT"), arena);
  std::string json;
  if (!append_json(json, Value::object(header), arena, {.escape_html = true})) {
    return std::unexpected("signing token: " + json_refusal(Value::object(header), arena));
  }
  append_base64(state->header, json, {.url = true, .padded = false});
  return state;
}

Value sign(Call& call, Value target) {
  if (!target.is(Kind::object)) return call.type_error(target, "object");
  std::string claims;
  if (!append_json(claims, target, call.arena(), {.escape_html = true})) {
    return call.error("signing token: ", json_refusal(target, call.arena()));
  }
  const auto& state = call.state<JwtState>();
  std::string token = state.header + '.';
  append_base64(token, claims, {.url = true, .padded = false});
  const auto signature = state.key.sign(token);
  if (!signature) return call.error("signing token: ", signature.error());
  token += '.';
  append_base64(token, *signature, {.url = true, .padded = false});
  return call.string(token);
}

// Verifying ---------------------------------------------------------------------------------------

template <JwtAlgorithm algorithm>
Prepared prepare_parse(const Arguments& arguments) {
  auto key = JwtKey::load(algorithm, arguments.text(0), false);
  if (!key) return std::unexpected(key.error());
  return std::make_unique<JwtState>(std::move(*key));
}

/// One part of a token as JSON, or an error.
Value read_part(Call& call, std::string_view part, std::string_view name) {
  const auto bytes = decode_base64(part, {.url = true, .padded = false});
  if (!bytes) {
    return call.error("token is malformed: could not base64 decode ", name, ": ",
                      bytes.error().message());
  }
  const Value value = parse_json(call.arena().copy(*bytes), call.arena(), {.keep_numbers = false});
  if (value.is_error()) {
    return call.error("token is malformed: could not JSON decode ", name, ": ", value.as_text());
  }
  return value;
}

/// Empty, or what is wrong with the times of a token.
std::string check_times(Value claims, Arena& arena) {
  if (!claims.is(Kind::object)) return {};
  using Seconds = std::chrono::duration<double>;
  const double now = Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
  std::string problems;
  const auto check = [&](std::string_view name, auto is_bad, std::string_view problem) {
    const Value* claim = claims.as_object().find(name, arena);
    if (!claim) return;
    const bool is_number = claim->is(Kind::float64);
    if (is_number && (claim->as_float64() == 0 || !is_bad(claim->as_float64()))) return;
    problems += problems.empty() ? "" : ", ";
    problems += is_number ? std::string(problem)
                          : std::string(name) + " is invalid: token has invalid claims";
  };
  check("exp", [now](double at) { return now >= at; }, "token is expired");
  check("nbf", [now](double at) { return now < at; }, "token is not valid yet");
  if (problems.empty()) return {};
  return "token has invalid claims: " + problems;
}

template <JwtAlgorithm algorithm>
Value verify(Call& call, std::string_view token) {
  const auto parts = split(token, ".");
  if (parts.size() != 3) {
    return call.error("token is malformed: token contains an invalid number of segments");
  }
  const Value header = read_part(call, parts[0], "header");
  if (header.is_error()) return header;
  const Value claims = read_part(call, parts[1], "claim");
  if (claims.is_error()) return claims;
  const Value* alg =
      header.is(Kind::object) ? header.as_object().find("alg", call.arena()) : nullptr;
  if (!alg || !alg->is(Kind::string)) {
    return call.error("token is unverifiable: signing method (alg) is unspecified");
  }
  const auto signature = decode_base64(parts[2], {.url = true, .padded = false});
  constexpr std::string_view kKnown[] = {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512",
                                         "ES256", "ES384", "ES512", "PS256", "PS384", "PS512",
                                         "EdDSA", "none"};
  if (std::ranges::find(kKnown, alg->as_text()) == std::end(kKnown)) {
    return call.error("token is unverifiable: signing method (alg) is unavailable");
  }
  if (!signature) {
    return call.error("token is malformed: could not base64 decode signature: ",
                      signature.error().message());
  }
  if (alg->as_text() != jwt_name(algorithm)) {
    return call.error(
        "token is unverifiable: error while executing keyfunc: incorrect signing method: ",
        alg->as_text());
  }
  const std::string_view signed_text = token.substr(0, parts[0].size() + 1 + parts[1].size());
  const std::string_view problem = call.state<JwtState>().key.verify(signed_text, *signature);
  if (!problem.empty()) return call.error("token signature is invalid: ", problem);
  const std::string times = check_times(claims, call.arena());
  return times.empty() ? claims : call.error(times);
}

template <JwtAlgorithm algorithm>
Value parse(Call& call, Value target) {
  const auto token = as_string(target, call.arena());
  if (!token) return call.type_error(target, "string");
  const Value claims = verify<algorithm>(call, *token);
  return claims.is_error() ? call.prefix(claims, "parsing JWT string: ") : claims;
}

// Entries -----------------------------------------------------------------------------------------

constexpr std::string_view kSign =
    "The object as the claims of a JSON Web Token, signed with this algorithm.";
constexpr std::string_view kParse =
    "The claims of a JSON Web Token whose signature of this algorithm is right and which has not "
    "expired.";

using enum JwtAlgorithm;
using Prepare = Prepared (*)(const Arguments&);
using Run = Value (*)(Call&, Value);

consteval Function entry(std::string_view name, Prepare prepare, Run run,
                         std::string_view description) {
  Function made{.name = name, .category = Category::jwt};
  made.errors = Function::Errors::as_given;
  made.prepare = prepare;
  made.call = run;
  made.description = description;
  return made;
}

consteval Function signing_entry(std::string_view name, Prepare prepare) {
  Function made = entry(name, prepare, sign, kSign);
  made.parameters[0] = {"signing_secret", Type::string, "The secret, or the private key as PEM."};
  made.parameters[1] = {"headers", Type::any, "An object of further header fields.", Need::optional};
  return made;
}

consteval Function parsing_entry(std::string_view name, Prepare prepare, Run run) {
  Function made = entry(name, prepare, run, kParse);
  made.parameters[0] = {"signing_secret", Type::string, "The secret, or the public key as PEM."};
  return made;
}

consteval Function with_example(Function made, std::string_view mapping, Example::Case expected) {
  made.examples[0].mapping = mapping;
  made.examples[0].cases[0] = expected;
  return made;
}

constinit const Function kEntries[] = {
    with_example(signing_entry("sign_jwt_hs256", prepare_sign<hs256>),
                 "root.token = this.claims.sign_jwt_hs256(\"dont-tell-anyone\")",
                 {R"({"claims":{"sub":"user123"}})",
                  R"({"token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyMTIzIn0.hUl-nngPMY_3h9vveWJUPsCcO5PeL6k9hWLnMYeFbFQ"})"}),
    signing_entry("sign_jwt_hs384", prepare_sign<hs384>),
    signing_entry("sign_jwt_hs512", prepare_sign<hs512>),
    signing_entry("sign_jwt_rs256", prepare_sign<rs256>),
    signing_entry("sign_jwt_rs384", prepare_sign<rs384>),
    signing_entry("sign_jwt_rs512", prepare_sign<rs512>),
    signing_entry("sign_jwt_es256", prepare_sign<es256>),
    signing_entry("sign_jwt_es384", prepare_sign<es384>),
    signing_entry("sign_jwt_es512", prepare_sign<es512>),
    with_example(parsing_entry("parse_jwt_hs256", prepare_parse<hs256>, parse<hs256>),
                 "root.claims = this.token.parse_jwt_hs256(\"dont-tell-anyone\")",
                 {R"({"token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyMTIzIn0.hUl-nngPMY_3h9vveWJUPsCcO5PeL6k9hWLnMYeFbFQ"})",
                  R"({"claims":{"sub":"user123"}})"}),
    parsing_entry("parse_jwt_hs384", prepare_parse<hs384>, parse<hs384>),
    parsing_entry("parse_jwt_hs512", prepare_parse<hs512>, parse<hs512>),
    parsing_entry("parse_jwt_rs256", prepare_parse<rs256>, parse<rs256>),
    parsing_entry("parse_jwt_rs384", prepare_parse<rs384>, parse<rs384>),
    parsing_entry("parse_jwt_rs512", prepare_parse<rs512>, parse<rs512>),
    parsing_entry("parse_jwt_es256", prepare_parse<es256>, parse<es256>),
    parsing_entry("parse_jwt_es384", prepare_parse<es384>, parse<es384>),
    parsing_entry("parse_jwt_es512", prepare_parse<es512>, parse<es512>),
};

}  // namespace

constinit const std::span<const Function> kJwtMethods = kEntries;

}  // namespace tollgate::bloblang
