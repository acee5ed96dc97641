#include "message/message.h"

#include <gmock/gmock.h>

#include <limits>
#include <map>
#include <random>
#include <set>

namespace tollgate {
namespace {

std::string text_of(const Message& message, std::string_view key) {
  const Value* value = message.metadata(key);
  return value ? std::string(value->as_text()) : "(none)";
}

Value object_of(Arena& arena, std::string_view key, Value value) {
  Object* object = make_object(arena);
  object->set(key, value, arena);
  return Value::object(object);
}

TEST(Identity, ChildrenAreDistinctAndRepeatable) {
  const Identity root{1, 2, true};
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen{{root.high, root.low}};
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Identity child = root.child(i);
    EXPECT_TRUE(child.derived);
    EXPECT_TRUE(child.is_set());
    EXPECT_TRUE(seen.emplace(child.high, child.low).second);
    EXPECT_EQ(root.child(i).high, child.high);
    EXPECT_TRUE(seen.emplace(child.child(0).high, child.child(0).low).second);
  }
  EXPECT_FALSE(Identity{}.child(3).is_set());
}

TEST(Identity, RandomOnesDiffer) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (int i = 0; i < 2000; ++i) {
    const Identity identity = Identity::random();
    EXPECT_FALSE(identity.derived);
    EXPECT_TRUE(seen.emplace(identity.high, identity.low).second);
  }
}

TEST(Message, HasNoPayloadAtFirst) {
  Batch batch;
  Message& message = batch.add();
  EXPECT_FALSE(message.has_bytes());
  EXPECT_FALSE(message.has_document());
  EXPECT_EQ(message.metadata(), nullptr);
  EXPECT_EQ(message.metadata("x"), nullptr);
  EXPECT_EQ(message.error(), nullptr);
  EXPECT_EQ(message.bytes(), "");
  EXPECT_TRUE(message.document().is_error());
}

TEST(Message, ParsesBytesOnceAndKeepsBoth) {
  Batch batch;
  Message& message = batch.add();
  message.set_bytes(R"({"b":1,"a":"x"})");
  EXPECT_FALSE(message.has_document());
  ASSERT_TRUE(message.document().is(Kind::object));
  EXPECT_TRUE(message.has_document());
  EXPECT_EQ(message.document().as_object().find("a", batch.arena())->as_text(), "x");
  EXPECT_EQ(message.bytes(), R"({"b":1,"a":"x"})");
}

TEST(Message, ParsesInScratchWithoutKeeping) {
  Batch batch;
  Message& message = batch.add();
  message.set_bytes("[1,2]");
  Arena scratch;
  EXPECT_TRUE(std::as_const(message).document(scratch).is(Kind::array));
  EXPECT_FALSE(message.has_document());
}

TEST(Message, BytesThatAreNoJsonGiveAnErrorAndStay) {
  Batch batch;
  Message& message = batch.add();
  message.set_bytes("nope");
  EXPECT_TRUE(message.document().is_error());
  EXPECT_FALSE(message.has_document());
  EXPECT_EQ(message.bytes(), "nope");
}

TEST(Message, EncodesItsDocumentWithSortedKeys) {
  Batch batch;
  Message& message = batch.add();
  Object* object = make_object(batch.arena());
  object->set("z", Value::int64(1), batch.arena());
  object->set("a", Value::string("\n"), batch.arena());
  message.set_document(Value::object(object));
  EXPECT_FALSE(message.has_bytes());
  EXPECT_EQ(message.bytes(), R"({"a":"\n","z":1})");
  EXPECT_TRUE(message.has_bytes());
}

TEST(Message, TextDocumentsAreTheirBytes) {
  Batch batch;
  Message& message = batch.add();
  message.set_document(Value::string("plain \"text\""));
  EXPECT_EQ(message.bytes(), "plain \"text\"");
  message.set_document(Value::bytes("\x01\xff"));
  EXPECT_EQ(message.bytes(), "\x01\xff");
}

