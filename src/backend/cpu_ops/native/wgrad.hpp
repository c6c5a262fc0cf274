// Weight gradient of a dense convolution on NHWC maps, for the shapes where oneDNN's kernel is slow.
#pragma once

#include <cstdint>

namespace modnet {

struct ConvShape {
  int64_t n, ih, iw, ic, oh, ow, oc, kh, kw, stride, top, left, dilation;
};

// True where this kernel beats oneDNN's: many pixels, and weights that fit into the second-level cache.
bool weight_gradient_suits(const ConvShape& s);

// dw [oc, ic, kh, kw] and, unless null, db [oc] from x [n, ih, iw, ic] and dy [n, oh, ow, oc].
void weight_gradient(const ConvShape& s, const float* x, const float* dy, float* dw, float* db);

}  // namespace modnet
