#include "net/grpc_call.h"

#include <utility>

namespace tollgate {
namespace grpc_server_detail {

void Mailbox::post(Answer answer) {
  bool wake_up = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    answers_.push_back(std::move(answer));
    wake_up = std::exchange(sleeping_, false);
  }
  if (wake_up) wakeup_.notify();
}

void Mailbox::wake() { wakeup_.notify(); }

void Mailbox::take(std::vector<Answer>& answers) {
  std::lock_guard lock(mutex_);
  answers.swap(answers_);
}

bool Mailbox::fall_asleep() {
  std::lock_guard lock(mutex_);
  sleeping_ = answers_.empty();
  return sleeping_;
}

void Mailbox::awake() {
  std::lock_guard lock(mutex_);
  sleeping_ = false;
}

void Mailbox::close() {
  std::vector<Answer> late;
  std::lock_guard lock(mutex_);
  closed_ = true;
  late.swap(answers_);
}

void CallState::answer(std::string response, std::unique_ptr<GrpcFailure> failure) {
  unsigned char expected = open;
  if (!phase.compare_exchange_strong(expected, answered)) return;
  std::move_only_function<void()> unused;
  {
    std::lock_guard lock(mutex);
    unused = std::exchange(callback, nullptr);
  }
  mailbox->post({connection, stream, std::move(response), std::move(failure)});
}

void CallState::cancel() {
  unsigned char expected = open;
  if (!phase.compare_exchange_strong(expected, cancelled)) return;
  std::move_only_function<void()> wanted;
  {
    std::lock_guard lock(mutex);
    wanted = std::exchange(callback, nullptr);
  }
  if (wanted) wanted();
}

void CallState::on_cancel(std::move_only_function<void()> wanted) {
  {
    std::lock_guard lock(mutex);
    if (phase.load() == open) {
      callback = std::move(wanted);
      return;
    }
  }
  if (phase.load() == cancelled && wanted) wanted();
}

}  // namespace grpc_server_detail

using grpc_server_detail::CallState;

GrpcReply::GrpcReply(std::shared_ptr<CallState> state) : state_(std::move(state)) {}

GrpcReply::~GrpcReply() {
  if (state_) fail(GrpcStatus::unavailable, "the server gave up the call without an answer");
}

GrpcReply& GrpcReply::operator=(GrpcReply&& other) {
  if (this != &other) {
    GrpcReply old(std::move(*this));
    state_ = std::move(other.state_);
  }
  return *this;
}

void GrpcReply::ok(std::string response) {
  if (auto state = std::exchange(state_, nullptr)) state->answer(std::move(response), nullptr);
}

void GrpcReply::fail(GrpcFailure failure) {
  if (auto state = std::exchange(state_, nullptr)) {
    state->answer({}, std::make_unique<GrpcFailure>(std::move(failure)));
  }
}

void GrpcReply::fail(GrpcStatus status, std::string message,
                     std::optional<std::chrono::milliseconds> retry_delay) {
  fail(GrpcFailure{status, std::move(message), retry_delay});
}

bool GrpcReply::cancelled() const {
  return state_ && state_->phase.load(std::memory_order_relaxed) == CallState::cancelled;
}

void GrpcReply::on_cancel(std::move_only_function<void()> callback) {
  if (state_) state_->on_cancel(std::move(callback));
}

std::optional<std::string_view> GrpcMetadata::find(std::string_view name) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto [key, value] = at(i);
    if (key == name) return value;
  }
  return std::nullopt;
}

void GrpcMetadata::add(std::string_view name, std::string_view value) {
  Entry entry{static_cast<std::uint32_t>(text_.size()),
              static_cast<std::uint32_t>(text_.size() + name.size()),
              static_cast<std::uint32_t>(text_.size() + name.size() + value.size())};
  text_.append(name).append(value);
  entries_.push_back(entry);
}

std::pair<std::string_view, std::string_view> GrpcMetadata::at(std::size_t index) const {
  const auto& entry = entries_[index];
  std::string_view text = text_;
  return {text.substr(entry.name, entry.value - entry.name),
          text.substr(entry.value, entry.end - entry.value)};
}

}  // namespace tollgate
