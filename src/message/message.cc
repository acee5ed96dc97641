#include "message/message.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "value/json.h"

namespace tollgate {

namespace {

/// The bytes of `payload`, in `arena`.
std::string_view written(const LazyPayload& payload, Arena& arena) {
  thread_local std::string buffer;
  buffer.clear();
  payload.append(buffer, arena);
  const auto text = arena.copy(buffer);
  if (buffer.capacity() > (1u << 20)) buffer = {};
  return text;
}

/// The JSON of `document` in `arena`; nothing if it has none.
std::string_view written_json(Value document, Arena& arena) {
  return print_json(document, arena, arena);
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
  if (!has_bytes_) {
    bytes_ = encode(memory_->arena);
    bytes_are_json_ = !lazy_ && !bytes_.empty() && !document_.is_text();
    has_bytes_ = true;
  }
  return bytes_;
}

/// The bytes of a message that has none yet, in `arena` or where the text of the document is.
std::string_view Message::encode(Arena& arena) const {
  if (lazy_) return written(*lazy_, arena);
  if (!has_document_) return {};
  return document_.is_text() ? document_.as_text() : written_json(document_, arena);
}

Value Message::document() {
  if (!has_document_) {
    const Value made = static_cast<const Message*>(this)->document(memory_->arena);
    if (made.is_error()) return made;
    document_ = made;
    has_document_ = true;
  }
  return document_;
}

Value Message::document(Arena& scratch) const {
  if (has_document_) return document_;
  return lazy_ ? lazy_->document(scratch) : parse_payload(bytes_, scratch);
}

void Message::set_bytes(std::string_view bytes) {
  bytes_ = bytes;
  has_bytes_ = true;
  bytes_are_json_ = false;
  lazy_ = nullptr;
  has_document_ = false;
  document_ = {};
}

void Message::set_document(Value document) {
  document_ = document;
  has_document_ = true;
  has_bytes_ = false;
  bytes_are_json_ = false;
  bytes_ = {};
  lazy_ = nullptr;
}

void Message::set_lazy(const LazyPayload& payload) {
  set_document({});
  has_document_ = false;
  lazy_ = &payload;
}

void Message::set_json(std::string_view json) {
  set_bytes(json);
  bytes_are_json_ = !json.empty();
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
  if (!lazy_) return;
  lazy_ = nullptr;
  document_ = {};
  has_document_ = false;
}

Message Message::copy() const {
  Message copy(*memory_, *this);
  copy.own_metadata_table();
  return copy;
}

/// What the other message may still edit in place must not be shared.
void Message::own_metadata_table() {
  if (owns_metadata_) metadata_ = copy_table(metadata_, memory_->arena);
}

/// Leaves what lives in the memory of the other message but its metadata and error.
void Message::leave_payload() {
  Arena& arena = memory_->arena;
  if (has_bytes_ || document_.is_text()) {
    bytes_ = arena.copy(has_bytes_ ? bytes_ : document_.as_text());
  } else {
    bytes_ = encode(arena);
    bytes_are_json_ = !lazy_ && !bytes_.empty();
  }
  has_bytes_ = true;
}

/// Leaves the rest, the payload being bytes that stay.
void Message::leave_facts() {
  lazy_ = nullptr;
  document_ = {};
  has_document_ = false;
  owns_metadata_ = metadata_ && metadata_->size > 0;
  if (owns_metadata_) {
    metadata_ = &deep_copy(Value::object(metadata_), memory_->arena).as_object();
  } else {
    metadata_ = nullptr;
  }
  if (error_) set_error(*error_);
}

Message Message::move_to(BatchMemory& memory) {
  Message moved(memory, *this);
  moved.leave_payload();
  moved.leave_facts();
  moved.receipt = std::move(receipt);
  *this = Message(*memory_);
  return moved;
}

Message& Batch::add_twin(const Message& message) {
  Message& twin = messages_.emplace_back(*memory_, message);
  twin.own_metadata_table();
  return twin;
}

Message& Batch::add_copy(const Message& message) {
  Message& copy = messages_.emplace_back(*memory_, message);
  copy.leave_payload();
  copy.leave_facts();
  return copy;
}

Message& Batch::add_view(const Message& message) {
  Message& view = messages_.emplace_back(*memory_, message);
  view.leave_facts();
  return view;
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
  for (const Message& message : messages_) copy.add_twin(message);
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
  for (const Message& message : batch) kept->add_copy(message);
  std::lock_guard lock(lock_);
  batches_.push_back(std::move(kept));
}

std::vector<std::shared_ptr<const Batch>> ResponseStore::take() {
  std::lock_guard lock(lock_);
  return std::exchange(batches_, {});
}

}  // namespace tollgate
