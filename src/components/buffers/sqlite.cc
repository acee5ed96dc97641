// sqlite: keeps batches in an SQLite database, a row each, acknowledging them once the row is
// committed with a full sync.
//
// Two threads with a connection each: one commits what waits (new rows and finished ones) in one
// transaction; the pump's reads rows, runs post_processors and hands the results on. A row goes
// when all that came of it is settled.

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "component/buffer_pump.h"
#include "component/build_context.h"
#include "component/resource.h"
#include "journal/batch_codec.h"

namespace tollgate {
namespace {

// Configuration -----------------------------------------------------------------------------------

struct Config {
  std::string path;
  std::optional<std::vector<ChildProcessor>> pre_processors, post_processors;
  std::int64_t max_bytes = std::int64_t{4} << 30;
};

const Schema<Config>& schema() {
  static const Schema<Config> fields{
      required("path", &Config::path,
               "The path of the database file; made if it does not exist."),
      field("pre_processors", &Config::pre_processors,
            "Processors for messages before they are stored, for example to compress them."),
      field("post_processors", &Config::post_processors,
            "Processors for messages after they are read, for example to decompress them."),
      field("max_bytes", &Config::max_bytes,
            "The most bytes of stored batches. Beyond it senders are told to wait.")
          .advanced(),
  };
  return fields;
}

void check(const Config& config, const Node& body, ReadContext& context) {
  if (config.max_bytes >= 1) return;
  context.error(body["max_bytes"].position(), "max_bytes must be at least 1");
}

// The database ------------------------------------------------------------------------------------

class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  ~Statement() { sqlite3_finalize(statement_); }
  sqlite3_stmt* get() const { return statement_; }

 private:
  sqlite3_stmt* statement_;
};

/// One connection. One thread at a time.
class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::string& path) {
    // SQLite would make the file for everybody to read.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return transient(fmt::format("{} cannot be opened for writing", path));
    ::close(fd);
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(
        path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    std::unique_ptr<Database> database(new Database(handle));
    if (code != SQLITE_OK) return database->failure("opening");
    sqlite3_busy_timeout(handle, 5000);
    TRY(database->run("PRAGMA journal_mode = WAL"));
    TRY(database->run("PRAGMA synchronous = FULL"));
    TRY(database->run("CREATE TABLE IF NOT EXISTS tollgate_batches ("
                      "id INTEGER PRIMARY KEY AUTOINCREMENT, content BLOB NOT NULL)"));
    return database;
  }
  Database(const Database&) = delete;
  ~Database() { sqlite3_close_v2(handle_); }

  Result<> run(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure(sql);
    return {};
  }
  Result<Statement> prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr) != SQLITE_OK) {
      return failure(sql);
    }
    return Statement(statement);
  }
  std::unexpected<Error> failure(std::string_view doing) const {
    return transient(fmt::format("sqlite: {}: {}", doing, sqlite3_errmsg(handle_)));
  }

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* const handle_;
};

struct Row {
  std::int64_t id = 0;
  std::string content;
};

Result<std::optional<Row>> read_row(Database& database, std::int64_t after) {
  const auto statement = TRY(
      database.prepare("SELECT id, content FROM tollgate_batches WHERE id > ? ORDER BY id LIMIT 1"));
  sqlite3_bind_int64(statement.get(), 1, after);
  const int code = sqlite3_step(statement.get());
  if (code == SQLITE_DONE) return std::optional<Row>();
  if (code != SQLITE_ROW) return database.failure("reading a batch");
  Row row;
  row.id = sqlite3_column_int64(statement.get(), 0);
  if (const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement.get(), 1))) {
    row.content.assign(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement.get(), 1)));
  }
  return std::optional(std::move(row));
}

Result<std::uint64_t> stored_bytes(Database& database) {
  const auto statement =
      TRY(database.prepare("SELECT COALESCE(SUM(LENGTH(content)), 0) FROM tollgate_batches"));
  if (sqlite3_step(statement.get()) != SQLITE_ROW) return database.failure("counting");
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement.get(), 0));
}

// Implementation ----------------------------------------------------------------------------------

/// What the threads and the rows under way share.
struct Shared {
  struct Waiting {
    std::string content;
    std::unique_ptr<HeldReceipts> held;
  };
  struct Finished {
    std::int64_t row;
    std::uint64_t bytes;
  };

  std::mutex lock;
  std::condition_variable changed;
  std::vector<Waiting> waiting;    // lock; to be stored
  std::vector<Finished> finished;  // lock; to be removed
  std::uint64_t bytes = 0;         // lock; stored and waiting
  bool committing = false;         // lock
  bool closed = false;             // lock; no more writes
  bool ending = false;             // lock; nothing will be committed any more

