#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace tollgate {

/// A media type with its parameters, as a Content-Type header gives it.
struct MediaType {
  std::string type;        ///< lower case, "multipart/form-data"
  HttpHeaders parameters;  ///< names in lower case, values unquoted

  bool is_multipart() const { return type.starts_with("multipart/"); }
  std::string_view parameter(std::string_view name) const;
};

/// Errors: "mime: no media type" and the like.
Result<MediaType> parse_media_type(std::string_view text);

struct MultipartPart {
  HttpHeaders headers;
  std::string_view body;
};

/// Cuts a multipart body (RFC 2046) into its parts, which view `body`. What stands before the first
/// and behind the last boundary is ignored.
Result<std::vector<MultipartPart>> parse_multipart(std::string_view body,
                                                   std::string_view boundary);

/// Builds a multipart/form-data body.
class MultipartWriter {
 public:
  MultipartWriter();
  /// Headers are written in the order given; those that could break the framing are left out.
  void add(const HttpHeaders& headers, std::string_view body);
  std::string content_type() const;
  /// The finished body. Once.
  std::string finish();

 private:
  std::string boundary_;
  std::string body_;
};

}  // namespace tollgate
