#include "message/message.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "value/json.h"

namespace tollgate {

namespace {

/// splitmix64's finaliser: every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::string_view encode_document(Value document, Arena& arena) {
  if (document.is_text()) return document.as_text();
  thread_local std::string buffer;
  buffer.clear();
  append_json(buffer, document, arena);
  const auto text = arena.copy(buffer);
  if (buffer.capacity() > (1u << 20)) buffer = {};
  return text;
}

std::string_view written(const LazyBytes& bytes, Arena& arena) {
  thread_local std::string buffer;
  buffer.clear();
  bytes.append(buffer, arena);
  const auto text = arena.copy(buffer);
  if (buffer.capacity() > (1u << 20)) buffer = {};
  return text;
}

Value parse_payload(std::string_view bytes, Arena& arena) {
  if (bytes.empty()) return Value::error("message is empty");
  return parse_json(bytes, arena, {.message = true});
}

/// A table of the same members, with room for another.
Object* copy_table(Object* table, Arena& arena) {
  const auto members = table ? table->members(arena) : std::span<const Member>();
  Object* copy = make_object(arena, members.size() + 1);
  std::ranges::copy(members, copy->items);
  copy->size = static_cast<std::uint32_t>(members.size());
  return copy;
}

}  // namespace

namespace {

/// Arenas that batches gave back, at most a few MiB of them.
class MemoryPool {
 public:
  std::unique_ptr<BatchMemory> take() {
    std::lock_guard lock(lock_);
    if (idle_.empty()) return nullptr;
    auto memory = std::move(idle_.back());
    idle_.pop_back();
    held_ -= memory->arena.footprint();
    return memory;
  }

  void give(std::unique_ptr<BatchMemory> memory) {
    memory->retained.clear();
    memory->arena.reset();
    const std::size_t size = memory->arena.footprint();
    if (size == 0 || size > kLargest) return;
    std::lock_guard lock(lock_);
    if (held_ + size > kMost) return;
    held_ += size;
    idle_.push_back(std::move(memory));
  }

 private:
  static constexpr std::size_t kLargest = std::size_t{2} << 20;
  static constexpr std::size_t kMost = std::size_t{8} << 20;

  std::mutex lock_;
  std::vector<std::unique_ptr<BatchMemory>> idle_;  // lock_
  std::size_t held_ = 0;                            // lock_; bytes of idle_
};

/// Never destroyed: batches of other static objects may outlive any order of destruction.
MemoryPool& memory_pool() {
  static auto* pool = new MemoryPool;
  return *pool;
}

}  // namespace

std::shared_ptr<BatchMemory> BatchMemory::make() {
  auto memory = memory_pool().take();
  if (!memory) memory = std::make_unique<BatchMemory>();
  return {memory.release(), [](BatchMemory* used) {
            memory_pool().give(std::unique_ptr<BatchMemory>(used));
          }};
}

Identity Identity::child(std::uint32_t index) const {
  if (!is_set()) return {};
  const std::uint64_t salt = mix(index + 0x9e3779b97f4a7c15u);
  return {mix(high ^ salt), mix(low + salt), derived};
}

Identity Identity::random() {
  // One system call serves many messages; the bytes are the kernel's own generator's.
  thread_local std::uint64_t pool[512];
  thread_local std::size_t used = std::size(pool);
  if (used + 2 > std::size(pool)) {
    for (std::size_t at = 0; at < std::size(pool); at += 32) {  // at most 256 bytes a call
      if (getentropy(pool + at, 256) != 0) std::abort();
    }
    used = 0;
  }
  Identity identity{pool[used], pool[used + 1], false};
  used += 2;
  return identity;
}

std::string_view Message::bytes() {
  if (!bytes_ && lazy_bytes_) {
    bytes_ = written(*lazy_bytes_, memory_->arena);
  } else if (!bytes_) {
    bytes_ = has_document_ ? encode_document(document_, memory_->arena) : "";
    bytes_are_json_ = !bytes_->empty() && !document_.is_text();
  }
  return *bytes_;
}

Value Message::document() {
  if (!has_document_) {
    const Value parsed = parse_payload(bytes_.value_or(""), memory_->arena);
    if (parsed.is_error()) return parsed;
    document_ = parsed;
    has_document_ = true;
  }
  return document_;
}

Value Message::document(Arena& scratch) const {
  // A lazy document builds itself, and what it shares with others, in the memory it is first read
  // with, which must not be `scratch`; so its bytes are read instead.
  if (lazy_bytes_) {
    return parse_payload(bytes_ ? *bytes_ : written(*lazy_bytes_, memory_->arena), scratch);
  }
  return has_document_ ? document_ : parse_payload(bytes_.value_or(""), scratch);
}

