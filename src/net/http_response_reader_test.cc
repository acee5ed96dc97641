#include "net/http_response_reader.h"

#include <gtest/gtest.h>

namespace tollgate {
namespace {

struct Read {
  HttpResponse response;
  std::string error;     ///< "" if it was read
  std::size_t left = 0;  ///< bytes behind the response
  bool keeps_alive = false;
};

/// Reads `bytes` in pieces of `size`, then the end of the connection.
Read read(std::string_view bytes, std::size_t size, bool to_head = false,
          HttpResponseReader::Limits limits = {}) {
  HttpResponseReader reader(to_head, limits);
  Read outcome;
  while (!bytes.empty() && !reader.done()) {
    const auto piece = bytes.substr(0, size);
    const auto taken = reader.feed(piece);
    if (!taken) {
      outcome.error = taken.error().message();
      return outcome;
    }
    EXPECT_TRUE(*taken == piece.size() || reader.done());
    bytes.remove_prefix(*taken);
  }
  if (!reader.done()) {
    if (const auto end = reader.end_of_input(); !end) outcome.error = end.error().message();
  }
  outcome.left = bytes.size();
  outcome.keeps_alive = reader.done() && reader.keeps_alive();
  outcome.response = std::move(reader.response());
  return outcome;
}

TEST(HttpResponseReader, KnowsWhereTheResponseEnds) {
  struct Row {
    const char* bytes;
    const char* body;
    std::size_t left;
    bool keeps_alive;
    bool to_head = false;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 0, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore", "ok", 4, true},
      {"HTTP/1.1 202\r\nContent-Length: 0\r\n\r\n", "", 0, true},
      {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ok", 0, true},
      {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "", 0, true},
      {"HTTP/1.1 304 Not Modified\r\n\r\n", "", 0, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", 0, true, true},
      {"HTTP/1.1 200 OK\r\n\r\nall of it", "all of it", 0, false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", nullptr, 0, false},
      {"HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\nContent-Length: 0\r\n\r\n", "", 0, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "", 0, false},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", "", 0, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok", "ok", 0, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n00\r\n\r\n", "hi",
       0, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nA\r\n0123456789\r\n0\r\nX-End: 1\r\n\r\nmore",
       "a0123456789", 4, true},
      {"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
       "1\r\n\r\n!",
       "!", 0, true},
  };
  for (const Row& row : rows) {
    for (std::size_t size : {1u, 2u, 7u, 1000u}) {
      SCOPED_TRACE(std::string(row.bytes) + " in pieces of " + std::to_string(size));
      const Read outcome = read(row.bytes, size, row.to_head);
      EXPECT_EQ(outcome.error.empty(), row.body != nullptr) << outcome.error;
      if (row.body == nullptr) continue;
      EXPECT_EQ(outcome.response.body, row.body);
      EXPECT_EQ(outcome.left, row.left);
      EXPECT_EQ(outcome.keeps_alive, row.keeps_alive);
    }
  }
}

TEST(HttpResponseReader, KeepsFieldsInOrder) {
  const Read outcome = read(
      "HTTP/1.1 503  Try again \r\nA:1\r\nb: two \r\nLong: one\r\n  two\r\nA: \r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\nT: end\r\n\r\n",
      3);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.response.status, 503);
  EXPECT_EQ(outcome.response.reason, "Try again");
  const HttpHeaders headers = {
      {"A", "1"}, {"b", "two"}, {"Long", "one two"}, {"A", ""}, {"Transfer-Encoding", "chunked"}};
  EXPECT_EQ(outcome.response.headers, headers);
  EXPECT_EQ(outcome.response.trailers, (HttpHeaders{{"T", "end"}}));
}

TEST(HttpResponseReader, SaysWhatIsWrong) {
  struct Row {
    const char* bytes;
    const char* error;
  };
  const Row rows[] = {
      {"", "EOF: the server closed the connection without a response"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "unexpected EOF"},
      {"HTTP/1.1 200 OK\r\nContent", "unexpected EOF"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "unexpected EOF"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "it begins with \"SSH-2.0-OpenSSH_9.2\""},
      {"\x15\x03\x01\n", "it begins with \"???\""},
      {"HTTP/1.1 20 OK\r\n", "it begins with"},
      {"HTTP/1.1 0200\r\n", "it begins with"},
      {"HTTP/2 200\r\n", "it begins with"},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "nobody asked for \"101\""},
      {"HTTP/1.1 200 OK\r\nno colon\r\n", "it has the field \"no colon\""},
      {"HTTP/1.1 200 OK\r\n folded\r\n", "it has the field \" folded\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n", "its length is \"2\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "its length is \"-1\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "its length is \"\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "its length is"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "the size of a chunk is \"x\""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "the size of a chunk is \"\""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "a chunk is followed by \"b\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", "larger than 10 bytes"},
      {"HTTP/1.1 200 OK\r\n\r\n01234567890", "larger than 10 bytes"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n6\r\n", "larger than 10 bytes"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "larger than 10 bytes"},
  };
  for (const Row& row : rows) {
    for (std::size_t size : {1u, 1000u}) {
      const Read outcome = read(row.bytes, size, false, {.body_bytes = 10});
      EXPECT_NE(outcome.error.find(row.error), std::string::npos) << row.bytes << "\n" << outcome.error;
    }
  }
  const std::string endless = "HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x');
  EXPECT_NE(read(endless, 100, false, {.head_bytes = 1000}).error.find("larger than 1000 bytes"),
            std::string::npos);
  std::string hints;
  for (int i = 0; i < 100; ++i) hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
  EXPECT_NE(read(hints, 100, false, {.head_bytes = 1000}).error.find("larger than 1000 bytes"),
            std::string::npos);
}

}  // namespace
}  // namespace tollgate
