#include "runtime.hpp"

#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <new>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace modnet {

void* Scratch::bytes(size_t size) {
  if (size <= capacity_) return data_;
  std::free(data_);
  data_ = nullptr;
  capacity_ = 0;
  constexpr size_t kHugePage = size_t{1} << 21;
  const size_t align = size < kHugePage ? 4096 : kHugePage;
  const size_t rounded = (size + align - 1) / align * align;
  data_ = std::aligned_alloc(align, rounded);
  if (!data_) throw std::bad_alloc();
  if (align == kHugePage) madvise(data_, rounded, MADV_HUGEPAGE);  // a hint: fewer page faults where it is heeded
  capacity_ = rounded;
  return data_;
}

float* Scratch::floats(size_t count) { return static_cast<float*>(bytes(count * sizeof(float))); }

void return_free_memory() {
#if defined(__GLIBC__)
  using Clock = std::chrono::steady_clock;
  static Clock::time_point next{};
  if (Clock::now() < next) return;
  malloc_trim(0);
  next = Clock::now() + std::chrono::seconds(5);
#endif
}

std::mutex& operator_mutex() {
  static std::mutex* mutex = new std::mutex();
  return *mutex;
}

void check(bool condition, const std::string& message) {
  if (!condition) throw std::runtime_error(message);
}

bool Args::half(int i) const { return types && std::string(types[i]) == "bfloat16"; }

void Args::check_type(int i, bool half) const {
  if (half == this->half(i)) return;
  check(false, "argument " + std::to_string(i) + " is " + (types ? types[i] : "float32") + ", expected " +
                   (half ? "bfloat16" : "float32"));
}

void check_types(int count, const char** types) {
  for (int i = 0; types && i < count; ++i) {
    const std::string type = types[i];
    check(type == "float32" || type == "bfloat16" || type == "int64" || type == "float64",
          "argument " + std::to_string(i) + " is " + type + ", but these operators take float32 and bfloat16");
  }
}

}  // namespace modnet

// 1 where the CPU multiplies bfloat16, so that maps of it are faster than those of float.
extern "C" __attribute__((visibility("default"))) int modnet_has_bf16() { return modnet::kHasBf16; }
