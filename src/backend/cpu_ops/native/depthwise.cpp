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

}  // namespace

bool depthwise_suits(const ConvShape& s, int64_t group) { return group == s.ic && s.oc == s.ic && s.stride > 1; }

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
