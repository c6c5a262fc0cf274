// Batch norm, instance norm and both side by side (IBNorm), with ReLU or ReLU6 and a shortcut, on NHWC maps.
//
// The first `bn` channels are batch-normalised and have gamma, beta and moving statistics, the others are
// instance-normalised without affine parameters. Both reduce to one scale and one shift for each picture and
// channel, so one pass applies them all. Sums run over short chunks in float (of differences from the chunk's
// first pixel, against cancellation) and are put together in double.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pool.hpp"
#include "runtime.hpp"
#include "vec.hpp"

namespace modnet {
namespace {

constexpr int64_t kChunkFloats = 8192;  // 32 KB: a chunk is read again from the first-level cache

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

// Sums two functions of up to two maps over a chunk, by channel. `vector` maps (x, dy, row offset) to a pair of
// vectors; the pixels that do not fill a row are copied into a zero-weighted one.
template <class Function>
void sum_chunk(const Setup& s, const float* x, const float* dy, int64_t pixels, float* sums, const Function& function) {
  const int64_t width = s.tile.width, rows = pixels / s.tile.reps, rest = pixels % s.tile.reps * s.channels;
  std::vector<float> row(2 * width);
  for (int64_t v = 0; v < width; v += kLanes) {
    Vec first = {}, second = {};
    for (int64_t r = 0; r < rows; ++r) function(load(x + r * width + v), load(dy + r * width + v), v, first, second);
    store(&row[v], first);
    store(&row[width + v], second);
  }
  if (rest) {
    std::vector<float> tail(2 * width);
    std::copy_n(x + rows * width, rest, tail.begin());
    std::copy_n(dy + rows * width, rest, tail.begin() + width);
    for (int64_t v = 0; v < width; v += kLanes) {
      Vec first = {}, second = {};
      function(load(&tail[v]), load(&tail[width + v]), v, first, second);
      for (int64_t i = v; i < std::min(v + kLanes, rest); ++i) row[i] += first[i - v], row[width + i] += second[i - v];
    }
  }
  s.tile.fold(&row[0], sums);
  s.tile.fold(&row[width], sums + s.channels);
}

struct Moments {
  double count = 0, mean = 0, m2 = 0;
  // Chan, Golub, LeVeque 1979: joins the moments of two sets.
  void add(double n, double other_mean, double other_m2) {
    const double delta = other_mean - mean, total = count + n;
    mean += delta * n / total;
    m2 += other_m2 + delta * delta * count * n / total;
    count = total;
  }
};

// Mean and sum of squared deviations of every picture and channel: [n * channels].
std::vector<Moments> moments(const Setup& s, const float* x) {
  static Scratch& scratch = *new Scratch();
  float* sums = scratch.floats(s.n * s.chunks * 2 * s.channels);
  s.each_chunk([&](int64_t n, int64_t i) {
    const float* data = x + (n * s.pixels + i * s.chunk) * s.channels;
    std::vector<float> shift(s.tile.width);
    s.tile.spread(data, shift.data());
    sum_chunk(s, data, data, s.chunk_pixels(i), sums + (n * s.chunks + i) * 2 * s.channels,
              [&](Vec v, Vec, int64_t at, Vec& first, Vec& second) {
                const Vec d = v - load(&shift[at]);
                first += d;
                second += d * d;
              });
  });
  std::vector<Moments> result(s.n * s.channels);
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t i = 0; i < s.chunks; ++i) {
      const float* shift = x + (n * s.pixels + i * s.chunk) * s.channels;
      const float* sum = sums + (n * s.chunks + i) * 2 * s.channels;
      const double count = static_cast<double>(s.chunk_pixels(i));
      for (int64_t c = 0; c < s.channels; ++c) {
        const double d = sum[c], q = sum[s.channels + c];
        result[n * s.channels + c].add(count, shift[c] + d / count, q - d * d / count);
      }
    }
  return result;
}

struct Affine {
  const float *gamma, *beta, *mean, *variance;
};

// Fills mean and 1/std of every picture and channel, and the new moving statistics.
void statistics(const Setup& s, const float* x, const Affine& p, float* mean, float* inverse, float* new_mean,
                float* new_variance) {
  std::vector<Moments> m;
  if (s.training || s.bn < s.channels) m = moments(s, x);
  for (int64_t c = 0; c < s.channels; ++c) {
    Moments all;
    if (c < s.bn && !s.training) all = {1, p.mean[c], p.variance[c]};
    if (c < s.bn && s.training)
      for (int64_t n = 0; n < s.n; ++n) all.add(s.pixels, m[n * s.channels + c].mean, m[n * s.channels + c].m2);
    for (int64_t n = 0; n < s.n; ++n) {
      const Moments& one = c < s.bn ? all : m[n * s.channels + c];
      mean[n * s.channels + c] = static_cast<float>(one.mean);
      inverse[n * s.channels + c] = static_cast<float>(1 / std::sqrt(one.m2 / one.count + s.epsilon));
    }
    if (c >= s.bn) continue;
    const double keep = s.training ? s.momentum : 1, unbiased = all.m2 / std::max(all.count - 1, 1.0);
    new_mean[c] = static_cast<float>(keep * p.mean[c] + (1 - keep) * all.mean);
    new_variance[c] = static_cast<float>(keep * p.variance[c] + (1 - keep) * unbiased);
  }
  if (!s.bn) new_mean[0] = p.mean[0], new_variance[0] = p.variance[0];  // a placeholder: nothing is batch-normalised
}

// Row patterns of scale a and shift b with which z = a x + b, one row a picture.
void scale_and_shift(const Setup& s, const Affine& p, const float* mean, const float* inverse, float* a, float* b) {
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
  for (int64_t row = 0; row < floats; row += width)
    for (int64_t v = 0; v < width && row + v < floats; v += kLanes)
      body(row + v, v, std::min<int64_t>(kLanes, floats - row - v));
}

inline Vec load_some(const float* p, int64_t lanes) {
  if (lanes == kLanes) return load(p);
  Vec v = {};
  std::memcpy(&v, p, lanes * sizeof(float));
  return v;
}
inline void store_some(float* p, Vec v, int64_t lanes) { std::memcpy(p, &v, lanes * sizeof(float)); }

// x, gamma, beta, moving mean, moving variance, [shortcut], attr -> y, mean, 1/std, new moving mean and variance
void forward(const Args& args) {
  const bool shortcut = args.count == 12;
  const int out = args.count - 5;
  const Setup s(args, 0, out - 1);
  const Affine p{args.f(1), args.f(2), args.f(3), args.f(4)};
  const float *x = args.f(0), *add = shortcut ? args.f(5) : nullptr;
  float *y = args.f(out), *mean = args.f(out + 1), *inverse = args.f(out + 2);
  statistics(s, x, p, mean, inverse, args.f(out + 3), args.f(out + 4));
  std::vector<float> a(s.n * s.tile.width), b(s.n * s.tile.width);
  scale_and_shift(s, p, mean, inverse, a.data(), b.data());
  s.each_chunk([&](int64_t n, int64_t i) {
    const int64_t at = (n * s.pixels + i * s.chunk) * s.channels;
    const float *scale = &a[n * s.tile.width], *shift = &b[n * s.tile.width];
    each_vector(s, s.chunk_pixels(i), [&](int64_t k, int64_t v, int64_t lanes) {
      Vec z = clamp(load_some(x + at + k, lanes) * load(scale + v) + load(shift + v), s.low, s.high);
      if (add) z += load_some(add + at + k, lanes);
      store_some(y + at + k, z, lanes);
    });
  });
}

inline Vec passed(const Setup& s, Vec x, Vec dy, const float* scale, const float* shift, int64_t v) {
  const Vec z = x * load(scale + v) + load(shift + v);
  const Vec zero = {};
  dy = z > s.low ? dy : zero;
  return z < s.high ? dy : zero;
}

// dy, x, gamma, beta, mean, 1/std, attr -> dx, dgamma, dbeta
void backward(const Args& args) {
  static Scratch& scratch = *new Scratch();
  const Setup s(args, 1, 6);
  const Affine p{args.f(2), args.f(3), nullptr, nullptr};
  const float *dy = args.f(0), *x = args.f(1), *mean = args.f(4), *inverse = args.f(5);
  float *dx = args.f(7), *dgamma = args.f(8), *dbeta = args.f(9);
  const int64_t width = s.tile.width;
  std::vector<float> a(s.n * width), b(s.n * width), centre(s.n * width), slope(s.n * width), level(s.n * width);
  scale_and_shift(s, p, mean, inverse, a.data(), b.data());
  for (int64_t n = 0; n < s.n; ++n) s.tile.spread(mean + n * s.channels, &centre[n * width]);

  // Sums of g and g (x - mean) by picture and channel, where g = dy behind the activation.
  float* sums = scratch.floats(s.n * s.chunks * 2 * s.channels);
  s.each_chunk([&](int64_t n, int64_t i) {
    const int64_t at = (n * s.pixels + i * s.chunk) * s.channels;
    const float *scale = &a[n * width], *shift = &b[n * width], *middle = &centre[n * width];
    sum_chunk(s, x + at, dy + at, s.chunk_pixels(i), sums + (n * s.chunks + i) * 2 * s.channels,
              [&](Vec value, Vec gradient, int64_t v, Vec& first, Vec& second) {
                const Vec g = passed(s, value, gradient, scale, shift, v);
                first += g;
                second += g * (value - load(middle + v));
              });
  });
  std::vector<double> total(s.n * 2 * s.channels);
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t i = 0; i < s.chunks; ++i)
      for (int64_t c = 0; c < 2 * s.channels; ++c)
        total[n * 2 * s.channels + c] += sums[(n * s.chunks + i) * 2 * s.channels + c];

