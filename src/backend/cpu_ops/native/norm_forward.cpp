// Batch norm, instance norm and both side by side (IBNorm), with ReLU or ReLU6 and a shortcut, on NHWC maps.
#include <cmath>

#include "norm.hpp"

namespace modnet {
namespace {

struct Moments {
  double count, mean, m2;  // m2: sum of squared differences from the mean
};

// Chan, Golub, LeVeque 1979: the moments of two sets together.
Moments join(const Moments& a, const Moments& b) {
  const double delta = b.mean - a.mean, total = a.count + b.count;
  return {total, a.mean + delta * b.count / total, a.m2 + b.m2 + delta * delta * a.count * b.count / total};
}

// Moments of every picture and channel: [n * channels].
template <class T>
std::vector<Moments> moments(const Setup& s, const T* x) {
  static Scratch& scratch = *new Scratch();
  float* sums = scratch.floats(s.n * s.chunks * 2 * s.channels);
  std::vector<float> shifts(s.n * s.tile.width), first(s.channels);
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t c = 0; c < s.channels; ++c) first[c] = to_float(x[n * s.pixels * s.channels + c]);
    s.tile.spread(first.data(), &shifts[n * s.tile.width]);
  }
  s.each_chunk([&](int64_t n, int64_t i) {
    const T* data = x + (n * s.pixels + i * s.chunk) * s.channels;
    const float* shift = &shifts[n * s.tile.width];
    sum_chunk(s, data, data, s.chunk_pixels(i), sums + (n * s.chunks + i) * 2 * s.channels,
              [&](Vec v, Vec, int64_t at, Vec& first, Vec& second) {
                const Vec d = v - load(shift + at);
                first += d;
                second += d * d;
              });
  });
  const std::vector<double> total = add_chunks(s, sums);
  std::vector<Moments> result(s.n * s.channels);
  const double count = static_cast<double>(s.pixels);
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t c = 0; c < s.channels; ++c) {
      const double d = total[2 * n * s.channels + c], q = total[(2 * n + 1) * s.channels + c];
      result[n * s.channels + c] = {count, shifts[n * s.tile.width + c] + d / count, std::max(q - d * d / count, 0.0)};
    }
  return result;
}

// Fills mean and 1/std of every picture and channel, and the new moving statistics.
template <class T>
void statistics(const Setup& s, const T* x, const Affine& p, float* mean, float* inverse, float* new_mean,
                float* new_variance) {
  std::vector<Moments> m;
  if (s.training || s.bn < s.channels) m = moments(s, x);
  for (int64_t c = 0; c < s.channels; ++c) {
    Moments all{1, 0, 0};
    if (c < s.bn && !s.training) all = {1, p.mean[c], p.variance[c]};
    if (c < s.bn && s.training) {
      all = m[c];
      for (int64_t n = 1; n < s.n; ++n) all = join(all, m[n * s.channels + c]);
    }
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

// x, gamma, beta, moving mean, moving variance, [shortcut], attr -> y, mean, 1/std, new moving mean and variance
template <class T>
void forward(const Args& args) {
  const bool shortcut = args.count == 12;
  const int out = args.count - 5;
  const Setup s(args, 0, out - 1);
  const Affine p{args.f(1), args.f(2), args.f(3), args.f(4)};
  const T *x = args.at<T>(0), *add = shortcut ? args.at<T>(5) : nullptr;
  T* y = args.at<T>(out);
  float *mean = args.f(out + 1), *inverse = args.f(out + 2);
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

}  // namespace
}  // namespace modnet

MODNET_MAP_OPERATOR(norm_forward, modnet::forward, 0)
