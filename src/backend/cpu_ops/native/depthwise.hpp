// Gradients of depthwise convolutions on NHWC maps of bfloat16.
//
// oneDNN's (3.10) are its slowest kernels where there is a stride, and read beyond the maps where dilated channels do
// not fill whole vectors.
#pragma once

#include "bf16.hpp"
#include "shape.hpp"

namespace modnet {

// dx [n, ih, iw, c] from dy [n, oh, ow, c] and w [c, 1, kh, kw].
void depthwise_backward_data(const ConvShape& s, const Bf16* dy, const float* w, Bf16* dx);

// dw [c, 1, kh, kw] and, unless null, db [c] from x [n, ih, iw, c] and dy [n, oh, ow, c].
void depthwise_backward_weights(const ConvShape& s, const Bf16* x, const Bf16* dy, float* dw, float* db);

}  // namespace modnet
