// SIMD in the compiler's own vector types: the widest that the target has, no intrinsics, any number of channels.
#pragma once

#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

namespace modnet {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(4 * kLanes)));

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof(v)); }
inline Vec broadcast(float x) { return x - Vec{}; }  // minus zero is a no-op for the compiler; plus zero is not
inline Vec clamp(Vec v, Vec low, Vec high) {
  v = v > low ? v : low;
  return v < high ? v : high;
}

// A map of C channels seen as rows of whole vectors: where C is no multiple of the vector's width, a row is
// the smallest number of pixels (`reps`) that is. Per-channel numbers are repeated to a row's length.
struct Tile {
  int64_t channels, reps, width;

  explicit Tile(int64_t c) : channels(c), reps(kLanes / std::gcd<int64_t>(c, kLanes)), width(reps * c) {}

  void spread(const float* per_channel, float* row) const {
    for (int64_t r = 0; r < reps; ++r) std::memcpy(row + r * channels, per_channel, channels * sizeof(float));
  }
  // Adds a row's entries up by channel.
  void fold(const float* row, float* per_channel) const {
    for (int64_t c = 0; c < channels; ++c) {
      float sum = 0;
      for (int64_t r = 0; r < reps; ++r) sum += row[r * channels + c];
      per_channel[c] = sum;
    }
  }
};

}  // namespace modnet
