// Concatenation of NHWC maps along the channels, where an input may be upsampled by two on the way, and its parts'
// gradients. Bilinear, borders repeated: every output pixel is a blend of two neighbours on each axis, so both
// directions are small separable stencils.
#include <algorithm>
#include <vector>

#include "pool.hpp"
#include "runtime.hpp"

namespace modnet {
namespace {

// Share of the farther neighbour: for output 2i that is i - 1, for output 2i + 1 it is i + 1.
struct Stencil {
  float even, odd;
};

// By the operator's mode: 0 copies; 1 has pixel centres at half positions; 2 is TensorFlow's legacy rule, in which
// output j lies at j / 2.
Stencil stencil(int64_t mode) { return mode == 2 ? Stencil{0, 0.5f} : Stencil{0.25f, 0.25f}; }

// Rows of one map inside a wider one: `stride` floats from pixel to pixel.
void copy_pixels(const float* from, int64_t from_stride, float* to, int64_t to_stride, int64_t pixels, int64_t c) {
  for (int64_t p = 0; p < pixels; ++p) std::copy_n(from + p * from_stride, c, to + p * to_stride);
}

inline void blend(float share, const float* far, const float* near, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = share * far[i] + (1 - share) * near[i];
}

// One output row [2w, c] from an input row [w, c] that is already blended vertically.
void stretch_row(Stencil s, const float* row, int64_t w, int64_t c, float* out, int64_t stride) {
  for (int64_t j = 0; j < w; ++j) {
    const float* v = row + j * c;
    blend(s.even, j ? v - c : v, v, out + 2 * j * stride, c);
    blend(s.odd, j + 1 < w ? v + c : v, v, out + (2 * j + 1) * stride, c);
  }
}

// maps..., attr (the mode of each map) -> their concatenation
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
        if (const int64_t mode = a.ints(out - 1)[m]) {
          const Stencil s = stencil(mode);
          const int64_t near = i / 2, far = std::clamp<int64_t>(near + (i % 2 ? 1 : -1), 0, mh - 1);
          blend(i % 2 ? s.odd : s.even, from + far * mw * c, from + near * mw * c, row.data(), mw * c);
          stretch_row(s, row.data(), mw, c, to, width);
        } else {
          copy_pixels(from + i * mw * c, c, to, width, w, c);
        }
        offset += c;
      }
    }
  });
}

// What input i of `size` gets from the outputs 2i - 1, 2i, 2i + 1 and 2i + 2, the first and the last clamped to the
// outputs that there are: at the borders they are its own, whose farther neighbour is itself.
struct Shares {
  float before, even, odd, after;
  Shares(Stencil s, int64_t i, int64_t size)
      : before(i ? s.odd : s.even), even(1 - s.even), odd(1 - s.odd), after(i + 1 < size ? s.even : s.odd) {}
};

// One input row's gradient [w, c] from a row [2w, c] that is already summed vertically.
void shrink_row(Stencil stencil, const float* v, int64_t w, int64_t c, float* out) {
  for (int64_t j = 0; j < w; ++j) {
    const float *at = v + 2 * j * c, *before = j ? at - c : at, *after = j + 1 < w ? at + 2 * c : at + c;
    const Shares s(stencil, j, w);
    float* to = out + j * c;
    for (int64_t k = 0; k < c; ++k)
      to[k] = s.before * before[k] + s.even * at[k] + s.odd * at[c + k] + s.after * after[k];
  }
}

// dy, map (its shape only), attr (first channel in dy, the map's mode) -> the map's gradient
void concat_gradient(const Args& a) {
  const int64_t first = a.ints(2)[0], n = a.dim(3, 0), h = a.dim(3, 1), w = a.dim(3, 2), c = a.dim(3, 3);
  const int64_t width = a.dim(0, 3), mode = a.ints(2)[1];
  parallel_ranges(n * h, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(2 * w * c);
    for (int64_t r = begin; r < end; ++r) {
      const int64_t image = r / h, i = r % h;
      float* to = a.f(3) + r * w * c;
      if (!mode) {
        copy_pixels(a.f(0) + r * w * width + first, width, to, c, w, c);
        continue;
      }
      const float* dy = a.f(0) + image * 4 * h * w * width + first;
      auto line = [&](int64_t k) { return dy + std::clamp<int64_t>(k, 0, 2 * h - 1) * 2 * w * width; };
      const float *before = line(2 * i - 1), *l0 = line(2 * i), *l1 = line(2 * i + 1), *after = line(2 * i + 2);
      const Shares s(stencil(mode), i, h);
      for (int64_t p = 0; p < 2 * w; ++p)
        for (int64_t k = 0; k < c; ++k) {
          const int64_t q = p * width + k;
          row[p * c + k] = s.before * before[q] + s.even * l0[q] + s.odd * l1[q] + s.after * after[q];
        }
      shrink_row(stencil(mode), row.data(), w, c, to);
    }
  });
}

}  // namespace
}  // namespace modnet

MODNET_OPERATOR(concat, modnet::concat)
MODNET_OPERATOR(concat_gradient, modnet::concat_gradient)
