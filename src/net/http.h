#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate {

/// Header fields in wire order; names may repeat and keep the case they were given in.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// Whether two header names are the same, ignoring ASCII case.
bool same_header(std::string_view a, std::string_view b);

/// The first value of `name`, or null.
const std::string* find_header(const HttpHeaders& headers, std::string_view name);

/// Sets the first occurrence of `name` and drops the others.
void set_header(HttpHeaders& headers, std::string_view name, std::string value);

/// The standard phrase ("Not Found"), or "" for a status that has none.
std::string_view http_reason(int status);

/// Go's canonical form of a header name: "content-type" becomes "Content-Type". A name with a byte
/// that no header name may hold is returned unchanged.
std::string canonical_header(std::string_view name);

/// Whether `name` is a token and `value` holds no line break or NUL, so that writing them cannot
/// start another header.
bool valid_header(std::string_view name, std::string_view value);

/// The members of a header field that is a comma-separated list.
std::vector<std::string_view> listed(std::string_view field);

/// What the system says of an errno, beginning with a small letter as elsewhere in messages.
std::string system_error(int code);

/// A request body: a view and whoever keeps its bytes alive. Copies share the bytes.
class HttpBody {
 public:
  HttpBody() = default;
  HttpBody(std::string text)  // NOLINT: a string is a body
      : HttpBody(std::make_shared<const std::string>(std::move(text))) {}
  HttpBody(const char* text) : HttpBody(std::string(text)) {}  // NOLINT
  HttpBody(std::shared_ptr<const std::string> text)            // NOLINT
      : view_(text ? std::string_view(*text) : std::string_view()), owner_(std::move(text)) {}
  /// `owner` keeps `view` valid; it may be null for bytes that live for ever.
  HttpBody(std::string_view view, std::shared_ptr<const void> owner)
      : view_(view), owner_(std::move(owner)) {}

  std::string_view view() const { return view_; }
  bool empty() const { return view_.empty(); }

 private:
  std::string_view view_;
  std::shared_ptr<const void> owner_;
};

}  // namespace tollgate
