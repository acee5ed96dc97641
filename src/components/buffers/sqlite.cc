// sqlite: keeps batches in an SQLite database, a row each, acknowledging them once the row is
// committed with a full sync.
//
// Two threads with a connection each: one commits what waits (new rows and finished ones) in one
// transaction, one reads rows, runs post_processors and hands the results on. A row goes when all
// of it is settled; of what failed only the failed messages are handed on again.

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "component/build_context.h"
#include "component/intake_tools.h"
#include "component/resource.h"
#include "journal/batch_codec.h"
#include "net/backoff.h"

namespace tollgate {
namespace {

using Clock = std::chrono::steady_clock;

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
  if (config.max_bytes < 1) context.error(body["max_bytes"].position(), "max_bytes must be at least 1");
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

struct Metrics {
  explicit Metrics(BuildContext& context)
      : received(context.counter("buffer_received")),
        batches_received(context.counter("buffer_batch_received")),
        sent(context.counter("buffer_sent")),
        batches_sent(context.counter("buffer_batch_sent")),
        latency(context.timer("buffer_latency_ns")) {}

  Counter &received, &batches_received, &sent, &batches_sent;
  Timer& latency;
};

/// What both threads and the deliveries share.
struct Shared {
  struct Waiting {
    std::string content;
    std::unique_ptr<HeldReceipts> held;
  };
  /// Results of a row, or what failed of them, with the receipts of the row's messages.
  struct Kept {
    Batch batch;
    std::shared_ptr<HeldReceipts> held;
    std::shared_ptr<Backoff> backoff;
  };

  explicit Shared(Metrics made) : metrics(made) {}

  const Metrics metrics;
  std::mutex lock;
  std::condition_variable changed;
  std::vector<Waiting> waiting;                      // lock; to be stored
  std::vector<std::pair<std::int64_t, std::uint64_t>> finished;  // lock; rows to be removed, bytes
  std::multimap<Clock::time_point, std::shared_ptr<Kept>> again;  // lock; failed, by when
  std::uint64_t bytes = 0;        // lock; stored and waiting
  std::uint64_t under_way = 0;    // lock; bytes of rows read and not finished
  std::uint64_t rows = 0;         // lock; read and not finished
  bool committing = false;        // lock
  bool news = true;               // lock; there may be rows to read
  bool input_ended = false;       // lock
  bool closed = false;            // lock; no more writes, no more deliveries
  bool ending = false;            // lock; nothing will be committed any more

  void row_ended(std::int64_t id, std::uint64_t size, const TransactionResult& result) {
    std::lock_guard hold(lock);
    // Failed messages are tried again for ever, so that only the end of the process fails them.
    if (result.ok()) finished.emplace_back(id, size);
    under_way -= size;
    --rows;
    changed.notify_all();
  }

  void settle(const std::shared_ptr<Kept>& kept, const TransactionResult& result) {
    auto failed = std::make_shared<Kept>();
    failed->batch = Batch(kept->batch.shared_memory());
    std::vector<Receipt> receipts;
    const bool matches = result.records == kept->batch.size();
    for (std::uint32_t i = 0; i < kept->batch.size(); ++i) {
      Receipt& receipt = kept->held->receipts[i];
      if (const Outcome outcome = outcome_of(result, matches ? i : 0); outcome != Outcome::failed) {
        if (receipt) receipt.resolve(outcome);
        continue;
      }
      failed->batch.add(std::move(kept->batch[i]));
      receipts.push_back(std::move(receipt));
    }
    if (failed->batch.empty()) return;
    failed->held = std::make_shared<HeldReceipts>(std::move(receipts));
    failed->backoff = kept->backoff;
    if (!failed->backoff) {
      failed->backoff = std::make_shared<Backoff>(Backoff::Options{
          .initial = std::chrono::milliseconds(100), .max = std::chrono::seconds(5)});
    }
    const auto due = Clock::now() + failed->backoff->next().value_or(std::chrono::seconds(5));
    std::lock_guard hold(lock);
    again.emplace(due, std::move(failed));
    changed.notify_all();
  }
};

class SqliteBuffer final : public Buffer {
 public:
  SqliteBuffer(Config config, const std::vector<ProcessorFactory>& pre,
               const std::vector<ProcessorFactory>& post, Logger logger, Metrics metrics)
      : config_(std::move(config)),
        logger_(std::move(logger)),
        before_(pre),
        after_(post),
        shared_(std::make_shared<Shared>(metrics)) {}

