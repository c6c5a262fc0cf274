// Gradients of the norms in norm_forward.cpp. The activation's mask is computed again from the input.
#include "norm.hpp"

namespace modnet {
namespace {

// A map's per-channel numbers as rows of `tile.width` floats, one row a picture.
struct Rows {
  int64_t width;
  std::vector<float> data;
  explicit Rows(const Setup& s) : width(s.tile.width), data(s.n * s.tile.width) {}
  float* operator[](int64_t n) { return &data[n * width]; }
  const float* operator[](int64_t n) const { return &data[n * width]; }
};

// dy where the activation let z = scale x + shift through, else 0.
inline Vec passed(const Setup& s, Vec x, Vec dy, const float* scale, const float* shift) {
  const Vec z = x * load(scale) + load(shift), zero = {};
  dy = z > s.low ? dy : zero;
  return z < s.high ? dy : zero;
}

// Sums of g and of g (x - mean) by picture and channel, [n, 2, channels], where g = dy behind the activation.
template <class T>
std::vector<double> gradient_sums(const Setup& s, const T* x, const T* dy, const Rows& scale, const Rows& shift,
                                  const Rows& mean) {
  static Scratch& scratch = *new Scratch();
  float* sums = scratch.floats(s.n * s.chunks * 2 * s.channels);
  s.each_chunk([&](int64_t n, int64_t i) {
    const int64_t at = (n * s.pixels + i * s.chunk) * s.channels;
    const float *a = scale[n], *b = shift[n], *m = mean[n];
    sum_chunk(s, x + at, dy + at, s.chunk_pixels(i), sums + (n * s.chunks + i) * 2 * s.channels,
              [&](Vec value, Vec gradient, int64_t v, Vec& first, Vec& second) {
                const Vec g = passed(s, value, gradient, a + v, b + v);
                first += g;
                second += g * (value - load(m + v));
              });
  });
  return add_chunks(s, sums);
}

// dx = scale (g - mean(g) - xhat mean(g xhat)) is written as scale g + slope x + level; fills slope and level, [n,
// channels]. Statistics that were not taken from this batch (inference) have no share in the gradient.
void coefficients(const Setup& s, const std::vector<double>& sums, const float* mean, const float* inverse,
                  const Rows& scale, float* dgamma, float* dbeta, std::vector<float>& slope,
                  std::vector<float>& level) {
  if (!s.bn) dgamma[0] = dbeta[0] = 0;  // placeholders
  for (int64_t c = 0; c < s.channels; ++c) {
    const bool batch = c < s.bn;
    double g_all = 0, gx_all = 0;
    for (int64_t n = 0; batch && n < s.n; ++n) {
      g_all += sums[2 * n * s.channels + c];
      gx_all += sums[(2 * n + 1) * s.channels + c];
    }
    if (batch) {
      dgamma[c] = static_cast<float>(gx_all * inverse[c]);
      dbeta[c] = static_cast<float>(g_all);
    }
    for (int64_t n = 0; n < s.n; ++n) {
      const int64_t k = n * s.channels + c;
      const double count = static_cast<double>(s.pixels) * (batch ? s.n : 1), r = inverse[k];
      const double g = (batch ? g_all : sums[2 * n * s.channels + c]) / count;
      const double gx = (batch ? gx_all : sums[(2 * n + 1) * s.channels + c]) / count;
      const double factor = batch && !s.training ? 0 : scale[n][c];
      slope[k] = static_cast<float>(-factor * gx * r * r);
      level[k] = static_cast<float>(factor * (mean[k] * gx * r * r - g));
    }
  }
}

// dy, x, gamma, beta, mean, 1/std, attr -> dx, dgamma, dbeta
template <class T>
void backward(const Args& args) {
  const Setup s(args, 1, 6);
  const Affine p{args.f(2), args.f(3), nullptr, nullptr};
  const T *dy = args.at<T>(0), *x = args.at<T>(1);
  const float *mean = args.f(4), *inverse = args.f(5);
  T* dx = args.at<T>(7);
  Rows scale(s), shift(s), centre(s), slope(s), level(s);
  scale_and_shift(s, p, mean, inverse, scale[0], shift[0]);
  for (int64_t n = 0; n < s.n; ++n) s.tile.spread(mean + n * s.channels, centre[n]);
  const std::vector<double> sums = gradient_sums(s, x, dy, scale, shift, centre);
  std::vector<float> slopes(s.n * s.channels), levels(s.n * s.channels);
  coefficients(s, sums, mean, inverse, scale, args.f(8), args.f(9), slopes, levels);
  for (int64_t n = 0; n < s.n; ++n) {
    s.tile.spread(&slopes[n * s.channels], slope[n]);
    s.tile.spread(&levels[n * s.channels], level[n]);
  }
  s.each_chunk([&](int64_t n, int64_t i) {
    const int64_t at = (n * s.pixels + i * s.chunk) * s.channels;
    const float *a = scale[n], *b = shift[n], *k1 = slope[n], *k0 = level[n];
    each_vector(s, s.chunk_pixels(i), [&](int64_t k, int64_t v, int64_t lanes) {
      const Vec value = load_some(x + at + k, lanes);
      const Vec g = passed(s, value, load_some(dy + at + k, lanes), a + v, b + v);
      store_some(dx + at + k, g * load(a + v) + value * load(k1 + v) + load(k0 + v), lanes);
    });
  });
}

}  // namespace
}  // namespace modnet

MODNET_MAP_OPERATOR(norm_backward, modnet::backward, 0)
