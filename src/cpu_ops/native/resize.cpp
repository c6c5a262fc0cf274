// Concatenation of NHWC maps along the channels, where an input may be upsampled by two on the way, and its parts'
// gradients. Bilinear, pixel centres at half positions, borders repeated: every output pixel is 1/4 of one and 3/4
// of the other neighbour on each axis, so both directions are small separable stencils.
#include <algorithm>
#include <vector>

#include "pool.hpp"
#include "runtime.hpp"

namespace modnet {
namespace {

// Rows of one map inside a wider one: `stride` floats from pixel to pixel.
void copy_pixels(const float* from, int64_t from_stride, float* to, int64_t to_stride, int64_t pixels, int64_t c) {
  for (int64_t p = 0; p < pixels; ++p) std::copy_n(from + p * from_stride, c, to + p * to_stride);
}

// out = (a + 3 b) / 4
inline void blend(const float* a, const float* b, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = 0.25f * a[i] + 0.75f * b[i];
}

// One output row [2w, c] from the nearer and the farther input row [w, c].
void upsample_row(const float* far, const float* near, int64_t w, int64_t c, float* row, float* out, int64_t stride) {
  blend(far, near, row, w * c);
  for (int64_t j = 0; j < w; ++j) {
    const float* v = row + j * c;
    blend(j ? v - c : v, v, out + 2 * j * stride, c);
    blend(j + 1 < w ? v + c : v, v, out + (2 * j + 1) * stride, c);
  }
}

// maps..., attr (for each map: 1 to upsample it by two, 0 to copy it) -> their concatenation
void concat(const Args& a) {
  const int maps = a.count - 2, out = a.count - 1;
  const int64_t n = a.dim(out, 0), h = a.dim(out, 1), w = a.dim(out, 2), width = a.dim(out, 3);
  parallel_ranges(n * h, 2, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(w / 2 * width + 1);
    for (int64_t r = begin; r < end; ++r) {
      int64_t offset = 0;
      for (int m = 0; m < maps; ++m) {
        const int64_t c = a.dim(m, 3), mh = a.dim(m, 1), mw = a.dim(m, 2), image = r / h, i = r % h;
        float* to = a.f(out) + r * w * width + offset;
        const float* from = a.f(m) + image * mh * mw * c;
        if (a.ints(out - 1)[m]) {
          const int64_t near = i / 2, far = std::clamp<int64_t>(near + (i % 2 ? 1 : -1), 0, mh - 1);
          upsample_row(from + far * mw * c, from + near * mw * c, mw, c, row.data(), to, width);
        } else {
          copy_pixels(from + i * mw * c, c, to, width, w, c);
        }
        offset += c;
      }
    }
  });
}

// One input row's gradient [w, c] from a row [2w, c] that is already summed vertically.
void shrink_row(const float* v, int64_t w, int64_t c, float* out) {
  for (int64_t j = 0; j < w; ++j) {
    const float *at = v + 2 * j * c, *before = j ? at - c : at, *after = j + 1 < w ? at + 2 * c : at + c;
    float* to = out + j * c;
    for (int64_t k = 0; k < c; ++k) to[k] = 0.25f * (before[k] + after[k]) + 0.75f * (at[k] + at[c + k]);
  }
}

// dy, map (its shape only), attr (first channel in dy, 1 if the map was upsampled) -> the map's gradient
void concat_gradient(const Args& a) {
  const int64_t first = a.ints(2)[0], n = a.dim(3, 0), h = a.dim(3, 1), w = a.dim(3, 2), c = a.dim(3, 3);
  const int64_t width = a.dim(0, 3);
  const bool upsampled = a.ints(2)[1];
  parallel_ranges(n * h, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(2 * w * c);
    for (int64_t r = begin; r < end; ++r) {
      const int64_t image = r / h, i = r % h;
      float* to = a.f(3) + r * w * c;
      if (!upsampled) {
        copy_pixels(a.f(0) + r * w * width + first, width, to, c, w, c);
        continue;
      }
      const float* dy = a.f(0) + image * 4 * h * w * width + first;
      auto line = [&](int64_t k) { return dy + std::clamp<int64_t>(k, 0, 2 * h - 1) * 2 * w * width; };
      const float *before = line(2 * i - 1), *l0 = line(2 * i), *l1 = line(2 * i + 1), *after = line(2 * i + 2);
      for (int64_t p = 0; p < 2 * w; ++p)
        for (int64_t k = 0; k < c; ++k) {
          const int64_t q = p * width + k;
          row[p * c + k] = 0.25f * (before[q] + after[q]) + 0.75f * (l0[q] + l1[q]);
        }
      shrink_row(row.data(), w, c, to);
    }
  });
}

}  // namespace
}  // namespace modnet

MODNET_OPERATOR(concat, modnet::concat)
MODNET_OPERATOR(concat_gradient, modnet::concat_gradient)
