// sort and sort_by.

#include <algorithm>

#include "bloblang/functions/catalogue.h"
#include "bloblang/functions/pair.h"

namespace tollgate::bloblang {
namespace {

/// Up to here elements are inserted one by one, as in the incumbent: it decides which pair of
/// elements is complained about.
constexpr std::size_t kInsertUpTo = 12;

/// Sorts `order`, positions of elements. Stable, and bounded whatever `less` answers.
/// `less(i, j)` gets indexes into `order`.
template <typename Less>
void insertion_sort(std::span<std::uint32_t> order, Less less) {
  for (std::size_t i = 1; i < order.size(); ++i) {
    for (std::size_t j = i; j > 0 && less(j, j - 1); --j) std::swap(order[j], order[j - 1]);
  }
}

/// `comes_first(a, b)` gets positions of elements.
template <typename ComesFirst>
void merge_sort(std::span<std::uint32_t> order, std::span<std::uint32_t> scratch,
                ComesFirst& comes_first) {
  if (order.size() <= kInsertUpTo) {
    return insertion_sort(order,
                          [&](std::size_t i, std::size_t j) {
                            return comes_first(order[i], order[j]);
                          });
  }
  const std::size_t half = order.size() / 2;
  merge_sort(order.first(half), scratch.first(half), comes_first);
  merge_sort(order.subspan(half), scratch.subspan(half), comes_first);
  std::copy(order.begin(), order.end(), scratch.begin());
  std::size_t left = 0, right = half;
  for (std::uint32_t& place : order) {
    const bool take_right =
        right < order.size() && (left == half || comes_first(scratch[right], scratch[left]));
    place = scratch[take_right ? right++ : left++];
  }
}

/// Order of an array while it is sorted, and the first problem that came up.
class Sorter {
 public:
  Sorter(Call& call, const Array& array) : call_(call), array_(array) {
    auto* memory = call.arena().allocate_array<std::uint32_t>(array.size * std::size_t{2});
    order_ = {memory, array.size};
    scratch_ = {memory + array.size, array.size};
    for (std::uint32_t i = 0; i < array.size; ++i) order_[i] = i;
  }

  /// `less(a, b, i, j)`: elements a and b, which are at i and j now; true, false or an error.
  template <typename Less>
  Value sort(Less less) {
    Value problem;
    const auto ask = [&](std::uint32_t a, std::uint32_t b, std::size_t i, std::size_t j) {
      if (problem.is_error()) return false;
      const Value answer = less(a, b, i, j);
      if (answer.is_error()) problem = answer;
      return answer.is(Kind::boolean) && answer.as_boolean();
    };
    if (order_.size() <= kInsertUpTo) {
      insertion_sort(order_, [&](std::size_t i, std::size_t j) {
        return ask(order_[i], order_[j], i, j);
      });
    } else {
      auto comes_first = [&](std::uint32_t a, std::uint32_t b) { return ask(a, b, a, b); };
      merge_sort(order_, scratch_, comes_first);
    }
    if (problem.is_error()) return problem;
    Array* const sorted = make_array(call_.arena(), order_.size());
    for (const std::uint32_t at : order_) sorted->items[sorted->size++] = array_.items[at];
    return Value::array(sorted);
  }

 private:
  Call& call_;
  const Array& array_;
  std::span<std::uint32_t> order_, scratch_;
};

/// Whether the key of element i is before that of element j: both numbers, or both texts.
template <typename Fail>
Value compare_keys(Call& call, Value left, Value right, std::size_t i, std::size_t j, Fail fail) {
  if (left.is_number()) {
    const auto a = as_number(left), b = as_number(right);
    if (!a) return fail(call.type_error(left, "number"), i);
    if (!b) return fail(call.type_error(right, "number"), j);
    return Value::boolean(*a < *b);
  }
  if (left.is_text()) {
    const auto b = as_string(right, call.arena());
    if (!b) return fail(call.type_error(right, "string"), j);
    return Value::boolean(left.as_text() < *b);
  }
  return fail(call.type_error(left, "number", "string"), i);
}

Value sort(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.name_target(call.type_error(target, "array"));
  const Array& array = target.as_array();
  Sorter sorter(call, array);
  if (call.has_query(0)) {
    Query query(call, 0);
    return sorter.sort([&](std::uint32_t a, std::uint32_t b, std::size_t, std::size_t) {
      const Value answer = query(pair_object(call.arena(), {"left", array.items[a]},
                                             {"right", array.items[b]}));
      if (answer.is_error() || answer.is(Kind::boolean)) return answer;
      return bloblang::type_error(call.run(), answer, {"bool"}, "sort argument");
    });
  }
  const auto fail = [&](Value error, std::size_t at) {
    return call.prefix(error, "sort element ", std::to_string(at), ": ");
  };
  return sorter.sort([&](std::uint32_t a, std::uint32_t b, std::size_t i, std::size_t j) {
    return compare_keys(call, array.items[a], array.items[b], i, j, fail);
  });
}

Value sort_by(Call& call, Value target) {
  if (!target.is(Kind::array)) return call.name_target(call.type_error(target, "array"));
  const Array& array = target.as_array();
  Query query(call, 0);
  Value* const keys = call.arena().allocate_array<Value>(array.size);
  if (array.size > 1) {  // a single element is not even looked at
    for (std::uint32_t i = 0; i < array.size; ++i) keys[i] = query(array.items[i]);
  }
  const auto fail = [&](Value error, std::size_t at) {
    return call.prefix(call.name_query(0, error), "sort_by element ", std::to_string(at), ": ");
  };
  return Sorter(call, array)
      .sort([&](std::uint32_t a, std::uint32_t b, std::size_t i, std::size_t j) {
        if (keys[a].is_error()) return keys[a];
        if (keys[b].is_error()) return keys[b];
        return compare_keys(call, keys[a], keys[b], i, j, fail);
      });
}

constinit const Function kEntries[] = {
    {.name = "sort",
     .category = Category::object_array,
     .parameters = {{"compare", Type::query,
                     "Whether left comes before right, of an object of both.", Need::optional}},
     .errors = Function::Errors::as_given,
     .call = sort,
     .description = "The array in ascending order: all numbers, all strings, or anything that a "
                    "query can compare.",
     .examples = {{.mapping = "root.n = this.n.sort()",
                   .cases = {{R"({"n":[3,1,2]})", R"({"n":[1,2,3]})"}}},
                  {.summary = "In descending order.",
                   .mapping = "root.n = this.n.sort(pair -> pair.left > pair.right)",
                   .cases = {{R"({"n":[3,1,2]})", R"({"n":[3,2,1]})"}}}}},
    {.name = "sort_by",
     .category = Category::object_array,
     .parameters = {{"query", Type::query, "What to sort an element by."}},
     .errors = Function::Errors::as_given,
     .call = sort_by,
     .description = "The array in ascending order of what a query makes of each element.",
     .examples = {{.mapping = "root.users = this.users.sort_by(user -> user.age)",
                   .cases = {{R"({"users":[{"age":9},{"age":3}]})",
                              R"({"users":[{"age":3},{"age":9}]})"}}}}},
};

}  // namespace

constinit const std::span<const Function> kSortMethods = kEntries;

}  // namespace tollgate::bloblang