  ~SqliteBuffer() override {
    stop();
    {
      std::lock_guard lock(shared_->lock);
      shared_->ending = true;
    }
    shared_->changed.notify_all();
    if (writer_.joinable()) writer_.join();
    // What was to be tried again is in its row still.
    decltype(shared_->again) abandoned;
    {
      std::lock_guard lock(shared_->lock);
      abandoned.swap(shared_->again);
    }
  }

  Result<> start(Intake& downstream) override {
    downstream_ = &downstream;
    writing_ = TRY(Database::open(config_.path));
    reading_ = TRY(Database::open(config_.path));
    shared_->bytes = TRY(stored_bytes(*reading_));
    writer_ = std::thread([this] { write_rows(); });
    reader_ = std::thread([this] { read_rows(); });
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

  void end_of_input() override {
    std::lock_guard lock(shared_->lock);
    shared_->input_ended = true;
    shared_->changed.notify_all();
  }

  void stop() override {
    {
      std::lock_guard lock(shared_->lock);
      shared_->closed = true;
    }
    shared_->changed.notify_all();
    if (reader_.joinable()) reader_.join();
  }

 private:
  static constexpr std::uint64_t kMostUnderWay = std::uint64_t{64} << 20;

  static void settle(HeldReceipts& held, const Result<>& stored,
                     Refusal refusal = Refusal::none) {
    for (Receipt& receipt : held.receipts) {
      if (!receipt) continue;
      stored ? receipt.resolve(Outcome::delivered) : receipt.fail(stored.error(), refusal);
    }
  }

  Result<> store(Batch batch) {
    batch.encode();
    Shared::Waiting row;
    append_batch(row.content, batch);
    row.held = std::make_unique<HeldReceipts>(take_receipts(batch));
    const auto size = row.content.size();
    Shared& shared = *shared_;
    std::unique_lock lock(shared.lock);
    const auto most = static_cast<std::uint64_t>(config_.max_bytes);
    Result<> refused;
    if (shared.closed) {
      refused = cancelled("the buffer is closed");
    } else if (size > most) {
      refused = invalid(fmt::format("a batch of {} bytes never fits in the buffer", size));
    } else if (shared.bytes + size > most) {
      refused = transient("the buffer is full");
    }
    if (!refused) {
      lock.unlock();
      const Fault fault = refused.error().fault();
      settle(*row.held, refused, fault == Fault::invalid ? Refusal::size : Refusal::none);
      if (fault == Fault::transient) return {};
      return refused;
    }
    shared.bytes += size;
    shared.metrics.received.add_count(batch.size());
    shared.metrics.batches_received.add_count(1);
    shared.waiting.push_back(std::move(row));
    shared.changed.notify_all();
    return {};
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
        settle(*row.held, stored);
        if (!stored) given_back += row.content.size();
      }
      lock.lock();
      shared.committing = false;
      if (stored) {
        for (const auto& [id, size] : finished) given_back += size;
      } else {
        std::ranges::move(finished, std::back_inserter(shared.finished));
        if (shared.ending) return;
        shared.changed.wait_for(lock, std::chrono::milliseconds(500),
                                [&] { return shared.ending; });
      }
      shared.bytes -= given_back;
      shared.news |= !rows.empty();
      shared.changed.notify_all();
    }
  }

  Result<> commit(const std::vector<Shared::Waiting>& rows,
                  const std::vector<std::pair<std::int64_t, std::uint64_t>>& finished) {
    TRY(writing_->run("BEGIN IMMEDIATE"));
    const auto insert =
        TRY(writing_->prepare("INSERT INTO tollgate_batches (content) VALUES (?)"));
    for (const auto& row : rows) {
      sqlite3_bind_blob64(insert.get(), 1, row.content.data(), row.content.size(), SQLITE_STATIC);
      if (sqlite3_step(insert.get()) != SQLITE_DONE) return writing_->failure("storing a batch");
      sqlite3_reset(insert.get());
    }
    const auto remove = TRY(writing_->prepare("DELETE FROM tollgate_batches WHERE id = ?"));
    for (const auto& [id, size] : finished) {
      sqlite3_bind_int64(remove.get(), 1, id);
      if (sqlite3_step(remove.get()) != SQLITE_DONE) return writing_->failure("removing a batch");
      sqlite3_reset(remove.get());
    }
    return writing_->run("COMMIT");
  }