void Message::set_bytes(std::string_view bytes) {
  bytes_ = bytes;
  lazy_bytes_ = nullptr;
  bytes_are_json_ = false;
  has_document_ = false;
  document_ = {};
}

void Message::set_document(Value document) {
  document_ = document;
  has_document_ = true;
  bytes_.reset();
  lazy_bytes_ = nullptr;
  bytes_are_json_ = false;
}

void Message::set_document(Value document, const LazyBytes& bytes) {
  set_document(document);
  lazy_bytes_ = &bytes;
}

const Value* Message::metadata(std::string_view key) const {
  return metadata_ ? metadata_->find(key, memory_->arena) : nullptr;
}

void Message::set_metadata(std::string_view key, Value value) {
  Arena& arena = memory_->arena;
  if (!metadata_ || !owns_metadata_) {  // other messages may share the table
    metadata_ = copy_table(metadata_, arena);
    owns_metadata_ = true;
  }
  metadata_->set(arena.copy(key), deep_copy(value, arena), arena);
}

void Message::erase_metadata(std::string_view key) {
  const Value* present = metadata(key);
  if (!present) return;
  if (!owns_metadata_) set_metadata(key, *present);
  metadata_->erase(key);
}

void Message::set_error(const MessageError& error) {
  Arena& arena = memory_->arena;
  error_ = arena.make<MessageError>(MessageError{
      arena.copy(error.text), arena.copy(error.source_name), arena.copy(error.source_label),
      arena.copy(error.source_path), error.has_source});
}

void Message::forget_view() {
  if (!lazy_bytes_) return;
  lazy_bytes_ = nullptr;
  document_ = {};
  has_document_ = false;
}

Message Message::copy() const {
  Message copy(*memory_);
  copy.identity = identity;
  copy.draws = draws;
  copy.collapsed = collapsed;
  copy.response = response;
  copy.place = place;
  copy.bytes_ = bytes_;
  copy.lazy_bytes_ = lazy_bytes_;
  copy.bytes_are_json_ = bytes_are_json_;
  copy.document_ = document_;
  copy.has_document_ = has_document_;
  // What this message may still edit in place must not be shared.
  copy.metadata_ = owns_metadata_ ? copy_table(metadata_, memory_->arena) : metadata_;
  copy.owns_metadata_ = owns_metadata_;
  copy.error_ = error_;
  return copy;
}

Message Message::move_to(BatchMemory& memory) {
  Arena& arena = memory.arena;
  Message moved(memory);
  moved.identity = identity;
  moved.draws = draws;
  moved.collapsed = collapsed;
  moved.response = std::move(response);
  moved.receipt = std::move(receipt);
  moved.place = place;
  moved.bytes_ = arena.copy(bytes());
  moved.bytes_are_json_ = bytes_are_json_;
  if (metadata_ && metadata_->size > 0) {
    moved.metadata_ = &deep_copy(Value::object(metadata_), arena).as_object();
    moved.owns_metadata_ = true;
  }
  if (error_) moved.set_error(*error_);
  *this = Message(*memory_);
  return moved;
}

std::size_t Batch::payload_bytes() const {
  std::size_t total = 0;
  for (const Message& message : messages_) total += message.bytes().size();
  return total;
}

void Batch::encode() {
  for (Message& message : messages_) {
    message.bytes();
    message.share_metadata();
    message.forget_view();
  }
}

Batch Batch::copy() const {
  Batch copy(memory_);
  copy.messages_.reserve(messages_.size());
  for (const Message& message : messages_) copy.messages_.push_back(message.copy());
  return copy;
}

void Batch::resolve(Outcome outcome) {
  for (Message& message : messages_) {
    if (message.receipt) message.receipt.resolve(outcome);
  }
}

void Batch::fail(const Error& error) {
  for (Message& message : messages_) {
    if (message.receipt) message.receipt.fail(error);
  }
}

void ResponseStore::add(const Batch& batch) {
  auto kept = std::make_shared<Batch>();
  for (const Message& message : batch) {
    Message copy = message.copy();
    kept->add(copy.move_to(kept->memory()));
  }
  std::lock_guard lock(lock_);
  batches_.push_back(std::move(kept));
}

std::vector<std::shared_ptr<const Batch>> ResponseStore::take() {
  std::lock_guard lock(lock_);
  return std::exchange(batches_, {});
}

}  // namespace tollgate