  void row_ended(const Finished& row, const TransactionResult& result) {
    // What fails is tried again for ever, so that only the end of the process fails a row: it is
    // read again by the next one.
    if (!result.ok()) return;
    std::lock_guard hold(lock);
    finished.push_back(row);
    changed.notify_all();
  }
};

class SqliteBuffer final : public Buffer, public BufferPump::Source {
 public:
  SqliteBuffer(Config config, const std::vector<ProcessorFactory>& pre,
               const std::vector<ProcessorFactory>& post, BuildContext& context)
      : config_(std::move(config)),
        logger_(context.logger()),
        before_(pre),
        after_(post),
        shared_(std::make_shared<Shared>()),
        metrics_(context) {}

  ~SqliteBuffer() override {
    stop();
    {
      std::lock_guard lock(shared_->lock);
      shared_->ending = true;
    }
    shared_->changed.notify_all();
    if (writer_.joinable()) writer_.join();  // it wakes the pump
    pump_.reset();
  }

  Result<> start(Intake& downstream) override {
    writing_ = TRY(Database::open(config_.path));
    reading_ = TRY(Database::open(config_.path));
    shared_->bytes = TRY(stored_bytes(*reading_));
    metrics_.set_downstream(downstream);
    BufferPump::Options pumping;
    pumping.max_bytes_under_way = std::uint64_t{64} << 20;
    pump_ = std::make_unique<BufferPump>(*this, metrics_, logger_, pumping);
    writer_ = std::thread([this] { write_rows(); });
    pump_->start();
    return {};
  }

  Result<> write(Batch batch) override {
    std::vector<Batch> batches;
    TRY(before_.process(std::move(batch), batches));  // it failed its receipts
    for (Batch& each : batches) {
      if (!each.empty()) TRY(store(std::move(each)));
    }
    return {};
  }

  void end_of_input() override { pump_->end_of_input(); }

  // What waits is stored; what is stored and not handed on yet waits for the next start.
  void stop() override {
    {
      std::lock_guard lock(shared_->lock);
      shared_->closed = true;
    }
    if (pump_) pump_->stop();
  }

 private:
  Result<> store(Batch batch) {
    batch.encode();
    Shared::Waiting row;
    append_batch(row.content, batch);
    row.held = std::make_unique<HeldReceipts>(take_receipts(batch));
    HeldReceipts& held = *row.held;
    const auto size = row.content.size();
    const auto most = static_cast<std::uint64_t>(config_.max_bytes);
    Result<> refused;
    {
      std::lock_guard lock(shared_->lock);
      if (shared_->closed) {
        refused = cancelled("the buffer is closed");
      } else if (size > most) {
        refused = invalid(fmt::format("a batch of {} bytes never fits in the buffer", size));
      } else if (shared_->bytes + size > most) {
        refused = transient("the buffer is full");
      } else {
        shared_->bytes += size;
        shared_->waiting.push_back(std::move(row));
        shared_->changed.notify_all();
        return {};
      }
    }
    settle_stored(held, refused);
    if (refused.error().fault() == Fault::transient) return {};  // the sender's to wait for
    return refused;
  }

  // The writing thread: everything that waits goes into one transaction.
  void write_rows() {
    Shared& shared = *shared_;
    std::unique_lock lock(shared.lock);
    while (true) {
      shared.changed.wait(lock, [&] {
        return shared.ending || !shared.waiting.empty() || !shared.finished.empty();
      });
      auto rows = std::exchange(shared.waiting, {});
      auto finished = std::exchange(shared.finished, {});
      if (rows.empty() && finished.empty()) return;
      shared.committing = true;
      lock.unlock();
      const auto stored = commit(rows, finished);
      if (!stored) {
        (void)writing_->run("ROLLBACK");
        logger_.error("nothing can be stored: {}", stored.error().message());
      }
      std::uint64_t given_back = 0;
      for (Shared::Waiting& row : rows) {
        if (stored) metrics_.count_received(row.held->receipts.size());
        settle_stored(*row.held, stored);
        if (!stored) given_back += row.content.size();
      }
      if (stored && !rows.empty()) pump_->wake();
      lock.lock();
      shared.committing = false;
      if (stored) {
        for (const auto& row : finished) given_back += row.bytes;
      } else {
        std::ranges::move(finished, std::back_inserter(shared.finished));
        if (shared.ending) return;
        shared.changed.wait_for(lock, std::chrono::milliseconds(500),
                                [&] { return shared.ending; });
      }
      shared.bytes -= given_back;
    }
  }

