#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "message/transaction.h"
#include "value/value.h"

namespace tollgate {

/// What a batch's messages view: an arena and whatever foreign bytes must live as long as they do.
/// Shared by the batches that a processor makes of one. One thread at a time.
struct BatchMemory {
  Arena arena;
  std::vector<std::shared_ptr<const void>> retained;

  /// Memory that was used before where there is some, so that a batch does not begin with page
  /// faults. Any thread; it may be given back on another one.
  static std::shared_ptr<BatchMemory> make();
};

/// Who a message is, from ingress on: `uuid_v4()` and `nanoid()` draw from it, so that a resend or a
/// replay gives the same ids. Derived from the record where it can be told apart, else random.
struct Identity {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool derived = false;

  bool is_set() const { return (high | low) != 0; }
  /// The identity of this message's child number `index` (a step made several messages of one).
  Identity child(std::uint32_t index) const {
    if (!is_set()) return {};
    const std::uint64_t salt = mix(index + 0x9e3779b97f4a7c15u);
    return {mix(high ^ salt), mix(low + salt), derived};
  }
  static Identity random();

 private:
  /// splitmix64's finaliser: every input bit reaches every output bit.
  static constexpr std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
};

/// Why a message is flagged as failed, as `error()` and `error_source_*()` tell it.
/// In the batch's arena.
struct MessageError {
  std::string_view text;
  /// The failing component; all empty where the incumbent does not know it either.
  std::string_view source_name;
  std::string_view source_label;
  std::string_view source_path;
  bool has_source = false;
};

/// A payload in a form cheaper than a document or its bytes: a view of what came in. Lives in the
/// batch's memory; immutable.
class LazyPayload {
 public:
  /// The document, made anew in `arena`.
  virtual Value document(Arena& arena) const = 0;
  /// LazyMembers::find_many() of the object at `path` in the document, which is not made for it.
  virtual bool find_many(std::span<const std::string_view> path, std::span<const LookupKey> keys,
                         Value* found) const {
    static_cast<void>(path), static_cast<void>(keys), static_cast<void>(found);
    return false;
  }
  /// Appends the bytes; `arena` is for what has to be built on the way.
  virtual void append(std::string& out, Arena& arena) const = 0;

 protected:
  ~LazyPayload() = default;
};

/// One message: a payload that is bytes, a document, or both; metadata; an error flag; an identity;
/// and the receipt by which its root records are settled.
///
/// Everything it views lives in its batch's memory, which is why a message never leaves its batch
/// except through move_to(). Documents are immutable; whoever changes one builds a new one.
/// Once a batch was handed to an output it is constant and all messages have bytes.
class Message {
 public:
  explicit Message(BatchMemory& memory) : memory_(&memory) {}
  /// A copy that views what `other` views, which `memory` must keep. Its receipt is empty.
  Message(BatchMemory& memory, const Message& other)
      : identity(other.identity),
        draws(other.draws),
        collapsed(other.collapsed),
        place(other.place),
        response(other.response),
        memory_(&memory),
        bytes_(other.bytes_),
        lazy_(other.lazy_),
        document_(other.document_),
        metadata_(other.metadata_),
        error_(other.error_),
        has_bytes_(other.has_bytes_),
        has_document_(other.has_document_),
        bytes_are_json_(other.bytes_are_json_),
        owns_metadata_(other.owns_metadata_) {}
  Message(Message&&) = default;
  Message& operator=(Message&&) = default;

  // Payload ---------------------------------------------------------------------------------------

  /// The payload as bytes, made of the document if need be and kept. A document without a JSON
  /// form (it holds a NaN) gives no bytes, as in the incumbent.
  std::string_view bytes();
  /// Requires: has_bytes().
  std::string_view bytes() const { return bytes_; }
  bool has_bytes() const { return has_bytes_; }
  /// True if the bytes were made of a document by our JSON writer: one valid document, keys sorted,
  /// compact. Lets `archive` join messages without parsing them again.
  bool bytes_are_json() const { return has_bytes_ && bytes_are_json_; }

  /// The payload as a document, parsed of the bytes if need be and kept; an error Value with the
  /// incumbent's wording if they are not JSON.
  Value document();
  /// The same without keeping it: a document that has to be made is made in `scratch`.
  Value document(Arena& scratch) const;
  /// Whether document() need not parse the bytes.
  bool has_document() const { return has_document_ || lazy_; }
  /// The payload as it came, if its document was not made yet; else null.
  const LazyPayload* lazy_payload() const { return has_document_ ? nullptr : lazy_; }

  /// What is set, and what it views, must live in memory().
  void set_bytes(std::string_view bytes);
  void set_document(Value document);
  void set_lazy(const LazyPayload& payload);
  /// The payload is `json`, which our JSON writer made.
  void set_json(std::string_view json);

  // Metadata --------------------------------------------------------------------------------------