  // dx = a (g - mean(g) - xhat mean(g xhat)) written as a g + slope x + level.
  std::vector<float> slopes(s.n * s.channels), levels(s.n * s.channels);
  if (!s.bn) dgamma[0] = dbeta[0] = 0;
  for (int64_t c = 0; c < s.channels; ++c) {
    double g_all = 0, gx_all = 0;
    for (int64_t n = 0; n < s.n; ++n) {
      g_all += total[n * 2 * s.channels + c];
      gx_all += total[n * 2 * s.channels + s.channels + c];
    }
    if (c < s.bn) {
      dgamma[c] = static_cast<float>(gx_all * inverse[c]);
      dbeta[c] = static_cast<float>(g_all);
    }
    for (int64_t n = 0; n < s.n; ++n) {
      const int64_t k = n * s.channels + c;
      const double count = static_cast<double>(s.pixels) * (c < s.bn ? s.n : 1);
      const double g = (c < s.bn ? g_all : total[n * 2 * s.channels + c]) / count;
      const double gx = (c < s.bn ? gx_all : total[n * 2 * s.channels + s.channels + c]) / count;
      const double factor = c < s.bn && !s.training ? 0 : a[n * width + c], r = inverse[k];
      slopes[k] = static_cast<float>(-factor * gx * r * r);
      levels[k] = static_cast<float>(factor * (mean[k] * gx * r * r - g));
    }
  }
  for (int64_t n = 0; n < s.n; ++n) {
    s.tile.spread(&slopes[n * s.channels], &slope[n * width]);
    s.tile.spread(&levels[n * s.channels], &level[n * width]);
  }
  s.each_chunk([&](int64_t n, int64_t i) {
    const int64_t at = (n * s.pixels + i * s.chunk) * s.channels;
    const float *scale = &a[n * width], *shift = &b[n * width], *k1 = &slope[n * width], *k0 = &level[n * width];
    each_vector(s, s.chunk_pixels(i), [&](int64_t k, int64_t v, int64_t lanes) {
      const Vec value = load_some(x + at + k, lanes);
      const Vec g = passed(s, value, load_some(dy + at + k, lanes), scale, shift, v);
      store_some(dx + at + k, g * load(scale + v) + value * load(k1 + v) + load(k0 + v), lanes);
    });
  });
}

}  // namespace
}  // namespace modnet

MODNET_OPERATOR(norm_forward, modnet::forward)
MODNET_OPERATOR(norm_backward, modnet::backward)
