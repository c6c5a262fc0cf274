// What the operators share: arguments as the framework hands them over, scratch memory and error reports.
#pragma once

#include <cstdint>
#include <cstdio>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "bf16.hpp"

namespace modnet {

// The arguments of one launch: inputs first, then outputs, in the order of the Python call.
struct Args {
  int count;
  void** data;
  int* ndims;
  int64_t** shapes;
  const char** types;

  // The data of an argument; its type must be the one asked for.
  template <class T>
  T* at(int i) const {
    check_type(i, std::is_same<std::remove_const_t<T>, Bf16>::value);
    return static_cast<T*>(data[i]);
  }
  bool half(int i) const;  // whether an argument is bfloat16
  void check_type(int i, bool half) const;
  float* f(int i) const { return at<float>(i); }
  const int64_t* ints(int i) const { return static_cast<int64_t*>(data[i]); }
  int64_t dim(int i, int axis) const { return shapes[i][axis]; }
  int64_t size(int i) const {
    int64_t n = 1;
    for (int k = 0; k < ndims[i]; ++k) n *= shapes[i][k];
    return n;
  }
};

// A buffer that only grows and is kept between launches: a fresh large block costs more in page faults
// than the operator that fills it. Callers hold `operator_mutex()`.
class Scratch {
 public:
  float* floats(size_t count);
  void* bytes(size_t size);

 private:
  void* data_ = nullptr;
  size_t capacity_ = 0;
};

// Hands freed memory back to the system, at most once in a few seconds. Compiling a graph leaves some hundred
// megabytes in the allocator's free lists, which would stand beside the network's maps for the rest of the run.
void return_free_memory();

// Operators run one at a time: each of them uses all threads, and they share scratch memory.
std::mutex& operator_mutex();

void check(bool condition, const std::string& message);

// Maps are float32 or bfloat16, parameters float32, settings int64 or float64; anything else is refused.
void check_types(int count, const char** types);

// Runs `body`, turning an exception into a message on stderr and a non-zero status for the framework.
template <class Body>
int launch(const char* name, const Body& body) {
  try {
    std::lock_guard<std::mutex> lock(operator_mutex());
    body();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cpu_ops: %s: %s\n", name, error.what());
    return 1;
  }
}

}  // namespace modnet

// Defines the C function that the framework looks up: status 0 is success.
#define MODNET_OPERATOR(name, function)                                                                   \
  extern "C" __attribute__((visibility("default"))) int name(int count, void** data, int* ndims,          \
                                                             int64_t** shapes, const char** types, void*, \
                                                             void*) {                                     \
    return modnet::launch(#name, [&] {                                                                    \
      modnet::check_types(count, types);                                                                  \
      (function)(modnet::Args{count, data, ndims, shapes, types});                                                 \
    });                                                                                                   \
  }

// The same for a template of the maps' type, which is that of the argument `map`.
#define MODNET_MAP_OPERATOR(name, function, map)                                                      \
  MODNET_OPERATOR(name, [](const modnet::Args& a) {                                                   \
    return a.half(map) ? function<modnet::Bf16>(a) : function<float>(a);                              \
  })
