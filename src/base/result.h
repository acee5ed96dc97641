#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace tollgate {

/// What the caller can do about an error. Retry logic reads only this.
enum class Fault : unsigned char {
  invalid,    ///< the input or configuration is wrong; retrying cannot help
  transient,  ///< the environment failed; the same call may succeed later
  cancelled,  ///< shutdown asked us to stop
};

/// An expected failure: a fault class and a sentence a user can act on.
class Error {
 public:
  Error(Fault fault, std::string message) : fault_(fault), message_(std::move(message)) {}

  Fault fault() const { return fault_; }
  std::string_view message() const { return message_; }

  /// Prefixes where the failure happened: "at offset 3" becomes "field key: at offset 3".
  Error within(std::string_view place) && {
    message_.insert(0, ": ").insert(0, place);
    return std::move(*this);
  }

 private:
  Fault fault_;
  std::string message_;
};

/// A value or an Error. Ignoring one is a compiler warning; plain std::expected gives none.
template <typename T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

inline std::unexpected<Error> invalid(std::string message) {
  return std::unexpected(Error(Fault::invalid, std::move(message)));
}
inline std::unexpected<Error> transient(std::string message) {
  return std::unexpected(Error(Fault::transient, std::move(message)));
}
inline std::unexpected<Error> cancelled(std::string message) {
  return std::unexpected(Error(Fault::cancelled, std::move(message)));
}

}  // namespace tollgate

/// Unwraps a Result or returns its error from the enclosing function. May be nested.
#define TRY(expression) TOLLGATE_TRY(expression, __COUNTER__)
#define TOLLGATE_TRY(expression, number) TOLLGATE_TRY_NAMED(expression, number)
#define TOLLGATE_TRY_NAMED(expression, number) TOLLGATE_TRY_AS(expression, result_##number##_)
#define TOLLGATE_TRY_AS(expression, name)                                    \
  __extension__({                                                            \
    auto&& name = (expression);                                              \
    if (!name) [[unlikely]] return std::unexpected(std::move(name).error()); \
    *std::move(name);                                                        \
  })