TEST(Message, ADocumentWithoutJsonFormGivesNoBytes) {
  Batch batch;
  Message& message = batch.add();
  message.set_document(
      object_of(batch.arena(), "x", Value::float64(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_EQ(message.bytes(), "");
}

TEST(Message, TheNewestPayloadWins) {
  Batch batch;
  Message& message = batch.add();
  message.set_bytes("[1]");
  message.document();
  message.set_bytes("[1,2]");
  EXPECT_EQ(message.document().as_array().size, 2u);
  message.set_document(Value::int64(5));
  EXPECT_EQ(message.bytes(), "5");
}

TEST(Message, FlagsErrors) {
  Batch batch;
  Message& message = batch.add();
  std::string text = "went wrong";
  message.set_error({.text = text, .source_label = "l", .has_source = true});
  text.assign(text.size(), 'x');
  EXPECT_EQ(message.error()->text, "went wrong");
  EXPECT_EQ(message.error()->source_label, "l");
  message.clear_error();
  EXPECT_EQ(message.error(), nullptr);
}

TEST(Metadata, IsCopiedAndSorted) {
  Batch batch;
  Message& message = batch.add();
  std::string key = "b", value = "1";
  message.set_metadata(key, Value::string(value));
  key = "x";
  value = "9";
  message.set_metadata("a", Value::string("0"));
  message.set_metadata("a", Value::string("2"));
  ASSERT_EQ(message.metadata()->size, 2u);
  EXPECT_EQ(message.metadata()->items[0].key, "a");
  EXPECT_EQ(text_of(message, "a"), "2");
  EXPECT_EQ(text_of(message, "b"), "1");
  message.erase_metadata("a");
  message.erase_metadata("missing");
  EXPECT_EQ(text_of(message, "a"), "(none)");
}

TEST(Metadata, ChangesOfACopyStayThere) {
  Batch batch;
  Message& original = batch.add();
  original.set_metadata("k", Value::string("old"));
  Message copy = original.copy();
  copy.set_metadata("k", Value::string("new"));
  copy.set_metadata("more", Value::string("1"));
  EXPECT_EQ(text_of(original, "k"), "old");
  EXPECT_EQ(original.metadata()->size, 1u);
  EXPECT_EQ(text_of(copy, "k"), "new");
}

/// The original made its table itself; a copy that shares it must not see later changes.
TEST(Metadata, ChangesOfTheOriginalDoNotReachItsCopies) {
  Batch batch;
  Message original(batch.memory());
  original.set_metadata("k", Value::string("old"));
  const Message copy = original.copy();
  original.set_metadata("k", Value::string("new"));
  original.set_metadata("more", Value::string("1"));
  EXPECT_EQ(text_of(copy, "k"), "old");
  EXPECT_EQ(copy.metadata()->size, 1u);
  original.erase_metadata("k");
  EXPECT_EQ(text_of(copy, "k"), "old");
}

TEST(Metadata, ErasingInACopyLeavesTheOriginal) {
  Batch batch;
  Message& original = batch.add();
  original.set_metadata("k", Value::string("old"));
  Message copy = original.copy();
  copy.erase_metadata("k");
  EXPECT_EQ(copy.metadata()->size, 0u);
  EXPECT_EQ(text_of(original, "k"), "old");
}

/// Several messages may be given one table (a resource's attributes): it never changes.
TEST(Metadata, ASharedTableIsNeverWritten) {
  Batch batch;
  Object* table = make_object(batch.arena());
  table->set("k", Value::string("shared"), batch.arena());
  for (int i = 0; i < 2; ++i) batch.add().set_all_metadata(table);
  batch[0].set_metadata("k", Value::string("mine"));
  batch[0].erase_metadata("k");
  EXPECT_EQ(table->size, 1u);
  EXPECT_EQ(text_of(batch[1], "k"), "shared");
  batch[1].set_all_metadata(nullptr);
  EXPECT_EQ(text_of(batch[1], "k"), "(none)");
}

/// Random edits of messages and copies of them, against maps.
TEST(Metadata, RandomEditsMatchTheModel) {
  std::mt19937 random(7);
  Batch batch;
  std::vector<std::map<std::string, std::string>> model(1);
  batch.add();
  for (int step = 0; step < 5000; ++step) {
    const std::size_t at = random() % batch.size();
    const std::string key(1, static_cast<char>('a' + random() % 12));
    const std::string value = std::to_string(step);
    if (random() % 10 == 0 && batch.size() < 40) {
      Message copy = batch[at].copy();
      batch.add(std::move(copy));
      model.push_back(model[at]);
    } else if (random() % 3 == 0) {
      batch[at].erase_metadata(key);
      model[at].erase(key);
    } else {
      batch[at].set_metadata(key, Value::string(value));
      model[at][key] = value;
    }
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    std::map<std::string, std::string> actual;
    if (const Object* table = batch[i].metadata()) {
      for (std::uint32_t m = 0; m < table->size; ++m) {
        actual.emplace(table->items[m].key, table->items[m].value.as_text());
      }
    }
    EXPECT_EQ(actual, model[i]) << i;
  }
}

TEST(Message, CopiesEverythingButTheReceipt) {
  Batch batch;
  Message& message = batch.add();
  int done = 0;
  message.receipt = std::move(Transaction::open(1, [&](TransactionResult) { ++done; })[0]);
  message.set_bytes("[1]");
  message.set_error("bad");
  message.identity = {1, 2, true};
  message.draws = 3;
  message.collapsed = 4;
  const Message copy = message.copy();
  EXPECT_FALSE(copy.receipt);
  EXPECT_EQ(copy.bytes(), "[1]");
  EXPECT_EQ(copy.error()->text, "bad");
  EXPECT_EQ(copy.identity.low, 2u);
  EXPECT_EQ(copy.draws, 3u);
  EXPECT_EQ(copy.collapsed, 4u);
  message.receipt.resolve(Outcome::delivered);
  EXPECT_EQ(done, 1);
}

TEST(Message, MovesIntoOtherMemory) {
  auto source = std::make_unique<Batch>();
  int done = 0;
  Message& message = source->add();
  message.receipt = std::move(Transaction::open(1, [&](TransactionResult) { ++done; })[0]);
  message.set_document(object_of(source->arena(), "k", Value::string("v")));
  message.set_metadata("m", object_of(source->arena(), "deep", Value::string("x")));
  message.set_error({.text = "bad", .source_path = "root.p", .has_source = true});
  message.identity = {1, 2, true};
  message.collapsed = 7;

  Batch target;
  target.add(message.move_to(target.memory()));
  EXPECT_FALSE(message.receipt);
  EXPECT_FALSE(message.has_bytes());
  EXPECT_FALSE(message.has_document());
  EXPECT_EQ(message.metadata(), nullptr);
  EXPECT_EQ(message.error(), nullptr);
  source.reset();

  Message& moved = target[0];
  EXPECT_EQ(moved.bytes(), R"({"k":"v"})");
  EXPECT_EQ(moved.metadata("m")->as_object().find("deep", target.arena())->as_text(), "x");
  EXPECT_EQ(moved.error()->source_path, "root.p");
  EXPECT_EQ(moved.identity.high, 1u);
  EXPECT_EQ(moved.collapsed, 7u);
  EXPECT_EQ(&moved.memory(), &target.memory());
  moved.receipt.resolve(Outcome::delivered);
  EXPECT_EQ(done, 1);
}

TEST(Batch, CopiesAndViewsOutliveTheirSource) {
  auto source = std::make_unique<Batch>();
  Message& message = source->add();
  message.set_bytes(source->arena().copy("payload"));
  message.set_metadata("m", object_of(source->arena(), "deep", Value::string("x")));
  message.set_error({.text = "bad", .source_path = "root.p", .has_source = true});
  message.identity = {1, 2, true};
  message.draws = 3;
  Batch target;
  target.memory().retained.push_back(source->shared_memory());
  target.add_view(message);
  Batch alone;
  alone.add_copy(message);
  source.reset();
  alone.add_twin(alone[0]);
  for (const Batch* batch : {&target, &alone}) {
    for (const Message& copy : *batch) {
      EXPECT_EQ(copy.bytes(), "payload");
      EXPECT_EQ(&copy.memory(), &batch->memory());
      EXPECT_EQ(copy.metadata("m")->as_object().find("deep", batch->arena())->as_text(), "x");
      EXPECT_EQ(copy.error()->source_path, "root.p");
      EXPECT_EQ(copy.identity.low, 2u);
      EXPECT_EQ(copy.draws, 3u);
    }
  }
  alone[1].set_metadata("m", Value::string("other"));
  EXPECT_TRUE(alone[0].metadata("m")->is(Kind::object));
}

TEST(Batch, EncodesAndCountsPayloads) {
  Batch batch;
  batch.add().set_bytes("12345");
  batch.add().set_document(Value::int64(10));
  batch.encode();
  EXPECT_EQ(std::as_const(batch).payload_bytes(), 7u);
}

TEST(Batch, CopiesShareTheMemory) {
  Batch batch;
  batch.add().set_bytes("a");
  batch.add().set_bytes("b");
  const Batch copy = batch.copy();
  EXPECT_EQ(&copy.memory(), &batch.memory());
  ASSERT_EQ(copy.size(), 2u);
  EXPECT_EQ(copy[1].bytes(), "b");
}

TEST(Batch, ResolvesWhatIsLeft) {
  TransactionResult result;
  auto receipts = Transaction::open(3, [&](TransactionResult r) { result = std::move(r); });
  Batch batch;
  for (Receipt& receipt : receipts) batch.add().receipt = std::move(receipt);
  batch.add();  // without a receipt
  batch[1].receipt.resolve(Outcome::filtered);
  batch.resolve(Outcome::delivered);
  EXPECT_EQ(result.count[static_cast<std::size_t>(Outcome::delivered)], 2u);
  EXPECT_EQ(result.records, 3u);
}

TEST(Batch, FailsWhatIsLeft) {
  TransactionResult result;
  auto receipts = Transaction::open(2, [&](TransactionResult r) { result = std::move(r); });
  Batch batch;
  for (Receipt& receipt : receipts) batch.add().receipt = std::move(receipt);
  batch.fail(Error(Fault::transient, "down"));
  ASSERT_EQ(result.failures.size(), 2u);
  EXPECT_EQ(result.failures[1].error.message(), "down");
}

TEST(ResponseStore, KeepsCopiesThatOutliveTheBatch) {
  ResponseStore store;
  {
    Batch batch;
    batch.add().set_document(Value::string("answer"));
    batch[0].set_metadata("status", Value::string("201"));
    store.add(batch);
  }
  const auto batches = store.take();
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ((*batches[0])[0].bytes(), "answer");
  EXPECT_EQ(text_of((*batches[0])[0], "status"), "201");
  EXPECT_TRUE(store.take().empty());
}

}  // namespace
}  // namespace tollgate
