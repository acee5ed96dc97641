#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/arena.h"

namespace tollgate {

struct Array;
struct Object;
struct Timestamp;
class LazyMembers;

/// What a Value is. The names that `type()` prints are in kind_name().
enum class Kind : std::uint8_t {
  null,
  boolean,
  int64,
  uint64,
  float64,
  number_text,  ///< a JSON number as written in its document, not parsed yet
  string,
  bytes,
  timestamp,
  array,
  object,
  deleted,  ///< the marker `deleted()`
  nothing,  ///< the marker `nothing()`: no value at all
  error,    ///< a failed evaluation; the text is its message
  opaque,   ///< of a type that the language has no name for: can be shown, but not used
};

/// A dynamic value: 16 bytes, trivially copyable, passed in two registers.
///
/// Text, arrays, objects and timestamps are views of memory that somebody else owns: the arena of
/// the batch, the bytes of the request, or a compiled program's constants. Copying a Value never
/// copies what it views; deep_copy() does. Arrays and objects that a Value reaches are immutable
/// unless their `owner` says that the holder made them (see Object).
class Value {
 public:
  constexpr Value() = default;

  static constexpr Value null() { return {}; }
  static constexpr Value boolean(bool b) { return {Kind::boolean, {.boolean = b}}; }
  static constexpr Value int64(std::int64_t n) { return {Kind::int64, {.int64 = n}}; }
  static constexpr Value uint64(std::uint64_t n) { return {Kind::uint64, {.uint64 = n}}; }
  static constexpr Value float64(double n) { return {Kind::float64, {.float64 = n}}; }
  static constexpr Value number_text(std::string_view t) { return {Kind::number_text, t}; }
  static constexpr Value string(std::string_view t) { return {Kind::string, t}; }
  static constexpr Value bytes(std::string_view t) { return {Kind::bytes, t}; }
  static constexpr Value timestamp(const Timestamp* t) { return {Kind::timestamp, {.time = t}}; }
  static constexpr Value array(Array* a) { return {Kind::array, {.array = a}}; }
  /// `shown` is what stands in documents; it is no opaque value itself.
  static constexpr Value opaque(const Value* shown) { return {Kind::opaque, {.shown = shown}}; }
  static constexpr Value object(Object* o) { return {Kind::object, {.object = o}}; }
  static constexpr Value deleted() { return {Kind::deleted, Payload{}}; }
  static constexpr Value nothing() { return {Kind::nothing, Payload{}}; }
  /// A failed evaluation. `message` is the whole sentence a user sees.
  static constexpr Value error(std::string_view message) { return {Kind::error, message}; }

  constexpr Kind kind() const { return static_cast<Kind>(form_ & 0xff); }
  constexpr bool is(Kind kind) const { return this->kind() == kind; }
  constexpr bool is_null() const { return is(Kind::null); }
  constexpr bool is_error() const { return is(Kind::error); }
  constexpr bool is_text() const { return is(Kind::string) || is(Kind::bytes); }
  constexpr bool is_number() const { return kind() >= Kind::int64 && kind() <= Kind::number_text; }
  /// deleted() or nothing(): no value to store.
  constexpr bool is_marker() const { return is(Kind::deleted) || is(Kind::nothing); }

  // Each requires the matching kind; as_text also serves bytes, number_text and error.
  constexpr bool as_boolean() const { return payload_.boolean; }
  constexpr std::int64_t as_int64() const { return payload_.int64; }
  constexpr std::uint64_t as_uint64() const { return payload_.uint64; }
  constexpr double as_float64() const { return payload_.float64; }
  constexpr std::string_view as_text() const { return {payload_.text, text_size()}; }
  /// As as_text().size(), and 0 of a value without text.
  constexpr std::size_t text_size() const { return form_ >> 32; }
  constexpr const Timestamp& as_timestamp() const { return *payload_.time; }
  constexpr Array& as_array() const { return *payload_.array; }
  constexpr Object& as_object() const { return *payload_.object; }
  constexpr const Value& as_opaque() const { return *payload_.shown; }
  /// What stands in documents: the value itself unless it is opaque.
  constexpr const Value& shown() const { return is(Kind::opaque) ? *payload_.shown : *this; }

