#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "message/message.h"
#include "otlp/any_value.h"
#include "otlp/wire.h"

/// The document of a log record as lazy objects over the request's bytes. Each knows the memory it
/// lives in, where its members are built when all of them are asked for: whoever reads it may have
/// shorter-lived memory.
namespace tollgate::otlp_detail {

/// LogRecord.attributes
inline constexpr std::uint32_t kAttributes = 6;

/// In which order the keys that a mapping asked for stood in the record before: those of one export
/// are mostly alike.
struct KeyOrder {
  static constexpr std::size_t kMost = 64;
  static constexpr std::uint8_t kUnknown = 0xff;
  std::uint8_t key[kMost];  ///< index of the key that attribute number i had

  KeyOrder() { std::ranges::fill(key, kUnknown); }
};

/// Attributes of a record, resource or scope: a view of the message that they are a field of.
class LazyAttributes final : public LazyMembers {
 public:
  /// Requires: `wire` was checked, and has `count` attributes, which are its field `field`. `order` is
  /// null where find_many() is not worth it.
  LazyAttributes(std::string_view wire, std::uint32_t field, std::uint32_t count, KeyOrder* order,
                 Arena& home)
      : wire_(wire), home_(home), order_(order), field_(field), size_(count) {
    object_.lazy = this;
  }

  /// Null if there are none.
  const Value* value() const { return size_ ? &value_ : nullptr; }

  const Value* find(std::string_view key, Arena& arena) const override;
  bool find_many(std::span<const LookupKey> keys, Value* found) const override;
  void build(Object& out) const override;

 private:
  const Attribute* table() const;

  std::string_view wire_;
  Arena& home_;
  KeyOrder* order_;
  mutable const Attribute* table_ = nullptr;
  std::uint32_t field_, size_;
  Object object_;
  Value value_ = Value::object(&object_);
};

/// A resource or a scope; the latter has a name and a version.
class LazyOrigin final : public LazyMembers {
 public:
  /// As LazyAttributes.
  LazyOrigin(std::string_view wire, std::uint32_t field, std::uint32_t count, Arena& home)
      : attributes(wire, field, count, nullptr, home), home_(home) {
    object.lazy = this;
  }

  const Value* find(std::string_view key, Arena& arena) const override;
  void build(Object& out) const override;

  LazyAttributes attributes;
  std::string_view name, version;
  std::uint32_t dropped_attributes = 0;
  Object object;  ///< the object of these members

 private:
  Arena& home_;
};

/// The whole message: {record, resource, scope}.
class RecordView final : public LazyPayload {
 public:
  /// Requires: the record at `wire` was checked, which counted its `attributes`; `plain` has them if
  /// all are plain, else it is null.
  RecordView(std::string_view wire, std::uint32_t attributes, const PlainAttribute* plain,
             LazyOrigin* resource, LazyOrigin* scope, KeyOrder* order)
      : wire_(wire),
        plain_(plain),
        resource_(resource),
        scope_(scope),
        order_(order),
        attributes_(attributes) {}

  Value document(Arena& arena) const override;
  /// Of the record's attributes, which are most of what a mapping reads.
  bool find_many(std::span<const std::string_view> path, std::span<const LookupKey> keys,
                 Value* found) const override;
  void append(std::string& out, Arena& arena) const override;

  /// What a document takes of its arena beside its attributes.
  static const std::size_t kDocumentSize;

 private:
  std::string_view wire_;
  const PlainAttribute* plain_;
  LazyOrigin* resource_;
  LazyOrigin* scope_;
  KeyOrder* order_;  // of all records of the export
  std::uint32_t attributes_;
};

}  // namespace tollgate::otlp_detail
