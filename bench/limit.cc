// The limit: a hard-coded loop that decodes the access log and prints the CloudEvents of the
// documented mapping, with no network, no mapping language and no acknowledgements. What the
// pipeline does is measured against it.
//
//   limit [--seconds S] [--records N]

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "access_log.h"
#include "value/json.h"

namespace tollgate::bench {
namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct Xorshift {
  std::uint64_t state = 88172645463325252u;
  std::uint64_t operator()() {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  }
};

void append_uuid(std::string& out, Xorshift& random) {
  static constexpr char kHex[] = "0123456789abcdef";
  const std::uint64_t words[] = {random(), random()};
  char text[36];
  int at = 0;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    auto byte = static_cast<unsigned char>(words[i / 8] >> (8 * (i % 8)));
    if (i == 6) byte = static_cast<unsigned char>((byte & 0x0f) | 0x40);
    if (i == 8) byte = static_cast<unsigned char>((byte & 0x3f) | 0x80);
    text[at++] = kHex[byte >> 4];
    text[at++] = kHex[byte & 15];
  }
  out.append(text, sizeof text);
}

struct Fields {
  std::string_view subject, time, method, path, region, zone;
  std::uint64_t duration = 0;
};

void read_attribute(std::string_view wire, Fields& fields) {
  std::string_view key, text;
  std::uint64_t number = 0;
  WireReader pair(wire);
  while (pair.next()) {
    if (pair.field() == 1) key = pair.bytes();
    if (pair.field() != 2) continue;
    WireReader any(pair.bytes());
    while (any.next()) {
      if (any.field() == 1) text = any.bytes();
      if (any.field() == 3) number = any.number();
    }
  }
  if (key == "subject") fields.subject = text;
  else if (key == "time") fields.time = text;
  else if (key == "method") fields.method = text;
  else if (key == "path") fields.path = text;
  else if (key == "region") fields.region = text;
  else if (key == "zone") fields.zone = text;
  else if (key == "duration") fields.duration = number;
}

void print_event(const Fields& fields, std::string& out, Xorshift& random) {
  const auto text = [&](std::string_view label, std::string_view value) {
    out += label;
    append_json_string(out, value);
  };
  out += R"({"data":{"duration_ms":)";
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, fields.duration).ptr);
  text(R"(,"method":)", fields.method);
  text(R"(,"path":)", fields.path);
  text(R"(,"region":)", fields.region);
  text(R"(,"zone":)", fields.zone);
  out += R"(},"id":")";
  append_uuid(out, random);
  text(R"(","source":"otlp-log","specversion":"1.0","subject":)", fields.subject);
  text(R"(,"time":)", fields.time);
  out += R"(,"type":"api-calls"},)";
}

std::size_t convert(std::string_view request, std::string& out, Xorshift& random) {
  std::size_t records = 0;
  WireReader resources(request);
  while (resources.next()) {
    WireReader scopes(resources.bytes());
    while (scopes.next()) {
      if (scopes.field() != 2) continue;
      WireReader logs(scopes.bytes());
      while (logs.next()) {
        if (logs.field() != 2) continue;
        Fields fields;
        WireReader record(logs.bytes());
        while (record.next()) {
          if (record.field() == 6) read_attribute(record.bytes(), fields);
        }
        print_event(fields, out, random);
        ++records;
      }
    }
  }
  return records;
}

int run(double seconds, std::size_t records) {
  const std::string request = make_export({.records = records}, 1'700'000'000'000'000'001u);
  std::string out;
  Xorshift random;
  std::size_t total = 0;
  const double begun = cpu_seconds();
  double used = 0;
  while ((used = cpu_seconds() - begun) < seconds) {
    for (int i = 0; i < 20; ++i) {
      out.clear();
      total += convert(request, out, random);
    }
  }
  std::printf("limit: %.0f events per CPU-second, %.0f ns each, %.0f B in, %.0f B out\n",
              static_cast<double>(total) / used, used / static_cast<double>(total) * 1e9,
              static_cast<double>(request.size()) / static_cast<double>(records),
              static_cast<double>(out.size()) / static_cast<double>(records));
  return total > 0 && !out.empty() ? 0 : 1;
}

}  // namespace
}  // namespace tollgate::bench

int main(int argc, char** argv) {
  double seconds = 2;
  std::size_t records = 512;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--seconds")) seconds = std::atof(argv[i + 1]);
    if (!std::strcmp(argv[i], "--records")) records = std::strtoul(argv[i + 1], nullptr, 10);
  }
  return tollgate::bench::run(seconds, records);
}
