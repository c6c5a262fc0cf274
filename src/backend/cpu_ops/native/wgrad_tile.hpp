// The inner loop of the weight gradient: outer products summed over pixels, a tile of the result in registers.
#pragma once

#include <cstdint>
#include <utility>

#include "bf16.hpp"

namespace modnet {

// Registers of a tile: kRows[v] patch entries by v vectors of dy.
#if defined(__AVX512F__)
constexpr int kRows[] = {0, 24, 13, 8, 6};
#else
constexpr int kRows[] = {0, 10, 6, 4, 2};
#endif
constexpr int kMaxVectors = 4;

// Rows of the two maps that belong together, of floats or pairs (see bf16.hpp), `steps` long.
template <class E>
struct Run {
  const E *scalars, *vectors;
  int64_t steps;
};

// sum[r][v] += over all runs and steps: scalars[step][r] * vectors[step][v], for R scalars and V vectors.
template <class E, int R, int V>
void tile(const Run<E>* runs, int64_t count, int64_t scalar_at, int64_t scalar_step, int64_t vector_at,
          int64_t vector_step, float* sum, int64_t sum_step) {
  Vec acc[R][V] = {};
  for (int64_t i = 0; i < count; ++i) {
    const E *a = runs[i].scalars + scalar_at, *b = runs[i].vectors + vector_at;
    for (int64_t p = runs[i].steps; p > 0; --p, a += scalar_step, b += vector_step) {
      Vec row[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r) {
        const Vec factor = broadcast(a[r]);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) acc[r][v] = multiply_add(factor, row[v], acc[r][v], a);
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

template <class E>
using TileKernel = decltype(&tile<E, 1, 1>);

template <class E, int V, int... R>
TileKernel<E> pick(int64_t rows, std::integer_sequence<int, R...>) {
  static constexpr TileKernel<E> table[] = {&tile<E, R + 1, V>...};
  return table[rows - 1];
}

template <class E, int V>
TileKernel<E> pick(int64_t rows) {
  return pick<E, V>(rows, std::make_integer_sequence<int, kRows[V]>());
}

template <class E>
TileKernel<E> pick(int64_t rows, int64_t vectors) {
  switch (vectors) {
    case 1: return pick<E, 1>(rows);
    case 2: return pick<E, 2>(rows);
    case 3: return pick<E, 3>(rows);
    default: return pick<E, 4>(rows);
  }
}

// `vectors` of dy in groups of at most kMaxVectors, as even as can be: 5 is 3 + 2, not 4 + 1.
inline int64_t group_of(int64_t vectors) {
  const int64_t groups = (vectors + kMaxVectors - 1) / kMaxVectors;
  return (vectors + groups - 1) / groups;
}

}  // namespace modnet