 private:
  union Payload {
    bool boolean;
    std::int64_t int64 = 0;
    std::uint64_t uint64;
    double float64;
    const char* text;
    const Timestamp* time;
    Array* array;
    Object* object;
    const Value* shown;
  };

  constexpr Value(Kind kind, Payload payload)
      : payload_(payload), form_(static_cast<std::uint64_t>(kind)) {}
  constexpr Value(Kind kind, std::string_view text)
      : payload_{.text = text.data()},
        form_(static_cast<std::uint64_t>(kind) | std::uint64_t{text.size()} << 32) {}

  Payload payload_{};
  // The kind in the low byte and the size of text, in bytes, above bit 32: two words that stay in
  // their registers, where several small members would be taken apart and put together.
  std::uint64_t form_ = static_cast<std::uint64_t>(Kind::null);
};
static_assert(sizeof(Value) == 16 && std::is_trivially_copyable_v<Value>);

/// A list of values in an arena.
struct Array {
  Value* items = nullptr;
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;
  /// Who may still change it in place: an execution's number, or 0 once it is frozen.
  std::uint64_t owner = 0;

  const Value* begin() const { return items; }
  const Value* end() const { return items + size; }
  /// Requires: the caller owns it.
  void push(Value value, Arena& arena) {
    if (size == capacity) [[unlikely]] grow(arena);
    items[size++] = value;
  }

 private:
  void grow(Arena& arena);
};

struct Member {
  std::string_view key;
  Value value;
};

/// String keys to values, members sorted bytewise by key, each key once.
///
/// A lazy object keeps its members in another form (a record on the wire) until somebody asks for
/// all of them: find() looks one key up there, members() builds and keeps the whole.
struct Object {
  Member* items = nullptr;
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;
  std::uint64_t owner = 0;  ///< as Array::owner
  const LazyMembers* lazy = nullptr;
  /// Each key stands between `,"` and `":` in memory, kKeySlack bytes after that can be read, and
  /// needs no escape: the JSON writer copies it as it stands. Set by who made all members.
  bool framed_keys = false;

  static constexpr std::size_t kKeySlack = 32;

  /// The value of `key`, or null if there is none. `arena` keeps what a lazy object must build.
  const Value* find(std::string_view key, Arena& arena) const;
  /// All members, sorted. Those of a lazy object are built first, in the memory where it lives.
  std::span<const Member> members(Arena& arena);
  /// Sets or adds. Requires: the caller owns it and it is not lazy.
  void set(std::string_view key, Value value, Arena& arena);
  /// Removes if present. Requires: as set().
  void erase(std::string_view key);
};

/// A key to look up, with what tells most keys apart in one comparison.
struct LookupKey {
  std::string_view text;
  std::uint32_t tag;  ///< key_tag(text)
};

/// The members of an object in a form cheaper than a table, for example a view of wire bytes.
/// Lives in the arena of the object, which it knows; immutable.
class LazyMembers {
 public:
  /// The value of `key`, built in `arena`; null pointer if absent.
  virtual const Value* find(std::string_view key, Arena& arena) const = 0;
  /// Looks up several keys in one go and returns true, where that is cheaper than one by one. The
  /// value of keys[i] goes to found[i]: nothing() if there is none, deleted() if find() has to tell.
  virtual bool find_many(std::span<const LookupKey> keys, Value* found) const {
    static_cast<void>(keys), static_cast<void>(found);
    return false;
  }
  /// Makes `out` an object of all members, in its own arena.
  virtual void build(Object& out) const = 0;

 protected:
  ~LazyMembers() = default;
};

/// The name `type()` prints: "string", "number", "bool", "null", "delete" …
std::string_view kind_name(Kind kind);

Array* make_array(Arena& arena, std::size_t capacity = 0);
Object* make_object(Arena& arena, std::size_t capacity = 0);
/// An object of `count` members in any order; of equal keys the last wins. Sorts `members` in place.
Object* make_object_of(Arena& arena, Member* members, std::size_t count);

/// Copies everything `value` views into `arena`. The copy of a large value shares parts within itself
/// where `value` does.
Value deep_copy(Value value, Arena& arena);

/// `text` formatted into `arena`; for building messages and strings there.
std::string_view concat(Arena& arena, std::initializer_list<std::string_view> parts);

}  // namespace tollgate
