// What the forward and the backward pass of the norms share.
//
// The first `bn` channels of a map are batch-normalised and have gamma, beta and moving statistics, the others
// are instance-normalised without affine parameters. Both reduce to one scale and one shift for each picture
// and channel. Sums run over short chunks in float and are added up in double.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "pool.hpp"
#include "runtime.hpp"
#include "vec.hpp"

namespace modnet {

constexpr int64_t kChunkFloats = 8192;  // 32 KB of floats: a chunk is read again from the first-level cache

constexpr int kAtOnce = 4;  // vectors whose sums run side by side

enum Activation { kNone, kRelu, kRelu6 };

// attr: bn, activation, training, epsilon, momentum (share of the old moving statistics that is kept)
struct Setup {
  int64_t n, pixels, channels, bn;
  bool training;
  double epsilon, momentum;
  Vec low, high;
  Tile tile;
  int64_t chunk, chunks;  // pixels in a chunk, chunks in a picture

  Setup(const Args& a, int x, int attr)
      : n(a.dim(x, 0)), pixels(a.dim(x, 1) * a.dim(x, 2)), channels(a.dim(x, 3)), tile(channels) {
    const double* p = static_cast<double*>(a.data[attr]);
    bn = static_cast<int64_t>(p[0]);
    training = p[2] != 0;
    epsilon = p[3];
    momentum = p[4];
    const float infinity = std::numeric_limits<float>::infinity();
    low = broadcast(p[1] == kNone ? -infinity : 0);
    high = broadcast(p[1] == kRelu6 ? 6 : infinity);
    chunk = std::max(tile.reps, kChunkFloats / channels / tile.reps * tile.reps);
    chunks = (pixels + chunk - 1) / chunk;
    check(0 <= bn && bn <= channels, "more batch-normalised channels than channels");
  }
  int64_t chunk_pixels(int64_t i) const { return std::min(chunk, pixels - i * chunk); }

  // Calls body(picture, chunk) for all chunks, on all threads.
  template <class Body>
  void each_chunk(const Body& body) const {
    parallel_ranges(n * chunks, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) body(i / chunks, i % chunks);
    });
  }
};

struct Affine {
  const float *gamma, *beta, *mean, *variance;
};

// The sums of V vectors' columns in `rows` rows, from column v on: what `sum_chunk` calls. Several vectors at once keep
// the multipliers busy while a sum waits for the one before it.
template <int V, class T, class Function>
void sum_columns(const T* x, const T* dy, int64_t rows, int64_t width, int64_t v, float* sums,
                 const Function& function) {
  Vec first[V] = {}, second[V] = {};
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = r * width + v;
#pragma GCC unroll 8
    for (int i = 0; i < V; ++i)
      function(load(x + at + i * kLanes), load(dy + at + i * kLanes), v + i * kLanes, first[i], second[i]);
  }
  for (int i = 0; i < V; ++i) {
    store(sums + v + i * kLanes, first[i]);
    store(sums + width + v + i * kLanes, second[i]);
  }
}

// Sums two functions of up to two maps over a chunk, by channel. `vector` maps (x, dy, row offset) to a pair of
// vectors; the pixels that do not fill a row are copied into a zero-weighted one.
template <class T, class Function>
void sum_chunk(const Setup& s, const T* x, const T* dy, int64_t pixels, float* sums, const Function& function) {
  const int64_t width = s.tile.width, rows = pixels / s.tile.reps, rest = pixels % s.tile.reps * s.channels;
  std::vector<float> row(2 * width);
  int64_t v = 0;
  for (; v + kAtOnce * kLanes <= width; v += kAtOnce * kLanes)
    sum_columns<kAtOnce>(x, dy, rows, width, v, &row[0], function);
  for (; v < width; v += kLanes) sum_columns<1>(x, dy, rows, width, v, &row[0], function);
  if (rest) {
    std::vector<T> tail(2 * width);
    std::copy_n(x + rows * width, rest, tail.begin());
    std::copy_n(dy + rows * width, rest, tail.begin() + width);
    for (v = 0; v < width; v += kLanes) {
      Vec first = {}, second = {};
      function(load(&tail[v]), load(&tail[width + v]), v, first, second);
      for (int64_t i = v; i < std::min(v + kLanes, rest); ++i) row[i] += first[i - v], row[width + i] += second[i - v];
    }
  }
  s.tile.fold(&row[0], sums);
  s.tile.fold(&row[width], sums + s.channels);
}

// Adds the chunks' sums [n, chunks, 2, channels] up: [n, 2, channels].
inline std::vector<double> add_chunks(const Setup& s, const float* sums) {
  const int64_t width = 2 * s.channels;
  std::vector<double> total(s.n * width);
  parallel_ranges(s.n, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t n = begin; n < end; ++n)
      for (int64_t i = 0; i < s.chunks; ++i)
        for (int64_t c = 0; c < width; ++c) total[n * width + c] += sums[(n * s.chunks + i) * width + c];
  });
  return total;
}

// Row patterns of scale a and shift b with which z = a x + b, one row a picture.
inline void scale_and_shift(const Setup& s, const Affine& p, const float* mean, const float* inverse, float* a, float* b) {
  std::vector<float> scale(s.channels), shift(s.channels);
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t c = 0; c < s.channels; ++c) {
      const float factor = inverse[n * s.channels + c] * (c < s.bn ? p.gamma[c] : 1);
      scale[c] = factor;
      shift[c] = (c < s.bn ? p.beta[c] : 0) - mean[n * s.channels + c] * factor;
    }
    s.tile.spread(scale.data(), a + n * s.tile.width);
    s.tile.spread(shift.data(), b + n * s.tile.width);
  }
}

// Calls body(offset, row offset, lanes) for every vector of a chunk; the last ones may have fewer valid lanes.
template <class Body>
void each_vector(const Setup& s, int64_t pixels, const Body& body) {
  const int64_t floats = pixels * s.channels, width = s.tile.width;
  int64_t row = 0;
  for (; row + width <= floats; row += width)
    for (int64_t v = 0; v < width; v += kLanes) body(row + v, v, static_cast<int64_t>(kLanes));
  for (int64_t v = 0; row + v < floats; v += kLanes) body(row + v, v, std::min<int64_t>(kLanes, floats - row - v));
}

}  // namespace modnet
