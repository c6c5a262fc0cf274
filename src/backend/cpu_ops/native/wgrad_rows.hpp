// Rows of the two maps as the weight gradient's tiles read them: padded with zeros, bfloat16 paired up.
//
// A row of x has one entry for each pixel that a patch may start at, channels side by side. Of floats that is the
// row itself. Of bfloat16 an entry holds two pixels, those that neighbouring outputs meet at the same tap, so that
// one instruction multiplies both; `x_step` then leads over two outputs.
#pragma once

#include <algorithm>
#include <vector>

#include "bf16.hpp"
#include "shape.hpp"

namespace modnet {

template <class T>
class MapRows {
 public:
  using Entry = typename Operand<T>::Entry;
  static constexpr int64_t kPixels = Operand<T>::kPixels;

  // `rows` of dy are held at a time, each pixel's `dy_step` entries long; `overrun`: tiles read beyond a row of x.
  MapRows(const ConvShape& s, const T* x, const T* dy, int64_t rows, int64_t dy_step, bool overrun)
      : s_(s),
        x_(x),
        dy_(dy),
        dy_step_(dy_step),
        x_length_(((s.ow - 1) * s.stride + (s.kw - 1) * s.dilation + 1) * s.ic),
        slots_((rows - 1) * s.stride + (s.kh - 1) * s.dilation + 1),
        compact_(kPixels > 1 && s.kw == 1),
        held_(slots_, -1) {
    const bool fits = s.kw == 1 && s.left == 0 && x_length_ <= s.iw * s.ic;
    plain_x_ = kPixels == 1 && fits && !overrun;
    plain_dy_ = kPixels == 1 && dy_step == s.oc;
    if (!plain_x_) copies_.resize(slots_ * (x_length_ + kLanes));
    if (!plain_dy_) dy_copies_.resize(rows * steps(s.ow) * dy_step);
    if (kPixels > 1) padded_.resize(x_length_ + s.stride * s.ic);
  }

  static int64_t steps(int64_t pixels) { return (pixels + kPixels - 1) / kPixels; }
  int64_t x_step() const { return compact_ ? s_.ic : kPixels * s_.stride * s_.ic; }
  // Where output pixel `at` (a multiple of kPixels) begins in a row of x, at column `kw` of the kernel.
  int64_t x_begin(int64_t at, int64_t kw) const {
    return at / kPixels * x_step() + (compact_ ? 0 : kw * s_.dilation * s_.ic);
  }

  // Row `ih` of a picture with zeros for the padding at its ends.
  const Entry* x(int64_t image, int64_t ih) {
    const T* row = x_ + (image * s_.ih + ih) * s_.iw * s_.ic;
    if constexpr (kPixels == 1) {
      if (plain_x_) return row;
    }
    const int64_t slot = ih % slots_, tag = image * s_.ih + ih;
    Entry* copy = &copies_[slot * (x_length_ + kLanes)];
    if (held_[slot] != tag) {
      held_[slot] = tag;
      if constexpr (kPixels == 1) {
        pad(row, copy, x_length_);
      } else {
        pad(row, padded_.data(), x_length_ + s_.stride * s_.ic);
        pair_x(copy);
      }
    }
    return copy;
  }

  // Row `oh` of a picture's dy, its channels filled up to `dy_step`; `slot` is its place among the rows held.
  const Entry* dy(int64_t image, int64_t oh, int64_t slot) {
    const T* row = dy_ + (image * s_.oh + oh) * s_.ow * s_.oc;
    if constexpr (kPixels == 1) {
      if (plain_dy_) return row;
    }
    Entry* copy = &dy_copies_[slot * steps(s_.ow) * dy_step_];
    if constexpr (kPixels == 1) {
      for (int64_t p = 0; p < s_.ow; ++p) std::copy_n(row + p * s_.oc, s_.oc, copy + p * dy_step_);
    } else {
      for (int64_t p = 0; p < s_.ow; p += 2) {
        const Bf16 *first = row + p * s_.oc, *second = first + s_.oc;
        Entry* to = copy + p / 2 * dy_step_;
        if (p + 1 < s_.ow) {
          for (int64_t o = 0; o < s_.oc; ++o) to[o] = pair_of(first[o], second[o]);
        } else {
          for (int64_t o = 0; o < s_.oc; ++o) to[o] = pair_of(first[o], Bf16{0});
        }
      }
    }
    return copy;
  }

 private:
  void pad(const T* row, T* to, int64_t length) const {
    const int64_t before = std::min(s_.left * s_.ic, length);
    const int64_t taken = std::min(s_.iw * s_.ic, length - before);
    std::fill_n(to, before, T{});
    std::copy_n(row, taken, to + before);
    std::fill(to + before + taken, to + length, T{});
  }

  void pair_x(Pair* to) const {
    const Bf16 *first = padded_.data(), *second = first + s_.stride * s_.ic;
    if (!compact_) {
      for (int64_t i = 0; i < x_length_; ++i) to[i] = pair_of(first[i], second[i]);
      return;
    }
    for (int64_t p = 0; p < steps(s_.ow); ++p, first += 2 * s_.stride * s_.ic, second += 2 * s_.stride * s_.ic)
      for (int64_t i = 0; i < s_.ic; ++i) to[p * s_.ic + i] = pair_of(first[i], second[i]);
  }

  const ConvShape& s_;
  const T *x_, *dy_;
  int64_t dy_step_, x_length_, slots_;
  bool compact_;  // entries for every second output alone: with one column in the kernel nothing else is read
  bool plain_x_ = false, plain_dy_ = false;  // rows can be used where they are
  std::vector<int64_t> held_;
  std::vector<Entry> copies_, dy_copies_;
  std::vector<T> padded_;
};

}  // namespace modnet
