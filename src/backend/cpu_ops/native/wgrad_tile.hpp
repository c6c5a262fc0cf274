// The inner loop of the weight gradient: outer products summed over pixels, a tile of the result in registers.
#pragma once

#include <cstdint>
#include <utility>

#include "vec.hpp"

namespace modnet {

// Registers of a tile: kRows[v] patch entries by v vectors of dy.
#if defined(__AVX512F__)
constexpr int kRows[] = {0, 24, 13, 8, 6};
#else
constexpr int kRows[] = {0, 10, 6, 4, 2};
#endif
constexpr int kMaxVectors = 4;

// Rows of the two maps that belong together, `pixels` long.
struct Run {
  const float *scalars, *vectors;
  int64_t pixels;
};

// sum[r][v] += over all runs and pixels: scalars[pixel][r] * vectors[pixel][v], for R scalars and V vectors.
template <int R, int V>
void tile(const Run* runs, int64_t count, int64_t scalar_at, int64_t scalar_step, int64_t vector_at,
          int64_t vector_step, float* sum, int64_t sum_step) {
  Vec acc[R][V] = {};
  for (int64_t i = 0; i < count; ++i) {
    const float *a = runs[i].scalars + scalar_at, *b = runs[i].vectors + vector_at;
    for (int64_t p = runs[i].pixels; p > 0; --p, a += scalar_step, b += vector_step) {
      Vec row[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r) {
        const Vec factor = broadcast(a[r]);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) acc[r][v] += factor * row[v];
      }
    }
  }
#pragma GCC unroll 32
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      float* to = sum + r * sum_step + v * kLanes;
      store(to, load(to) + acc[r][v]);
    }
}

using TileKernel = decltype(&tile<1, 1>);

template <int V, int... R>
TileKernel pick(int64_t rows, std::integer_sequence<int, R...>) {
  static constexpr TileKernel table[] = {&tile<R + 1, V>...};
  return table[rows - 1];
}

template <int V>
TileKernel pick(int64_t rows) {
  return pick<V>(rows, std::make_integer_sequence<int, kRows[V]>());
}

inline TileKernel pick(int64_t rows, int64_t vectors) {
  switch (vectors) {
    case 1: return pick<1>(rows);
    case 2: return pick<2>(rows);
    case 3: return pick<3>(rows);
    default: return pick<4>(rows);
  }
}

// `vectors` of dy in groups of at most kMaxVectors, as even as can be: 5 is 3 + 2, not 4 + 1.
inline int64_t group_of(int64_t vectors) {
  const int64_t groups = (vectors + kMaxVectors - 1) / kMaxVectors;
  return (vectors + groups - 1) / groups;
}

}  // namespace modnet