  /// Sorted by key; null if there is none.
  const Object* metadata() const { return metadata_; }
  /// The value of `key`; null pointer if absent.
  const Value* metadata(std::string_view key) const;
  /// `key` and what `value` views are copied.
  void set_metadata(std::string_view key, Value value);
  void erase_metadata(std::string_view key);
  /// Replaces all. `metadata` (or null) must live in memory() and not change any more.
  void set_all_metadata(Object* metadata) { metadata_ = metadata; owns_metadata_ = false; }
  /// From now on copies share the metadata table: copy() allocates nothing, so that several threads
  /// may copy a constant message. A change makes a table of its own.
  void share_metadata() { owns_metadata_ = false; }

  // Failure ---------------------------------------------------------------------------------------

  const MessageError* error() const { return error_; }
  /// Flags it. The texts are copied.
  void set_error(const MessageError& error);
  void set_error(std::string_view text) { set_error(MessageError{.text = text}); }
  void clear_error() { error_ = nullptr; }

  // Life ------------------------------------------------------------------------------------------

  /// Leaves only the bytes of a message whose document is a view, because reading a view builds
  /// parts of it in place, which a constant message must not do. Requires: has_bytes().
  void forget_view();

  BatchMemory& memory() const { return *memory_; }
  /// A copy with the same payload, metadata, error, identity and memory. Its receipt is empty.
  Message copy() const;
  /// A copy whose payload (as bytes), metadata and error live in `memory`, with the receipt. Leaves
  /// this message empty.
  Message move_to(BatchMemory& memory);

  Identity identity;
  std::uint32_t draws = 0;  ///< ids drawn from the identity so far
  Receipt receipt;
  /// How many messages were collapsed into this one (archive): what `output_sent` counts. 0 marks
  /// one that a processor is about to remove.
  std::uint32_t collapsed = 1;
  /// A position that a processor gives its messages to find them again in what its children made of
  /// them (`switch`). Copies keep it; who sets it puts the old values back.
  std::uint32_t place = 0;
  /// Where a synchronous response is stored, for inputs that answer (http_server); may be null.
  std::shared_ptr<class ResponseStore> response;

 private:
  friend class Batch;

  // Of a copy that still views what the other one does.
  void own_metadata_table();
  void leave_payload();
  void leave_facts();
  std::string_view encode(Arena& arena) const;

  BatchMemory* memory_;
  std::string_view bytes_;
  const LazyPayload* lazy_ = nullptr;
  Value document_;
  Object* metadata_ = nullptr;
  const MessageError* error_ = nullptr;
  bool has_bytes_ = false;
  bool has_document_ = false;
  bool bytes_are_json_ = false;
  bool owns_metadata_ = false;
};

/// Messages that travel together, with the memory they view.
class Batch {
 public:
  Batch() : memory_(BatchMemory::make()) {}
  explicit Batch(std::shared_ptr<BatchMemory> memory) : memory_(std::move(memory)) {}
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;

  /// A new empty message at the end.
  Message& add() { return messages_.emplace_back(*memory_); }
  /// Requires: `message` views this batch's memory.
  Message& add(Message&& message) { return messages_.emplace_back(std::move(message)); }
  /// Message::copy() of one that views this batch's memory.
  Message& add_twin(const Message& message);
  /// A copy whose payload (as bytes), metadata and error live in this batch's memory. Its receipt is
  /// empty.
  Message& add_copy(const Message& message);
  /// The same, but for the bytes, which must stay as long as this batch's memory. Requires: has_bytes().
  Message& add_view(const Message& message);

  std::size_t size() const { return messages_.size(); }
  bool empty() const { return messages_.empty(); }
  Message& operator[](std::size_t i) { return messages_[i]; }
  const Message& operator[](std::size_t i) const { return messages_[i]; }
  auto begin() { return messages_.begin(); }
  auto end() { return messages_.end(); }
  auto begin() const { return messages_.begin(); }
  auto end() const { return messages_.end(); }
  std::vector<Message>& messages() { return messages_; }
  const std::vector<Message>& messages() const { return messages_; }

  BatchMemory& memory() const { return *memory_; }
  Arena& arena() const { return memory_->arena; }
  const std::shared_ptr<BatchMemory>& shared_memory() const { return memory_; }

  /// Payload bytes of all messages. Requires: all have bytes.
  std::size_t payload_bytes() const;
  /// Makes every message's bytes, so that the batch may be shared as constant, by several threads.
  void encode();
  /// Copies of all messages in the same memory, receipts empty.
  Batch copy() const;
  /// Settles every message that still has a receipt.
  void resolve(Outcome outcome);
  void fail(const Error& error);

 private:
  std::shared_ptr<BatchMemory> memory_;
  std::vector<Message> messages_;
};

/// What a `sync_response` leaves for the input that waits: batches of finished payloads.
class ResponseStore {
 public:
  void add(const Batch& batch);
  /// Everything added so far.
  std::vector<std::shared_ptr<const Batch>> take();

 private:
  std::mutex lock_;
  std::vector<std::shared_ptr<const Batch>> batches_;
};

}  // namespace tollgate