  // The reading thread.
  void read_rows() {
    Shared& shared = *shared_;
    bool told_exhausted = false;
    std::unique_lock lock(shared.lock);
    while (!shared.closed) {
      if (!shared.again.empty() && shared.again.begin()->first <= Clock::now()) {
        auto kept = std::move(shared.again.begin()->second);
        shared.again.erase(shared.again.begin());
        lock.unlock();
        hand_on(std::move(kept));
        lock.lock();
      } else if (shared.news && (shared.rows == 0 || shared.under_way < kMostUnderWay)) {
        shared.news = false;
        lock.unlock();
        const bool more = read_next();
        lock.lock();
        shared.news |= more;
      } else if (!shared.news && shared.input_ended && shared.waiting.empty() &&
                 !shared.committing && (!told_exhausted || shared.rows == 0)) {
        if (shared.rows == 0 && told_exhausted) break;
        told_exhausted = true;
        lock.unlock();
        downstream_->exhausted();
        lock.lock();
      } else if (shared.again.empty()) {
        shared.changed.wait_for(lock, std::chrono::seconds(1));
      } else {
        shared.changed.wait_until(lock, shared.again.begin()->first);
      }
    }
    if (shared.closed) return;
    lock.unlock();
    downstream_->ended();
  }

  bool read_next() {
    auto row = read_row(*reading_, last_read_);
    if (!row) {
      logger_.error("{}", row.error().message());
      std::unique_lock lock(shared_->lock);
      shared_->changed.wait_for(lock, std::chrono::seconds(1), [this] { return shared_->closed; });
      return true;
    }
    if (!*row) return false;
    last_read_ = (*row)->id;
    const auto size = (*row)->content.size();
    auto batch = decode_batch(std::make_shared<const std::string>(std::move((*row)->content)));
    if (!batch) {
      logger_.error("row {} of {} stays undelivered: {}", last_read_, config_.path,
                    batch.error().message());
      return true;
    }
    {
      std::lock_guard lock(shared_->lock);
      shared_->under_way += size;
      ++shared_->rows;
    }
    auto receipts = Transaction::open(
        static_cast<std::uint32_t>(batch->size()),
        [shared = shared_, id = last_read_, size](const TransactionResult& result) {
          shared->row_ended(id, size, result);
        });
    for (std::size_t i = 0; i < batch->size(); ++i) (*batch)[i].receipt = std::move(receipts[i]);
    std::vector<Batch> results;
    if (auto run = after_.process(std::move(*batch), results); !run) {
      logger_.error("post_processors: {}", run.error().message());
    }
    for (Batch& each : results) {
      if (each.empty()) continue;
      each.encode();
      auto kept = std::make_shared<Shared::Kept>();
      kept->held = std::make_shared<HeldReceipts>(take_receipts(each));
      kept->batch = std::move(each);
      hand_on(std::move(kept));
    }
    return true;
  }

  void hand_on(std::shared_ptr<Shared::Kept> kept) {
    const Shared::Kept& what = *kept;
    shared_->metrics.sent.add_count(what.batch.size());
    shared_->metrics.batches_sent.add_count(1);
    Delivery delivery = Delivery::of(
        detached(what.batch), [shared = shared_, kept = std::move(kept),
                               start = Clock::now()](const TransactionResult& result) {
          shared->metrics.latency.record(Clock::now() - start);
          shared->settle(kept, result);
        });
    (void)downstream_->submit(std::move(delivery));  // untaken: its row is read again next time
  }

  const Config config_;
  const Logger logger_;
  ProcessorChain before_;  // writing side: one thread
  ProcessorChain after_;   // reading thread
  const std::shared_ptr<Shared> shared_;
  Intake* downstream_ = nullptr;
  std::unique_ptr<Database> writing_, reading_;  // by their threads
  std::int64_t last_read_ = 0;                   // reading thread
  std::thread writer_, reader_;
};

Result<std::unique_ptr<Buffer>> make(Config config, BuildContext& context) {
  std::vector<ProcessorFactory> pre, post;
  if (config.pre_processors) {
    pre = TRY(context.processors("pre_processors", *config.pre_processors));
  }
  if (config.post_processors) {
    post = TRY(context.processors("post_processors", *config.post_processors));
  }
  return std::make_unique<SqliteBuffer>(std::move(config), pre, post, context.logger(),
                                        Metrics(context));
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
