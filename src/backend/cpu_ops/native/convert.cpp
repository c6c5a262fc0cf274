// Maps from float to bfloat16 and back, and the sum of two maps.
#include "pool.hpp"
#include "runtime.hpp"

namespace modnet {
namespace {

constexpr int64_t kBlock = 4096;  // numbers that a thread takes at least

// Calls body(offset, lanes) for every vector of `count` numbers, on all threads.
template <class Body>
void each(int64_t count, const Body& body) {
  parallel_ranges(count, kBlock, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i += kLanes) body(i, std::min<int64_t>(kLanes, end - i));
  });
}

// x of one type -> the same of the other
template <class From>
void convert(const Args& a) {
  using To = std::conditional_t<std::is_same<From, float>::value, Bf16, float>;
  const From* x = a.at<From>(0);
  To* y = a.at<To>(1);
  each(a.size(0), [&](int64_t i, int64_t lanes) { store_some(y + i, load_some(x + i, lanes), lanes); });
}

// a, b -> a + b
template <class T>
void add(const Args& args) {
  const T *a = args.at<T>(0), *b = args.at<T>(1);
  T* y = args.at<T>(2);
  check(args.size(0) == args.size(1), "the maps to add differ in size");
  each(args.size(0), [&](int64_t i, int64_t lanes) {
    store_some(y + i, load_some(a + i, lanes) + load_some(b + i, lanes), lanes);
  });
}

}  // namespace
}  // namespace modnet

MODNET_MAP_OPERATOR(map_convert, modnet::convert, 0)
MODNET_MAP_OPERATOR(map_add, modnet::add, 0)
