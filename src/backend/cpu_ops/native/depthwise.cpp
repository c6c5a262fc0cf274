#include "depthwise.hpp"

#include <algorithm>
#include <vector>

#include "pool.hpp"

namespace modnet {
namespace {

// One output tap that an input row or column has a share in: its position, and the kernel's.
struct Tap {
  int64_t out, kernel;
};

// The taps of input position `i` on one axis.
std::vector<Tap> taps(int64_t i, int64_t before, int64_t out, int64_t kernel, const ConvShape& s) {
  std::vector<Tap> found;
  for (int64_t k = 0; k < kernel; ++k) {
    const int64_t from = i + before - k * s.dilation;
    if (from >= 0 && from % s.stride == 0 && from / s.stride < out) found.push_back({from / s.stride, k});
  }
  return found;
}

// V vectors of channels: adds sums over `count` outputs of x * dy to `sum`, x moving on by `x_step`, dy by `dy_step`.
template <int V>
void add_products(const Bf16* x, int64_t x_step, const Bf16* dy, int64_t dy_step, int64_t count, float* sum) {
  Vec acc[V];
  for (int v = 0; v < V; ++v) acc[v] = load(sum + v * kLanes);
  for (int64_t i = 0; i < count; ++i, x += x_step, dy += dy_step)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[v] += load(x + v * kLanes) * load(dy + v * kLanes);
  for (int v = 0; v < V; ++v) store(sum + v * kLanes, acc[v]);
}

// The same for the last channels, fewer than a vector.
void add_last(const Bf16* x, int64_t x_step, const Bf16* dy, int64_t dy_step, int64_t count, int64_t lanes,
              float* sum) {
  for (int64_t i = 0; i < count; ++i, x += x_step, dy += dy_step)
    for (int64_t v = 0; v < lanes; ++v) sum[v] += to_float(x[v]) * to_float(dy[v]);
}

// Outputs [first, first + count) of a row whose tap `k` lies inside the map.
struct Inside {
  int64_t first, count;
  Inside(int64_t k, int64_t before, int64_t in, int64_t out, const ConvShape& s) {
    const int64_t shift = before - k * s.dilation;  // output o reads position o * stride - shift
    first = std::max<int64_t>(0, (shift + s.stride - 1) / s.stride);
    count = std::max<int64_t>(0, std::min(out, (in - 1 + shift) < 0 ? 0 : (in - 1 + shift) / s.stride + 1) - first);
  }
};

// Adds the output row `oh` of a picture to `sums`, [kh, kw, width].
void add_row(const ConvShape& s, const Bf16* x, const Bf16* dy, int64_t oh, int64_t width, float* sums) {
  constexpr int kAtOnce = 4;
  const int64_t c = s.ic, step = s.stride * c;
  for (int64_t k = 0; k < s.kh * s.kw; ++k) {
    const int64_t ih = oh * s.stride + k / s.kw * s.dilation - s.top;
    const Inside row(k % s.kw, s.left, s.iw, s.ow, s);
    if (ih < 0 || ih >= s.ih || row.count == 0) continue;
    const int64_t iw = row.first * s.stride + k % s.kw * s.dilation - s.left;
    const Bf16 *from = x + (ih * s.iw + iw) * c, *by = dy + (oh * s.ow + row.first) * c;
    float* to = sums + k * width;
    int64_t v = 0;
    for (; v + kAtOnce * kLanes <= c; v += kAtOnce * kLanes)
      add_products<kAtOnce>(from + v, step, by + v, c, row.count, to + v);
    for (; v + kLanes <= c; v += kLanes) add_products<1>(from + v, step, by + v, c, row.count, to + v);
    if (v < c) add_last(from + v, step, by + v, c, row.count, c - v, to + v);
  }
}

}  // namespace

void depthwise_backward_weights(const ConvShape& s, const Bf16* x, const Bf16* dy, float* dw, float* db) {
  const int64_t c = s.ic, area = s.kh * s.kw, width = (c + kLanes - 1) / kLanes * kLanes;
  const int64_t threads = Pool::instance().size(), share = (area + 1) * width;
  std::vector<float> all(threads * share);
  parallel_ranges(s.n * s.oh, 1, [&](int64_t begin, int64_t end, int thread) {
    float *sums = &all[thread * share], *bias = sums + area * width;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t image = row / s.oh, oh = row % s.oh;
      const Bf16* slope = dy + image * s.oh * s.ow * c;
      add_row(s, x + image * s.ih * s.iw * c, slope, oh, width, sums);
      for (int64_t i = 0; db && i < s.ow * c; ++i) bias[i % c] += to_float(slope[oh * s.ow * c + i]);
    }
  });
  for (int64_t i = 0; i < c; ++i)
    for (int64_t k = 0; k <= area; ++k) {
      float sum = 0;
      for (int64_t t = 0; t < threads; ++t) sum += all[t * share + k * width + i];
      if (k < area) dw[i * area + k] = sum;
      if (k == area && db) db[i] = sum;
    }
}

void depthwise_backward_data(const ConvShape& s, const Bf16* dy, const float* w, Bf16* dx) {
  const int64_t c = s.ic, area = s.kh * s.kw, width = (c + kLanes - 1) / kLanes * kLanes;
  std::vector<float> weights(area * width);  // [kh, kw, c]
  for (int64_t i = 0; i < c; ++i)
    for (int64_t k = 0; k < area; ++k) weights[k * width + i] = w[i * area + k];
  std::vector<std::vector<Tap>> columns(s.iw);
  for (int64_t i = 0; i < s.iw; ++i) columns[i] = taps(i, s.left, s.ow, s.kw, s);
  parallel_ranges(s.n * s.ih, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<const Bf16*> from;
    std::vector<const float*> factor;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t image = row / s.ih;
      const std::vector<Tap> rows = taps(row % s.ih, s.top, s.oh, s.kh, s);
      for (int64_t i = 0; i < s.iw; ++i) {
        from.clear();
        factor.clear();
        for (const Tap& r : rows)
          for (const Tap& q : columns[i]) {
            from.push_back(dy + ((image * s.oh + r.out) * s.ow + q.out) * c);
            factor.push_back(&weights[(r.kernel * s.kw + q.kernel) * width]);
          }
        Bf16* to = dx + (row * s.iw + i) * c;
        for (int64_t v = 0; v < c; v += kLanes) {
          const int64_t lanes = std::min<int64_t>(kLanes, c - v);
          Vec sum = {};
          for (size_t t = 0; t < from.size(); ++t) sum += load_some(from[t] + v, lanes) * load(factor[t] + v);
          store_some(to + v, sum, lanes);
        }
      }
    }
  });
}

}  // namespace modnet