  Result<> commit(const std::vector<Shared::Waiting>& rows,
                  const std::vector<Shared::Finished>& finished) {
    TRY(writing_->run("BEGIN IMMEDIATE"));
    const auto insert =
        TRY(writing_->prepare("INSERT INTO tollgate_batches (content) VALUES (?)"));
    for (const auto& row : rows) {
      sqlite3_bind_blob64(insert.get(), 1, row.content.data(), row.content.size(), SQLITE_STATIC);
      if (sqlite3_step(insert.get()) != SQLITE_DONE) return writing_->failure("storing a batch");
      sqlite3_reset(insert.get());
    }
    const auto remove = TRY(writing_->prepare("DELETE FROM tollgate_batches WHERE id = ?"));
    for (const auto& row : finished) {
      sqlite3_bind_int64(remove.get(), 1, row.row);
      if (sqlite3_step(remove.get()) != SQLITE_DONE) return writing_->failure("removing a batch");
      sqlite3_reset(remove.get());
    }
    return writing_->run("COMMIT");
  }

  bool idle() const override {
    std::lock_guard lock(shared_->lock);
    return shared_->waiting.empty() && !shared_->committing;
  }

  Result<std::optional<StoredBatch>> next() override {
    while (made_.empty()) {
      auto row = TRY(read_row(*reading_, last_read_));
      if (!row) return std::optional<StoredBatch>();
      last_read_ = row->id;
      make_of(std::move(*row));
    }
    std::optional<StoredBatch> oldest(std::move(made_.front()));
    made_.pop_front();
    return oldest;
  }

  void make_of(Row row) {
    const Shared::Finished kept{row.id, row.content.size()};
    auto batch = decode_batch(std::make_shared<const std::string>(std::move(row.content)));
    if (!batch) {
      logger_.error("row {} of {} stays undelivered: {}", row.id, config_.path,
                    batch.error().message());
      return;
    }
    auto receipts = Transaction::open(
        static_cast<std::uint32_t>(batch->size()),
        [shared = shared_, kept](const TransactionResult& result) {
          shared->row_ended(kept, result);
        });
    for (std::size_t i = 0; i < batch->size(); ++i) (*batch)[i].receipt = std::move(receipts[i]);
    std::vector<Batch> results;
    if (auto run = after_.process(std::move(*batch), results); !run) {
      logger_.error("row {} of {}: post_processors: {}", row.id, config_.path,
                    run.error().message());
    }
    for (Batch& each : results) {
      if (each.empty()) continue;
      each.encode();
      std::string content;
      append_batch(content, each);
      auto held = std::make_shared<HeldReceipts>(take_receipts(each));
      made_.push_back({.content = std::make_shared<const std::string>(std::move(content)),
                       .messages = static_cast<std::uint32_t>(each.size()),
                       .settled = {},
                       .settle =
                           [held](std::span<const std::uint32_t> messages) {
                             for (const auto i : messages) {
                               if (Receipt& receipt = held->receipts[i]) {
                                 receipt.resolve(Outcome::delivered);
                               }
                             }
                           },
                       .unreadable = [](const Error&) {}});
    }
  }

  const Config config_;
  const Logger logger_;
  ProcessorChain before_;  // writing side: one thread
  ProcessorChain after_;   // the pump's thread
  const std::shared_ptr<Shared> shared_;
  BufferMetrics metrics_;
  std::unique_ptr<Database> writing_, reading_;  // by their threads
  std::int64_t last_read_ = 0;                   // the pump's thread
  std::deque<StoredBatch> made_;                 // the pump's thread; of rows that were read
  std::unique_ptr<BufferPump> pump_;
  std::thread writer_;
};

Result<std::unique_ptr<Buffer>> make(Config config, BuildContext& context) {
  std::vector<ProcessorFactory> pre, post;
  if (config.pre_processors) {
    pre = TRY(context.processors("pre_processors", *config.pre_processors));
  }
  if (config.post_processors) {
    post = TRY(context.processors("post_processors", *config.post_processors));
  }
  return std::make_unique<SqliteBuffer>(std::move(config), pre, post, context);
}

}  // namespace

// Registration ------------------------------------------------------------------------------------

extern constinit const BufferType sqlite_buffer;
constinit const BufferType sqlite_buffer = component_type<schema, make, check>({
    .name = "sqlite",
    .categories = "Utility",
    .summary = "Keeps messages in an SQLite database and acknowledges them once they are committed.",
    .description = R"md(
A batch is a row, removed when everything that came of it is delivered. What fails is tried again
message by message; after the end of the process a row that was delivered in part is delivered as a
whole, with the same identities. The table is `tollgate_batches`: rows that another program left in
the same file are neither read nor removed. The `journal` buffer does the same, faster.
)md",
});

}  // namespace tollgate
