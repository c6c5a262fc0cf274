// Concatenation of NHWC maps along the channels, where an input may be upsampled by two on the way, and its parts'
// gradients. Bilinear, borders repeated: every output pixel is a blend of two neighbours on each axis, so both
// directions are small separable stencils.
#include <algorithm>
#include <vector>

#include "pool.hpp"
#include "runtime.hpp"

namespace modnet {
namespace {

constexpr int kMaxMaps = 8;

// Share of the farther neighbour: for output 2i that is i - 1, for output 2i + 1 it is i + 1.
struct Stencil {
  float even, odd;
};

// By the operator's mode: 0 copies; 1 has pixel centres at half positions; 2 is TensorFlow's legacy rule, in which
// output j lies at j / 2.
Stencil stencil(int64_t mode) { return mode == 2 ? Stencil{0, 0.5f} : Stencil{0.25f, 0.25f}; }

// Rows of one map inside a wider one: `stride` numbers from pixel to pixel.
template <class T>
void copy_pixels(const T* from, int64_t from_stride, T* to, int64_t to_stride, int64_t pixels, int64_t c) {
  constexpr int64_t kFew = 8;  // channels for which calling a copy costs more than the copy
  for (int64_t p = 0; p < pixels; ++p, from += from_stride, to += to_stride) {
    if (c >= kFew) {
      std::copy_n(from, c, to);
    } else {
      for (int64_t k = 0; k < c; ++k) to[k] = from[k];
    }
  }
}

template <class In, class Out>
inline void blend(float share, const In* far, const In* near, Out* out, int64_t count) {
  const Vec a = broadcast(share), b = broadcast(1 - share);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, a * load(far + i) + b * load(near + i));
  for (; i < count; ++i) out[i] = to<Out>(share * to_float(far[i]) + (1 - share) * to_float(near[i]));
}

// One output row [2w, c] from an input row [w, c] that is already blended vertically.
template <class T>
void stretch_row(Stencil s, const float* row, int64_t w, int64_t c, T* out, int64_t stride) {
  for (int64_t j = 0; j < w; ++j) {
    const float* v = row + j * c;
    blend(s.even, j ? v - c : v, v, out + 2 * j * stride, c);
    blend(s.odd, j + 1 < w ? v + c : v, v, out + (2 * j + 1) * stride, c);
  }
}

// maps..., attr (the mode of each map) -> their concatenation
template <class T>
void concat(const Args& a) {
  const int maps = a.count - 2, out = a.count - 1;
  T* const y = a.at<T>(out);
  const T* from_map[kMaxMaps];
  check(maps <= kMaxMaps, "too many maps");
  for (int m = 0; m < maps; ++m) from_map[m] = a.at<T>(m);
  const int64_t n = a.dim(out, 0), h = a.dim(out, 1), w = a.dim(out, 2), width = a.dim(out, 3);
  parallel_ranges(n * h, 2, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(w / 2 * width + 1);
    for (int64_t r = begin; r < end; ++r) {
      int64_t offset = 0;
      for (int m = 0; m < maps; ++m) {
        const int64_t c = a.dim(m, 3), mh = a.dim(m, 1), mw = a.dim(m, 2), image = r / h, i = r % h;
        T* to = y + r * w * width + offset;
        const T* from = from_map[m] + image * mh * mw * c;
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

// The weighted sum of what four neighbours hold.
template <class In, class Out>
inline void weigh(const Shares& s, const In* before, const In* even, const In* odd, const In* after, Out* out,
                  int64_t count) {
  const Vec w0 = broadcast(s.before), w1 = broadcast(s.even), w2 = broadcast(s.odd), w3 = broadcast(s.after);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    store(out + i, w0 * load(before + i) + w1 * load(even + i) + w2 * load(odd + i) + w3 * load(after + i));
  for (; i < count; ++i)
    out[i] = to<Out>(s.before * to_float(before[i]) + s.even * to_float(even[i]) + s.odd * to_float(odd[i]) +
                     s.after * to_float(after[i]));
}

// One input row's gradient [w, c] from a row [2w, c] that is already summed vertically.
template <class T>
void shrink_row(Stencil stencil, const float* v, int64_t w, int64_t c, T* out) {
  for (int64_t j = 0; j < w; ++j) {
    const float *at = v + 2 * j * c, *before = j ? at - c : at, *after = j + 1 < w ? at + 2 * c : at + c;
    const Shares s(stencil, j, w);
    T* target = out + j * c;
    weigh(s, before, at, at + c, after, target, c);
  }
}

// dy, map (its shape only), attr (first channel in dy, the map's mode) -> the map's gradient; zero for channels that
// dy does not have, because whoever took the map asked for no gradient of them
template <class T>
void concat_gradient(const Args& a) {
  const int64_t first = a.ints(2)[0], n = a.dim(3, 0), h = a.dim(3, 1), w = a.dim(3, 2), c = a.dim(3, 3);
  const int64_t width = a.dim(0, 3), mode = a.ints(2)[1];
  const T* const all = a.at<T>(0);
  T* const part = a.at<T>(3);
  if (first + c > width) return static_cast<void>(std::fill_n(part, a.size(3), T{}));
  parallel_ranges(n * h, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> row(2 * w * c);
    for (int64_t r = begin; r < end; ++r) {
      const int64_t image = r / h, i = r % h;
      T* to = part + r * w * c;
      if (!mode) {
        copy_pixels(all + r * w * width + first, width, to, c, w, c);
        continue;
      }
      const T* dy = all + image * 4 * h * w * width + first;
      auto line = [&](int64_t k) { return dy + std::clamp<int64_t>(k, 0, 2 * h - 1) * 2 * w * width; };
      const T *before = line(2 * i - 1), *l0 = line(2 * i), *l1 = line(2 * i + 1), *after = line(2 * i + 2);
      const Shares s(stencil(mode), i, h);
      for (int64_t p = 0; p < 2 * w; ++p) {
        const int64_t q = p * width;
        weigh(s, before + q, l0 + q, l1 + q, after + q, &row[p * c], c);
      }
      shrink_row(stencil(mode), row.data(), w, c, to);
    }
  });
}

}  // namespace
}  // namespace modnet

MODNET_MAP_OPERATOR(concat, modnet::concat, 0)
MODNET_MAP_OPERATOR(concat_gradient, modnet::concat_gradient, 0)
